#include "exporter/restore/target.h"

#include <gtest/gtest.h>

#include <string>

namespace warden::restore {
namespace {

TEST(ParseTarget, ReadsAMinorOrAPatchOfIt) {
  struct Case {
    std::string version;
    Target target;
    std::string name;
  };
  const Case cases[] = {
      {"3.4", Target::k34, "3.4"},    {"3.4.45", Target::k34, "3.4"},
      {"3.5", Target::k35, "3.5"},    {"3.5.0", Target::k35, "3.5"},
      {"3.6.16", Target::k36, "3.6"}, {"3.7.0-rc.0", Target::k37, "3.7"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.version);
    const Result<Target> target = ParseTarget(each.version);
    ASSERT_TRUE(target.ok()) << target.error().message();
    EXPECT_EQ(*target, each.target);
    EXPECT_EQ(TargetName(*target), each.name);
  }
}

TEST(ParseTarget, RefusesEveryOtherMinor) {
  for (const char* version : {"", "3", "3.3", "3.8", "3.40", "2.3.8", "4.5", "new", "v3.5"}) {
    SCOPED_TRACE(version);
    const Result<Target> target = ParseTarget(version);
    ASSERT_FALSE(target.ok());
    EXPECT_EQ(target.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(target.error().message(),
              "\"" + std::string(version) + "\" is no etcd version from 3.4 to 3.7");
  }
}

}  // namespace
}  // namespace warden::restore
