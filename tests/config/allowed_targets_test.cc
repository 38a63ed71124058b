#include "exporter/config/allowed_targets.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace warden::config {
namespace {

AllowedTargets Of(const std::vector<std::string>& entries) {
  AllowedTargets targets;
  for (const std::string& entry : entries) {
    const Status added = targets.Add(entry);
    EXPECT_TRUE(added.ok()) << added.message();
  }
  return targets;
}

bool Allows(const AllowedTargets& targets, const std::string& address) {
  const Result<IpAddress> parsed = ParseIpAddress(address);
  EXPECT_TRUE(parsed.ok()) << address;
  return parsed.ok() && targets.AllowsAddress(*parsed);
}

TEST(AllowedTargets, AllowNobodyByDefault) {
  const AllowedTargets none;
  EXPECT_FALSE(none.AllowsName("localhost"));
  EXPECT_FALSE(none.AllowsName(""));
  EXPECT_FALSE(Allows(none, "127.0.0.1"));
  EXPECT_FALSE(Allows(none, "::"));
}

TEST(AllowedTargets, AllowTheAddressesOfANetwork) {
  struct Case {
    std::string entry;
    std::vector<std::string> in;
    std::vector<std::string> out;
  };
  const Case cases[] = {
      {"10.0.0.0/8",
       {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"},
       {"11.0.0.0", "9.255.255.255"}},
      {"192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127", "192.0.3.128"}},
      {"192.0.2.4/30", {"192.0.2.4", "192.0.2.7"}, {"192.0.2.3", "192.0.2.8"}},
      {"192.0.2.1/32",
       {"192.0.2.1", "::ffff:192.0.2.1"},
       {"192.0.2.0", "192.0.2.2", "::192.0.2.1"}},
      {"192.0.2.1", {"192.0.2.1", "::ffff:192.0.2.1"}, {"192.0.2.0", "::192.0.2.1"}},
      {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "::1", "2001:db8::1"}},
      {"0.0.0.0/1", {"127.255.255.255"}, {"128.0.0.0"}},
      {"::/0",
       {"::", "2001:db8::1", "::fffe:7f00:1"},
       {"10.0.0.1", "127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"}},
      {"::/80", {"::1", "::fffe:7f00:1"}, {"127.0.0.1", "255.255.255.255"}},
      {"2001:db8::/32", {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}, {"2001:db9::"}},
      {"2001:db8::/33", {"2001:db8:7fff::"}, {"2001:db8:8000::"}},
      {"2001:db8::1/128", {"2001:db8::1"}, {"2001:db8::", "2001:db8::2"}},
      {"::1", {"::1"}, {"::", "::2", "127.0.0.1"}},
      // A prefix behind an IPv4 address counts IPv4's bits, however the address is spelled.
      {"::ffff:10.0.0.0/8", {"10.1.2.3"}, {"11.0.0.0", "::1"}},
  };
  for (const Case& each : cases) {
    const AllowedTargets targets = Of({each.entry});
    for (const std::string& in : each.in)
      EXPECT_TRUE(Allows(targets, in)) << each.entry << " " << in;
    for (const std::string& out : each.out) {
      EXPECT_FALSE(Allows(targets, out)) << each.entry << " " << out;
    }
    EXPECT_FALSE(targets.AllowsName(each.entry)) << "an address is no name";
  }
}

TEST(AllowedTargets, AllowNamesWhateverTheirCaseAndFinalDot) {
  const AllowedTargets targets = Of({"Etcd-0.Example.com.", "etcd_1", "x"});
  for (const std::string name :
       {"etcd-0.example.com", "ETCD-0.EXAMPLE.COM", "etcd-0.example.com.", "etcd_1", "X", "x."}) {
    EXPECT_TRUE(targets.AllowsName(name)) << name;
  }
  for (const std::string name : {"example.com", "a.etcd-0.example.com", "etcd-0.example.com..", "",
                                 ".", "etcd-0.example.co", "x y", "x\n"}) {
    EXPECT_FALSE(targets.AllowsName(name)) << name;
  }
  EXPECT_FALSE(targets.AllowsName(std::string("x\0", 2)));
  EXPECT_FALSE(Allows(targets, "127.0.0.1")) << "a name lists no address";
}

