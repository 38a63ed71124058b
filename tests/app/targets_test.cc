#include "exporter/app/targets.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/recording_logger.h"

namespace warden::app {
namespace {

class FakeResolver final : public Resolver {
 public:
  void Set(const std::string& host, const std::vector<std::string>& addresses) {
    hosts_[host].clear();
    for (const std::string& each : addresses) {
      hosts_[host].push_back(*ParseIpAddress(each));
    }
  }
  Result<std::vector<IpAddress>> Resolve(const std::string& host,
                                         SteadyTime /*deadline*/) override {
    ++asked;
    if (!failure.ok()) return failure;
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) return Status(Code::kNotFound, "look up " + host + ": unknown");
    return found->second;
  }
  int asked = 0;
  Status failure;  // of every look-up

 private:
  std::map<std::string, std::vector<IpAddress>> hosts_;
};

class TargetsTest : public ::testing::Test {
 protected:
  static config::ProbeConfig Allow(const std::vector<std::string>& entries) {
    config::ProbeConfig config;
    for (const std::string& entry : entries) {
      EXPECT_TRUE(config.allowed_targets.Add(entry).ok());
    }
    config.modules.push_back({.name = "plain"});
    config.modules.push_back({.name = "tls", .use_tls = true});
    return config;
  }
  Result<std::shared_ptr<Target>> Find(const std::string& target,
                                       const std::string& module = "plain") {
    return targets_.Find(target, module, clock_.Steady() + Seconds(1));
  }
  Code CodeOf(const std::string& target, const std::string& module = "plain") {
    return Find(target, module).status().code();
  }
  std::string Dialled(const std::string& target, const std::string& module = "plain") {
    const auto found = Find(target, module);
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found.ok() ? (*found)->runtime.config.endpoints.at(0).target : "";
  }

