#include "exporter/cli/output.h"

#include <gtest/gtest.h>

#include <sstream>

namespace warden::cli {
namespace {

TEST(Table, IsDrawnAsEtcdctlDrawsIt) {
  EXPECT_EQ(FormatTable({"ID", "NAME"}, {{"1", "etcd-1"}, {"23", "é"}}),
            "+----+--------+\n"
            "| ID | NAME   |\n"
            "+----+--------+\n"
            "| 1  | etcd-1 |\n"
            "| 23 | é      |\n"
            "+----+--------+\n");
}

TEST(Table, CannotBeBrokenByItsCells) {
  EXPECT_EQ(FormatTable({"A"}, {{"x\n|y"}, {}}),
            "+------+\n"
            "| A    |\n"
            "+------+\n"
            "| x |y |\n"
            "|      |\n"
            "+------+\n");
}

TEST(Print, GivesProgramsAnArrayEvenOfNothing) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  Print(console, Format::kJson, {"A"}, {}, Json::array());
  EXPECT_EQ(out.str(), "[]\n");
}

TEST(Fail, SaysWhoFailedAndReturnsTheCode) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  EXPECT_EQ(Fail(console, kFailed, Status(Code::kUnavailable, "no member answers")), kFailed);
  EXPECT_EQ(err.str(), "etcd-warden: no member answers\n");
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace warden::cli
