// What is made of the answers of a restored cluster: one row for each way in which they can differ
// from what was to be.
#include "exporter/restore/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/restore/check_answers.h"

namespace warden::restore {
namespace {

using etcd::Reason;
using testing::kForeignClusterId;
using testing::kMemberIds;

struct World {
  ExpectedCluster expected = MakeExpected();
  ClusterAnswers answers = MakeAllAnswers();
};

struct Case {
  std::string name;
  std::function<void(World&)> change;
  std::string_view check;
  CheckVerdict verdict;
  std::string found;
  bool may_pass_later = false;
};

// Nothing but this check says anything else than it did.
void ExpectOf(const Case& one) {
  SCOPED_TRACE(one.name);
  World world;
  one.change(world);
  const ClusterReport report = Judge(world.expected, world.answers);
  const ClusterCheck& check = Find(report, one.check);
  EXPECT_EQ(check.verdict, one.verdict);
  EXPECT_EQ(check.found, one.found);
  EXPECT_EQ(check.may_pass_later, one.may_pass_later);
  const bool fails = one.verdict == CheckVerdict::kFailed || one.verdict == CheckVerdict::kUnknown;
  EXPECT_EQ(check.ok(), !fails);
}

void ExpectOfEach(const std::vector<Case>& cases) {
  for (const Case& one : cases) ExpectOf(one);
}

TEST(RestoreCheck, PassesAClusterThatIsWhatWasPlanned) {
  const ClusterReport report = Judge(MakeExpected(), MakeAllAnswers());
  EXPECT_TRUE(report.ok());
  EXPECT_TRUE(report.is_final());
  std::vector<std::string> lines;
  for (const ClusterCheck& check : report.checks) {
    EXPECT_EQ(check.verdict, CheckVerdict::kOk) << check.name;
    lines.push_back(std::string(check.name) + ": " + check.found);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "members: 3 of 3 answer, with the ids of the plan (cluster "
                       "ef37ad9dc622a7c4)",
                       "leader: m1 (8211f1d0f64f3269)",
                       "quorum: a linearizable read goes through 3 members: 501 keys now",
                       "revision: 4242 on every member that answers",
                       "hash: 3735928559 at revision 4242 on 3 members",
                       "snapshot-hash: 3735928559 at revision 4242, as in the snapshot",
                       "keys: 500 keys at revision 4242, as in the snapshot",
                       "leases: 20 leases, as in the snapshot",
                       "alarms: none",
                       "auth: off, as in the snapshot",
                   }));
}