  FakeResolver resolver_;
  testing::FakeClock clock_;
  PosixFiles files_;
  testing::RecordingLogger log_;
  Targets targets_{Allow({"10.0.0.0/8", "2001:db8::/32", "etcd.example.com"}),
                   resolver_,
                   {files_, clock_, log_}};
};

TEST_F(TargetsTest, DialsAllowedAddressesAndNames) {
  EXPECT_EQ(Dialled("10.1.2.3:2379"), "ipv4:10.1.2.3:2379");
  EXPECT_EQ(Dialled("[2001:db8::5]:2379"), "ipv6:[2001:db8::5]:2379");
  EXPECT_EQ(Dialled("etcd.example.com:2379"), "dns:///etcd.example.com:2379");
  EXPECT_EQ(resolver_.asked, 0);
}

TEST_F(TargetsTest, RefusesEverythingElse) {
  resolver_.Set("stranger", {"192.0.2.1"});
  resolver_.Set("half", {"10.0.0.1", "192.0.2.1"});
  for (const char* target :
       {"127.0.0.1:2379", "[::1]:2379", "[::ffff:127.0.0.1]:2379", "11.0.0.1:2379", "stranger:2379",
        "half:2379", "unknown:2379", "localhost:2379"}) {
    EXPECT_EQ(CodeOf(target), Code::kPermissionDenied) << target;
  }
}

TEST_F(TargetsTest, TellsNothingAboutNamesThatAreNotAllowed) {
  resolver_.Set("stranger", {"192.0.2.1"});
  for (const std::string name : {"stranger", "unknown"}) {
    EXPECT_EQ(Find(name + ":2379").status().message(),
              "target " + name + ":2379: probe.allowed_targets does not allow it");
  }
  EXPECT_TRUE(log_.Contains("192.0.2.1")) << "the operator is told";
}

TEST_F(TargetsTest, LooksNothingUpThatCannotBeAllowed) {
  Targets names(Allow({"etcd.example.com"}), resolver_, {files_, clock_, log_});
  const SteadyTime deadline = clock_.Steady() + Seconds(1);
  EXPECT_EQ(names.Find("inside:2379", "plain", deadline).status().code(), Code::kPermissionDenied);
  EXPECT_TRUE(names.Find("etcd.example.com:2379", "plain", deadline).ok());
  EXPECT_EQ(resolver_.asked, 0);
}

TEST_F(TargetsTest, AFailedLookUpIsNoRefusal) {
  for (const Code code : {Code::kUnavailable, Code::kDeadlineExceeded, Code::kResourceExhausted}) {
    resolver_.failure = Status(code, "look up inside: 10.0.0.53 did not answer");
    const Status failed = Find("inside:2379").status();
    EXPECT_EQ(failed.code(), code);
    EXPECT_EQ(failed.message(),
              "target inside:2379: its name could not be looked up now; try again");
  }
  resolver_.failure = Status(Code::kNotFound, "look up inside: unknown");
  EXPECT_EQ(CodeOf("inside:2379"), Code::kPermissionDenied);
}

TEST_F(TargetsTest, DialsTheVeryAddressThatWasFoundAllowed) {
  resolver_.Set("inside", {"10.9.9.9", "10.9.9.8"});
  const auto found = Find("inside:2379", "tls");
  ASSERT_TRUE(found.ok()) << found.status().message();
  const config::Endpoint& endpoint = (*found)->runtime.config.endpoints.at(0);
  EXPECT_EQ(endpoint.target, "ipv4:10.9.9.9:2379");
  EXPECT_EQ(endpoint.url, "https://inside:2379");
  EXPECT_TRUE(endpoint.tls);
  EXPECT_EQ((*found)->runtime.config.tls.server_name, "inside");
  EXPECT_EQ((*found)->runtime.config.name, "inside:2379");
}

TEST_F(TargetsTest, ANameThatResolvesOutOfTheListIsRefusedFromThenOn) {
  resolver_.Set("rebound", {"10.0.0.1"});
  EXPECT_EQ(Dialled("rebound:2379"), "ipv4:10.0.0.1:2379");
  resolver_.Set("rebound", {"127.0.0.1"});
  EXPECT_EQ(CodeOf("rebound:2379"), Code::kPermissionDenied);
  resolver_.Set("rebound", {"10.0.0.2"});
  EXPECT_EQ(Dialled("rebound:2379"), "ipv4:10.0.0.2:2379");
}

TEST_F(TargetsTest, RefusesWhatIsMalformed) {
  for (const char* target :
       {"", "10.0.0.1", ":2379", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:2379/x",
        "http://10.0.0.1:2379", "unix:///run/x", "user@10.0.0.1:2379",
        "10.0.0.1:2379,10.0.0.2:2379", "2001:db8::5:2379", "10.0.0.1 :2379"}) {
    EXPECT_EQ(CodeOf(target), Code::kInvalidArgument) << target;
  }
}

TEST_F(TargetsTest, AnUnknownModuleNamesTheKnownOnes) {
  const auto unknown = Find("10.0.0.1:2379", "nope");
  EXPECT_EQ(unknown.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(unknown.status().message(), "no module \"nope\"; the configuration has plain, tls");
  EXPECT_EQ(CodeOf("10.0.0.1:2379", ""), Code::kInvalidArgument);
}

TEST_F(TargetsTest, KeepsConnectionsForTheNextProbe) {
  const auto first = *Find("10.0.0.1:2379");
  EXPECT_EQ(*Find("10.0.0.1:2379"), first);
  EXPECT_NE(*Find("10.0.0.1:2379", "tls"), first);
  EXPECT_NE(*Find("10.0.0.1:2380"), first);
  clock_.Advance(Targets::kIdleMax + Seconds(1));
  const auto other = *Find("10.0.0.2:2379");  // makes the idle ones go
  EXPECT_NE(*Find("10.0.0.1:2379"), first);
}

TEST_F(TargetsTest, KeepsABoundedNumber) {
  const std::weak_ptr<Target> oldest = *Find("10.0.0.1:2379");
  for (std::size_t i = 1; i <= Targets::kTargetsMax; ++i) {
    clock_.Advance(Milliseconds(1));
    ASSERT_TRUE(Find("10.0.1.1:" + std::to_string(1000 + i)).ok());
  }
  EXPECT_TRUE(oldest.expired());
}

}  // namespace
}  // namespace warden::app