TEST(AllowedTargets, AllowWhatAnyEntryAllows) {
  const AllowedTargets targets = Of({"10.0.0.0/24", "10.0.2.0/24", "etcd", "::1"});
  EXPECT_TRUE(Allows(targets, "10.0.0.9"));
  EXPECT_FALSE(Allows(targets, "10.0.1.9"));
  EXPECT_TRUE(Allows(targets, "10.0.2.9"));
  EXPECT_TRUE(Allows(targets, "::1"));
  EXPECT_TRUE(targets.AllowsName("etcd"));
}

TEST(AllowedTargets, KnowWhetherTheyHaveNetworks) {
  EXPECT_FALSE(AllowedTargets().HasNetworks());
  EXPECT_FALSE(Of({"etcd", "etcd.example.com"}).HasNetworks());
  EXPECT_TRUE(Of({"etcd", "10.0.0.1"}).HasNetworks());
}

TEST(AllowedTargets, AreEqualIfTheirEntriesAre) {
  EXPECT_EQ(Of({"etcd", "10.0.0.0/8"}), Of({"ETCD.", "10.0.0.0/8"}));
  EXPECT_NE(Of({"etcd", "10.0.0.0/8"}), Of({"etcd", "10.0.0.0/9"}));
  EXPECT_NE(Of({"etcd", "10.0.0.0/8"}), Of({"10.0.0.0/8"}));
}

TEST(AllowedTargets, SayWhatIsWrongWithAnEntry) {
  struct Case {
    std::string entry;
    std::string what;
  };
  const std::string nothing = " is no address, network (192.0.2.0/24) or host name";
  const Case cases[] = {
      {"", nothing},
      {".", nothing},
      {"10.0.0", nothing},
      {"10.0.0.256", nothing},
      {"10.0.0.0.", nothing},
      {"1", nothing},
      {"a b", nothing},
      {"*.example.com", nothing},
      {"-x", nothing},
      {".x", nothing},
      {"a..b", nothing},
      {"x..", nothing},
      {"host:2379", nothing},
      {"https://host", " has no IP address before its /"},
      {"[::1]", nothing},
      {"fe80::1%eth0", nothing},
      {"etcd.example.com/24", " has no IP address before its /"},
      {"10.0.0/24", " has no IP address before its /"},
      {"/24", " has no IP address before its /"},
      {"10.0.0.0/", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/33", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/-1", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/+8", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/8/8", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/255.0.0.0", " needs a number from 0 to 32 behind its /"},
      {"10.0.0.0/99999999999", " needs a number from 0 to 32 behind its /"},
      {"2001:db8::/129", " needs a number from 0 to 128 behind its /"},
      {"10.1.2.3/8", " has bits set behind its prefix; write 10.0.0.0/8"},
      {"10.0.0.1/31", " has bits set behind its prefix; write 10.0.0.0/31"},
      {"0.0.0.1/0", " has bits set behind its prefix; write 0.0.0.0/0"},
      {"2001:db8::1/64", " has bits set behind its prefix; write 2001:db8::/64"},
      {"::1/0", " has bits set behind its prefix; write ::/0"},
  };
  for (const Case& each : cases) {
    AllowedTargets targets;
    const Status status = targets.Add(each.entry);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << each.entry;
    EXPECT_EQ(status.message(), "\"" + each.entry + "\"" + each.what);
  }
  EXPECT_FALSE(AllowedTargets().Add(std::string(300, 'x')).ok());
  EXPECT_FALSE(AllowedTargets().Add(std::string("x\0y", 3)).ok());
  EXPECT_FALSE(AllowedTargets().Add(std::string("10.0.0.1\0", 9)).ok());
}

TEST(AllowedTargets, KeepNothingOfARefusedEntry) {
  AllowedTargets targets;
  EXPECT_FALSE(targets.Add("10.1.2.3/8").ok());
  EXPECT_FALSE(targets.Add("10.0.0.0/33").ok());
  EXPECT_FALSE(Allows(targets, "10.1.2.3"));
}

}  // namespace
}  // namespace warden::config