TEST(RestoreCheck, WantsEveryMemberOfThePlanAndNobodyElse) {
  const auto silent = [](World& world, const std::string& why, bool refuses) {
    world.answers.members.pop_back();
    world.answers.silent = {{.url = "https://10.0.0.13:2379", .why = why, .refuses = refuses}};
  };
  ExpectOfEach({
      {"silent", [&](World& world) { silent(world, "connection refused", false); }, "members",
       CheckVerdict::kFailed,
       "2 of 3 answer; m3 (a5c40fe21b7d396) does not answer: connection "
       "refused",
       true},
      {"refuses", [&](World& world) { silent(world, "user name is empty", true); }, "members",
       CheckVerdict::kFailed,
       "2 of 3 answer; m3 (a5c40fe21b7d396) does not answer: user name is "
       "empty; give --user, of a user with the role root"},
      {"refuses, and is none of them",
       [](World& world) {
         world.answers.silent = {{.url = "https://10.0.0.19:2379", .why = "no", .refuses = true}};
       },
       "members", CheckVerdict::kOk,
       "3 of 3 answer, with the ids of the plan (cluster ef37ad9dc622a7c4)"},
      {"not started",
       [](World& world) {
         world.answers.members.pop_back();
         world.answers.list->front().name = "";
       },
       "members", CheckVerdict::kFailed,
       "2 of 3 answer; m3 (a5c40fe21b7d396) does not answer: it has not started yet", true},
      {"no URL", [](World& world) { world.answers.members.pop_back(); }, "members",
       CheckVerdict::kFailed,
       "2 of 3 answer; m3 (a5c40fe21b7d396) does not answer: none of its client URLs could be "
       "dialled",
       true},
      {"not listed",
       [](World& world) {
         world.answers.members.pop_back();
         world.answers.list->erase(world.answers.list->begin());
       },
       "members", CheckVerdict::kFailed,
       "2 of 3 answer; m3 (a5c40fe21b7d396) is not in the member list", true},
      {"other id",
       [](World& world) {
         world.answers.list->front().id = 7;
         world.answers.members.back().identity.member_id = 7;
       },
       "members", CheckVerdict::kFailed,
       "2 of 3 answer; https://10.0.0.13:2379 is the member 7, which does not belong here; m3 "
       "(a5c40fe21b7d396) is listed with the id 7, which comes of other URLs or of another token "
       "than the plan's",
       true},
      {"listed stranger",
       [](World& world) { world.answers.list->push_back(testing::MakeMember(4)); }, "members",
       CheckVerdict::kFailed,
       "3 of 3 answer; m4 (fd422379fda50e48) is listed, and does not belong here", true},
      {"other cluster",
       [](World& world) { world.answers.members[2].identity.cluster_id = kForeignClusterId; },
       "members", CheckVerdict::kFailed,
       "2 of 3 answer; https://10.0.0.13:2379 belongs to another cluster, cdf818194e3a8c32; m3 "
       "(a5c40fe21b7d396) does not answer: none of its client URLs could be dialled",
       true},
      {"no list", [](World& world) { world.answers.list.reset(); }, "members",
       CheckVerdict::kFailed, "3 of 3 answer; nobody told the member list", true},
      {"no plan", [](World& world) { world.expected.cluster.reset(); }, "members",
       CheckVerdict::kOk,
       "3 of 3 answer (cluster ef37ad9dc622a7c4); no plan says which ids they "
       "ought to have"},
  });
}

TEST(RestoreCheck, ChecksNothingWhereNobodyOfTheClusterAnswers) {
  ClusterAnswers answers;
  answers.cluster_id = testing::kClusterId;
  answers.silent = {{.url = "https://10.0.0.11:2379", .why = "connection refused"}};
  const ClusterReport report = Judge(MakeExpected(), answers);
  for (const ClusterCheck& check : report.checks) {
    EXPECT_FALSE(check.ok()) << check.name;
    EXPECT_TRUE(check.may_pass_later) << check.name;
    if (check.name == "members") continue;
    EXPECT_EQ(check.verdict, CheckVerdict::kUnknown) << check.name;
    EXPECT_EQ(check.found, "no member of the cluster answers") << check.name;
  }
  EXPECT_FALSE(report.ok());
  EXPECT_FALSE(report.is_final());
  EXPECT_EQ(report.FirstProblem(),
            "members: 0 of 3 answer; m3 (a5c40fe21b7d396) does not answer; m1 (8211f1d0f64f3269) "
            "does not answer; m2 (91bc3c398fb3c146) does not answer; nobody told the member list; "
            "https://10.0.0.11:2379: connection refused");
}

TEST(RestoreCheck, AsksForAUserWhereEveryMemberRefuses) {
  ClusterAnswers answers;
  answers.cluster_id = testing::kClusterId;
  answers.silent = {{.url = "https://10.0.0.11:2379", .why = "refused", .refuses = true}};
  const ClusterReport report = Judge(MakeExpected(), answers);
  EXPECT_TRUE(report.is_final());
  EXPECT_EQ(Find(report, "keys").verdict, CheckVerdict::kUnknown);
  EXPECT_EQ(Find(report, "keys").found,
            "https://10.0.0.11:2379 refuses: refused; give --user, of a user with the role root");
}

