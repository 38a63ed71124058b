// The syntax and the ids of a new cluster. What is expected comes from etcd's own tools;
// tests/integration/restore_formats_test.py asks them again.
#include "exporter/restore/membership.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "tests/restore/three_members.h"

namespace warden::restore {
namespace {

TEST(ParseInitialCluster, GivesTheIdsThatEtcdGives) {
  const NewCluster cluster = ThreeMembers();
  const std::vector<NewMember> expected = {
      {"m1", {"http://127.0.0.1:21100", "http://127.0.0.1:21101"}, kFirstId},
      {"m2", {"http://127.0.0.1:21102"}, kSecondId},
      {"m3", {"http://127.0.0.1:21103"}, kThirdId},
  };
  EXPECT_EQ(cluster.members, expected);
  EXPECT_EQ(cluster.token, "tok");
  EXPECT_EQ(cluster.id, kClusterId);

  // What every etcd that was started without a flag has.
  const auto single = ParseInitialCluster("default=http://localhost:2380", "etcd-cluster");
  ASSERT_TRUE(single.ok());
  EXPECT_EQ(FormatId(single->members[0].id), "8e9e05c52164694d");
  EXPECT_EQ(FormatId(single->id), "cdf818194e3a8c32");
}

TEST(ParseInitialCluster, GivesIdsByUrlsAndTokenNotByName) {
  const auto id = [](std::string_view text, std::string_view token) {
    return ParseInitialCluster(text, token)->members[0].id;
  };
  const std::uint64_t one = id("a=http://h:1", "t");
  EXPECT_EQ(one, id("b=http://h:1", "t"));
  EXPECT_NE(one, id("a=http://h:1", "u"));
  EXPECT_NE(one, id("a=http://h:2", "t"));
  EXPECT_NE(one, id("a=https://h:1", "t"));
  EXPECT_NE(one, id("a=http://H:1", "t"));
  EXPECT_NE(one, id("a=http://h:1,a=http://h:2", "t"));
}

TEST(ParseInitialCluster, DoesNotDependOnTheOrderOfTheText) {
  const auto other = ParseInitialCluster(
      "m3=http://127.0.0.1:21103,m1=http://127.0.0.1:21100,m1=http://127.0.0.1:21101,"
      "m2=http://127.0.0.1:21102",
      "tok");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->members, ThreeMembers().members);
  EXPECT_EQ(other->id, kClusterId);
}

TEST(ParseInitialCluster, KeepsUrlsAsEtcdKeepsThem) {
  struct Case {
    std::string given, kept;
  };
  const Case cases[] = {
      {"http://10.0.0.1:2380", "http://10.0.0.1:2380"},
      {"HTTPS://10.0.0.1:2380", "https://10.0.0.1:2380"},
      {"https://Etcd-1.Example:2380", "https://Etcd-1.Example:2380"},
      {"https://etcd-1.example.:02380", "https://etcd-1.example.:02380"},
      {"http://[::1]:2380", "http://[::1]:2380"},
      {"http://[FD00::0A]:2380", "http://[FD00::0A]:2380"},
      {" \thttp://h:1 ", "http://h:1"},
      {"unix:///run/etcd/peer.sock", "unix:///run/etcd/peer.sock"},
      {"unixs:///run/Peer-1_a:2380", "unixs:///run/Peer-1_a:2380"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.given);
    const auto cluster = ParseInitialCluster("a=" + each.given, "t");
    ASSERT_TRUE(cluster.ok()) << cluster.error().message();
    EXPECT_EQ(cluster->members[0].peer_urls, std::vector<std::string>{each.kept});
  }
}

TEST(ParseInitialCluster, ReadsNamesAsEtcdReadsThem) {
  struct Case {
    std::string text;
    std::vector<std::string> names;
  };
  const Case cases[] = {
      {",a=http://h:1,,", {"a"}},
      {"a b=http://h:1", {"a b"}},
      {"\xc3\xa9=http://h:1", {"\xc3\xa9"}},
      {"A=http://h:1,a=http://h:2", {"A", "a"}},
      {"http://x=http://h:1", {"http://x"}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.text);
    const auto cluster = ParseInitialCluster(each.text, "t");
    ASSERT_TRUE(cluster.ok()) << cluster.error().message();
    EXPECT_EQ(cluster->members.size(), each.names.size());
    for (const std::string& name : each.names) EXPECT_NE(cluster->Find(name), nullptr) << name;
  }
}

struct Bad {
  std::string text;
  std::string message;
};

TEST(ParseInitialCluster, SaysWhatIsWrong) {
  const Bad cases[] = {
      {"", "no member is named"},
      {",", "no member is named"},
      {"a", "entry 1 is not NAME=URL; a member with several URLs is named for each"},
      {"a=http://h:1,http://h:2",
       "entry 2 is not NAME=URL; a member with several URLs is named for each"},
      {"=http://h:1", "entry 1: a member without a name"},
      {"a=http://h:1, b=http://h:2",
       "entry 2: a name with blanks around it, or with bytes that are no text"},
      {"a\nb=http://h:1", "entry 1: a name with blanks around it, or with bytes that are no text"},
      {"a\xff=http://h:1", "entry 1: a name with blanks around it, or with bytes that are no text"},
      {"a=", "member a: a peer URL without a scheme; write http://HOST:2380 or https://HOST:2380"},
      {"a=h:1",
       "member a: a peer URL without a scheme; write http://HOST:2380 or https://HOST:2380"},
      {"a=ftp://h:1",
       "member a: \"ftp://h:1\" has an unknown scheme; use https, http, unixs or unix"},
      {"a=http://h", "member a: a peer URL without a port; the usual one is 2380"},
      {"a=http://h:", "member a: a peer URL without a port; the usual one is 2380"},
      {"a=http://[::1]", "member a: a peer URL without a port; the usual one is 2380"},
      {"a=http://:1", "member a: \"http://:1\" has no host"},
      {"a=http://h:65536",
       "member a: \"http://h:65536\" has a port that is no number from 1 to 65535"},
      {"a=http://h:1/", "member a: \"http://h:1/\" has a path or a query; end it after the port"},
      {"a=http://h:1/raft",
       "member a: \"http://h:1/raft\" has a path or a query; end it after the port"},
      {"a=http://h:1?x=y",
       "member a: \"http://h:1?x=y\" has a path or a query; end it after the port"},
      {"a=unix://peer.sock",
       "member a: \"unix://peer.sock\" needs an absolute path, as in unix:///run/etcd.sock"},
      {"a=http://h:1,a=http://h:1", "the peer URL http://h:1 stands there twice, for a and a"},
      {"a=http://h:1,b=HTTP://h:1", "the peer URL http://h:1 stands there twice, for a and b"},
      {"a=http://host:1,b=http://HOST:1",
       "the peer URL http://HOST:1 stands there twice, for a and b"},
      // The texts of both members' URLs are the same once they are put together.
      {"a=unix:///x,a=unix:///y,b=unix:///xunix:///y", "the members a and b have the same id"},
  };
  for (const Bad& each : cases) {
    SCOPED_TRACE(each.text);
    const auto cluster = ParseInitialCluster(each.text, "t");
    ASSERT_FALSE(cluster.ok());
    EXPECT_EQ(cluster.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(cluster.error().message(), each.message);
  }
}

TEST(ParseInitialCluster, WantsAToken) {
  const auto cluster = ParseInitialCluster("a=http://h:1", "");
  ASSERT_FALSE(cluster.ok());
  EXPECT_EQ(cluster.error().message(), "the token of the cluster is empty");
}

TEST(ParseInitialCluster, ShowsNoPassword) {
  for (const char* text :
       {"a=http://me:secret@h:1", "a=me:secret@h:1", "http://me:secret@h:1", "a=http://me:secret@h",
        "a=ftp://me:secret@h:1", "a=http://me:secret@h:1/"}) {
    SCOPED_TRACE(text);
    const auto cluster = ParseInitialCluster(text, "t");
    ASSERT_FALSE(cluster.ok());
    EXPECT_EQ(cluster.error().message().find("secret"), std::string::npos)
        << cluster.error().message();
  }
}

TEST(NewCluster, FindsAMemberByName) {
  const NewCluster cluster = ThreeMembers();
  ASSERT_NE(cluster.Find("m2"), nullptr);
  EXPECT_EQ(cluster.Find("m2")->id, kSecondId);
  EXPECT_EQ(cluster.Find("m4"), nullptr);
  EXPECT_EQ(cluster.Find(""), nullptr);
}

TEST(MemberJson, IsWhatEtcdWrites) {
  const NewCluster cluster = ThreeMembers();
  EXPECT_EQ(MemberJson(cluster.members[0]), kFirstJson);
  EXPECT_EQ(MemberJson(cluster.members[1]), kSecondJson);
  EXPECT_EQ(MemberJson(cluster.members[2]), kThirdJson);
}

TEST(ConfState, NamesEveryMemberAsAVoter) {
  const NewCluster cluster = ThreeMembers();
  EXPECT_EQ(ConfStateJson(cluster),
            R"({"voters":[6829063623764520350,10411510122038010722,14729128598830408310],)"
            R"("auto_leave":false})");
  const std::string voters = "089edb9a98f1a5ede25e08e2c6d6fbb1a9c7be900108f6c4d582c28d98b4cc01";
  for (const Target target : {Target::k34, Target::k35, Target::k36}) {
    EXPECT_EQ(FormatHex(ConfStateMessage(cluster, target)), voters + "2800");
  }
  EXPECT_EQ(FormatHex(ConfStateMessage(cluster, Target::k37)), voters);
}

}  // namespace
}  // namespace warden::restore
