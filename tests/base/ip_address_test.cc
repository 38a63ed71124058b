#include "exporter/base/ip_address.h"

#include <gtest/gtest.h>

namespace warden {
namespace {

TEST(ParseIpAddress, ReadsBothFamilies) {
  struct Case {
    std::string text;
    std::string normal;
  };
  const Case cases[] = {{"192.0.2.1", "192.0.2.1"},
                        {"0.0.0.0", "0.0.0.0"},
                        {"255.255.255.255", "255.255.255.255"},
                        {"2001:DB8::1", "2001:db8::1"},
                        {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
                        {"::", "::"},
                        {"::1", "::1"},
                        {"::ffff:192.0.2.1", "192.0.2.1"},
                        {"::ffff:c000:201", "192.0.2.1"},
                        {"::192.0.2.1", "::192.0.2.1"},
                        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"}};
  for (const Case& each : cases) {
    const auto address = ParseIpAddress(each.text);
    ASSERT_TRUE(address.ok()) << each.text;
    EXPECT_EQ(FormatIpAddress(*address), each.normal) << each.text;
  }
}

TEST(ParseIpAddress, RefusesEverythingElse) {
  for (const std::string& text :
       {std::string(), std::string("localhost"), std::string("10.0.0"), std::string("10.0.0.256"),
        std::string("010.0.0.1"), std::string("0x7f.1"), std::string("2130706433"),
        std::string("10.0.0.1 "), std::string(" 10.0.0.1"), std::string("10.0.0.1:2379"),
        std::string("[::1]"), std::string("fe80::1%eth0"), std::string("::1::"),
        std::string("1:2:3:4:5:6:7:8:9"), std::string("10.0.0.1\0", 9),
        std::string("10.0.0.1\0.example", 17), std::string("::1\0", 4), std::string("10.0.0.1/8"),
        std::string(1000, ':')}) {
    const auto address = ParseIpAddress(text);
    EXPECT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.status().code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace warden