TEST(RestoreCheck, WantsOneLeaderAndAQuorum) {
  ExpectOfEach({
      {"none", [](World& world) { world.answers.members[1].status.value->leader_id = 0; }, "leader",
       CheckVerdict::kFailed, "m2 (91bc3c398fb3c146) knows no leader", true},
      {"two",
       [](World& world) { world.answers.members[1].status.value->leader_id = kMemberIds[2]; },
       "leader", CheckVerdict::kFailed, "the members name different leaders", true},
      {"silent", [](World& world) { world.answers.members.erase(world.answers.members.begin()); },
       "leader", CheckVerdict::kFailed, "the leader 8211f1d0f64f3269 does not answer", true},
      {"no quorum",
       [](World& world) {
         world.answers.members[2].keys_now =
             Failure<etcd::KeyCount>(MakeError(Reason::kTimeout, "etcdserver: request timed out"));
       },
       "quorum", CheckVerdict::kUnknown, "m3 (a5c40fe21b7d396): etcdserver: request timed out",
       true},
  });
}

TEST(RestoreCheck, WantsEveryMemberAtTheRestoredRevision) {
  const auto at = [](World& world, std::size_t member, std::int64_t revision) {
    world.answers.members.at(member).status.value->revision = revision;
  };
  ExpectOfEach({
      {"behind", [&](World& world) { at(world, 2, 4241); }, "revision", CheckVerdict::kFailed,
       "m3 (a5c40fe21b7d396) is at 4241, below the restored 4242", true},
      {"ahead", [&](World& world) { at(world, 1, 4250); }, "revision", CheckVerdict::kRemark,
       "4242 to 4250: writes go on"},
      {"refused",
       [](World& world) {
         world.answers.members[1].status = Failure<etcd::MemberStatus>(NoUser());
       },
       "revision", CheckVerdict::kUnknown,
       "m2 (91bc3c398fb3c146) refuses: etcdserver: user name is empty; give --user, of a user "
       "with the role root"},
  });
}

TEST(RestoreCheck, WantsTheMembersToHashTheSame) {
  const auto hash = [](World& world) -> etcd::KvHash& {
    return *world.answers.members[1].hash.value;
  };
  ExpectOfEach({
      {"differs", [&](World& world) { hash(world).hash = 0xbad; }, "hash", CheckVerdict::kFailed,
       "3735928559 on m1 (8211f1d0f64f3269), 2989 on m2 (91bc3c398fb3c146), 3735928559 on m3 "
       "(a5c40fe21b7d396) at revision 4242"},
      {"compacting", [&](World& world) { hash(world).compact_revision = 4100; }, "hash",
       CheckVerdict::kNotChecked,
       "the members are compacting at this moment, and hash different things", true},
      {"newest of each",
       [&](World& world) {
         world.answers.hashed_revision = 0;
         hash(world).current_revision = 4243;
       },
       "hash", CheckVerdict::kNotChecked,
       "the members are compacting at this moment, and hash different things", true},
      {"newest of all", [](World& world) { world.answers.hashed_revision = 0; }, "hash",
       CheckVerdict::kOk, "3735928559 at revision 4242 on 3 members"},
      {"balancer", [&](World& world) { hash(world).member_id = kMemberIds[1]; }, "hash",
       CheckVerdict::kUnknown,
       "https://10.0.0.12:2379: another member answers; is it behind a load balancer?"},
      {"alone", [](World& world) { world.answers.members.resize(1); }, "hash",
       CheckVerdict::kNotChecked,
       "3735928559 on m1 (8211f1d0f64f3269) at revision 4242: nobody to compare with"},
      {"late",
       [](World& world) {
         world.answers.members[1].hash = Failure<etcd::KvHash>(
             MakeError(Reason::kOther, "etcdserver: mvcc: required revision is a future revision"));
       },
       "hash", CheckVerdict::kFailed, "m2 (91bc3c398fb3c146) has not reached revision 4242", true},
  });
}

TEST(RestoreCheck, ComparesTheHashWithTheSnapshotsWhereThatCanBe) {
  ExpectOfEach({
      {"differs", [](World& world) { world.answers.members[1].hash.value->hash = 0xbad; },
       "snapshot-hash", CheckVerdict::kFailed,
       "2989 on m2 (91bc3c398fb3c146), 3735928559 by the snapshot"},
      {"gone", [](World& world) { world.answers.hashed_revision = 4300; }, "snapshot-hash",
       CheckVerdict::kNotChecked, "revision 4242 has been compacted since"},
      {"gone, newest of each",
       [](World& world) {
         world.answers.hashed_revision = 0;
         world.answers.members[1].hash.value->current_revision = 4243;
       },
       "snapshot-hash", CheckVerdict::kNotChecked, "revision 4242 has been compacted since"},
      {"newest of each", [](World& world) { world.answers.hashed_revision = 0; }, "snapshot-hash",
       CheckVerdict::kOk, "3735928559 at revision 4242, as in the snapshot"},
      {"compacted",
       [](World& world) {
         world.answers.members[0].wanted_hash.reset();
         world.answers.members[0].why_no_hash = "it has compacted to 4100";
       },
       "snapshot-hash", CheckVerdict::kNotChecked,
       "m1 (8211f1d0f64f3269): it has compacted to 4100"},
      {"compacted beside one that differs",
       [](World& world) {
         world.answers.members[0].wanted_hash.reset();
         world.answers.members[0].why_no_hash = "it has compacted to 4100";
         world.answers.members[1].hash.value->hash = 0xbad;
       },
       "snapshot-hash", CheckVerdict::kFailed,
       "2989 on m2 (91bc3c398fb3c146), 3735928559 by the snapshot"},
  });
}

TEST(RestoreCheck, CountsKeysAtTheRestoredRevision) {
  ExpectOfEach({
      {"fewer", [](World& world) { world.answers.members[1].keys.value->keys = 499; }, "keys",
       CheckVerdict::kFailed,
       "499 keys at revision 4242 on m2 (91bc3c398fb3c146), 500 in the snapshot"},
      {"gone",
       [](World& world) { world.answers.members[2].keys = Failure<etcd::KeyCount>(Compacted()); },
       "keys", CheckVerdict::kNotChecked, "revision 4242 has been compacted since"},
      {"gone beside one that has fewer",
       [](World& world) {
         world.answers.members[0].keys = Failure<etcd::KeyCount>(Compacted());
         world.answers.members[1].keys.value->keys = 499;
       },
       "keys", CheckVerdict::kFailed,
       "499 keys at revision 4242 on m2 (91bc3c398fb3c146), 500 in the snapshot"},
      {"refused",
       [](World& world) { world.answers.members[0].keys = Failure<etcd::KeyCount>(NoUser()); },
       "keys", CheckVerdict::kUnknown,
       "m1 (8211f1d0f64f3269) refuses: etcdserver: user name is empty; give --user, of a user "
       "with the role root"},
      {"not asked", [](World& world) { world.answers.members[0].keys = {}; }, "keys",
       CheckVerdict::kNotChecked, "was not asked for"},
  });
}

TEST(RestoreCheck, LetsLeasesRunOutButNotAllOfMany) {
  const auto leases = [](World& world, std::uint64_t had, std::uint64_t have) {
    world.expected.snapshot.leases = had;
    for (MemberAnswers& member : world.answers.members) member.leases.value->leases = have;
  };
  ExpectOfEach({
      {"fewer", [&](World& world) { leases(world, 20, 3); }, "leases", CheckVerdict::kRemark,
       "3 now, 20 in the snapshot: leases run out"},
      {"more", [&](World& world) { leases(world, 20, 21); }, "leases", CheckVerdict::kRemark,
       "21 now, 20 in the snapshot: there are new ones"},
      {"none of few", [&](World& world) { leases(world, 9, 0); }, "leases", CheckVerdict::kRemark,
       "0 now, 9 in the snapshot: leases run out"},
      {"none of many", [&](World& world) { leases(world, 10, 0); }, "leases", CheckVerdict::kFailed,
       "0 now, 10 in the snapshot"},
      {"one", [&](World& world) { leases(world, 1, 1); }, "leases", CheckVerdict::kOk,
       "1 lease, as in the snapshot"},
  });
}

TEST(RestoreCheck, FailsForAnAlarmUnlessThePlanKeptIt) {
  const auto raise = [](World& world, bool is_old, bool keeps) {
    if (is_old) world.expected.snapshot.alarms = {"NOSPACE of 7"};
    world.expected.keeps_alarms = keeps;
    for (MemberAnswers& member : world.answers.members) {
      member.status.value->alarms = {{.member_id = 7, .type = etcd::AlarmType::kNoSpace}};
    }
  };
  const std::string advice = "; `etcdctl alarm disarm` ends it once its cause is gone";
  ExpectOfEach({
      {"new", [&](World& world) { raise(world, false, false); }, "alarms", CheckVerdict::kFailed,
       "NOSPACE of 7" + advice},
      {"new beside kept", [&](World& world) { raise(world, false, true); }, "alarms",
       CheckVerdict::kFailed, "NOSPACE of 7" + advice},
      {"old", [&](World& world) { raise(world, true, false); }, "alarms", CheckVerdict::kFailed,
       "NOSPACE of 7, left over from the snapshot" + advice},
      {"kept", [&](World& world) { raise(world, true, true); }, "alarms", CheckVerdict::kRemark,
       "NOSPACE of 7, kept as planned" + advice},
  });
}

TEST(RestoreCheck, WantsUsersAskedForAsInTheSnapshot) {
  const auto off = Failure<bool>(MakeError(Reason::kTimeout, "timed out"));
  ExpectOfEach({
      {"off", [](World& world) { world.expected.snapshot.auth_enabled = true; }, "auth",
       CheckVerdict::kFailed, "off now, on in the snapshot"},
      {"on", [](World& world) { world.answers.auth = Answer(true); }, "auth", CheckVerdict::kFailed,
       "on now, off in the snapshot"},
      {"still on",
       [](World& world) {
         world.expected.snapshot.auth_enabled = true;
         world.answers.auth = Answer(true);
       },
       "auth", CheckVerdict::kOk, "on, as in the snapshot"},
      {"silent", [&](World& world) { world.answers.auth = off; }, "auth", CheckVerdict::kUnknown,
       "etcd: timed out", true},
  });
}

TEST(RestoreCheck, IsFinalOnceSomethingIsWrongThatStaysSo) {
  World world;
  world.answers.members.pop_back();
  EXPECT_FALSE(Judge(world.expected, world.answers).is_final());
  world.answers.members[0].keys.value->keys = 1;
  EXPECT_TRUE(Judge(world.expected, world.answers).is_final());
}

TEST(RestoreCheck, IsNotFinalWhileTheHashesCannotBeComparedYet) {
  World world;
  world.answers.members[0].hash.value->compact_revision = 4100;
  const ClusterReport report = Judge(world.expected, world.answers);
  EXPECT_TRUE(report.ok());
  EXPECT_FALSE(report.is_final());
}

TEST(RestoreCheck, ReportsToPrograms) {
  World world;
  world.answers.members[1].keys.value->keys = 499;
  const Json json = ToJson(Judge(world.expected, world.answers));
  ASSERT_EQ(json.size(), 10U);
  EXPECT_EQ(
      json[1],
      (Json{
          {"name", "leader"}, {"result", "ok"}, {"ok", true}, {"found", "m1 (8211f1d0f64f3269)"}}));
  EXPECT_EQ(json[6]["result"], "failed");
  EXPECT_EQ(json[6]["ok"], false);
}

}  // namespace
}  // namespace warden::restore
