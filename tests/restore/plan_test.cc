// What a plan says, what it refuses, and that a file of it which was touched is not taken.
#include "exporter/restore/plan.h"

#include <gtest/gtest.h>

#include <string>

#include "exporter/restore/plan_text.h"
#include "tests/restore/planned.h"

namespace warden::restore {
namespace {

using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;

class PlanTest : public PlannedTest {
 protected:
  Result<ReadFacts> FactsOf(const BoltBuckets& buckets) {
    const Files::Path path = "/backups/" + std::to_string(++number_) + ".db";
    Put(disk_, path, BoltFile(buckets, {}).bytes());
    return GatherFacts(disk_, path, std::nullopt, {});
  }
  Result<Plan> Make(const BoltBuckets& buckets, const PlanWishes& wishes) {
    const auto facts = FactsOf(buckets);
    if (!facts.ok()) return facts.error();
    return MakePlan(*facts, wishes, clock_.Now());
  }
  static bool HasRemark(const Plan& plan, const std::string& about, bool is_risk,
                        const std::string& part) {
    return std::ranges::any_of(plan.remarks, [&](const Remark& remark) {
      return remark.about == about && remark.is_risk == is_risk &&
             remark.text.find(part) != std::string::npos;
    });
  }
  int number_ = 0;
};

TEST_F(PlanTest, KnowsWhatIsInTheSnapshot) {
  const SnapshotFacts& facts = plan_.snapshot;
  EXPECT_EQ(facts.revision, kSnapshotRevision);
  EXPECT_EQ(facts.keys, 1U);
  EXPECT_EQ(facts.leases, 1U);
  EXPECT_TRUE(facts.auth_enabled);
  EXPECT_EQ(facts.users, 1U);
  EXPECT_EQ(facts.alarms, std::vector<std::string>{"NOSPACE of 1a"});
  EXPECT_EQ(facts.storage_version, "3.6.0");
  EXPECT_EQ(facts.cluster_version, "3.6.0");
  EXPECT_EQ(facts.removed_members, 1U);
  EXPECT_TRUE(facts.hash.has_value());
  EXPECT_EQ(facts.compact_revision, -1);
  ASSERT_EQ(facts.members.size(), 2U);
  EXPECT_TRUE(facts.members.front().is_learner);
}

TEST_F(PlanTest, SurvivesItsFile) {
  const std::string text = DumpJson(ToJson(plan_));
  const Result<Plan> read = ParsePlan(text);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(DumpJson(ToJson(*read)), text);
  EXPECT_EQ(read->snapshot, plan_.snapshot);
  EXPECT_EQ(read->cluster.id, plan_.cluster.id);
  EXPECT_EQ(read->places, plan_.places);
  EXPECT_EQ(read->remarks, plan_.remarks);
  EXPECT_TRUE(ParsePlan(DumpJson(ToJson(plan_), 2)).ok()) << "however it is spaced";
}

// Whatever is changed in the file is noticed.
TEST_F(PlanTest, IsRefusedOnceItWasEdited) {
  const ParsedJson json = ParsedJson(ToJson(plan_));
  int changed = 0;
  const auto expect_refused = [&](const ParsedJson& edited, const std::string& where) {
    const Result<Plan> read = ParsePlan(edited.dump());
    EXPECT_FALSE(read.ok()) << where;
    EXPECT_NE(read.status().message().find("plan"), std::string::npos) << read.status().message();
    ++changed;
  };
  const ParsedJson flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    ParsedJson edited = json;
    ParsedJson& field = edited[ParsedJson::json_pointer(pointer)];
    if (value.is_string()) {
      field = value.get<std::string>() + "0";
    } else if (value.is_boolean()) {
      field = !value.get<bool>();
    } else {
      field = 77;
    }
    expect_refused(edited, pointer);
  }
  EXPECT_GT(changed, 40);
}

TEST_F(PlanTest, IsNoOtherFile) {
  for (const char* text :
       {"", "[]", "{}", "null", "{\"schema\":1}", "not JSON", "{\"schema\":9,\"digest\":\"\"}"}) {
    const Result<Plan> read = ParsePlan(text);
    EXPECT_EQ(read.status().code(), Code::kInvalidArgument) << text;
  }
}

TEST_F(PlanTest, TakesTheVotersOfTheSnapshot) {
  const Result<Plan> plan = Make(EtcdBuckets(), WishesFor(""));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->InitialCluster(), "a=http://a:2380");
  EXPECT_TRUE(HasRemark(*plan, "learners", true, "learner b is left out"));
}

TEST_F(PlanTest, LeavesOutAMemberThatNeverStarted) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["members"].values["2"] = R"({"id":2,"peerURLs":["http://b:2380"]})";
  const Result<Plan> plan = Make(buckets, WishesFor(""));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->InitialCluster(), "a=http://a:2380");
  EXPECT_TRUE(HasRemark(*plan, "members", true, "http://b:2380"));
}

TEST_F(PlanTest, AsksForMembersWhereTheSnapshotHasNone) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["members"].values.clear();
  const Result<Plan> plan = Make(buckets, WishesFor(""));
  EXPECT_NE(plan.status().message().find("--initial-cluster"), std::string::npos);
}

TEST_F(PlanTest, HasATokenOfItsOwnEveryTime) {
  const PlanWishes wishes = WishesFor("a=http://a:2380");
  const Result<Plan> one = Make(EtcdBuckets(), wishes);
  const Result<Plan> other = Make(EtcdBuckets(), wishes);
  EXPECT_NE(one->cluster.token, other->cluster.token);
  EXPECT_NE(one->cluster.id, other->cluster.id);
}

TEST_F(PlanTest, RefusesTheOldClustersId) {
  ReadFacts facts = facts_;
  PlanWishes wishes = WishesFor("a=http://a:2380");
  wishes.token = "tok";
  facts.facts.cluster_id = MakePlan(facts, wishes, clock_.Now())->cluster.id;
  const Result<Plan> again = MakePlan(facts, wishes, clock_.Now());
  EXPECT_EQ(again.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(again.status().message().find("--initial-cluster-token"), std::string::npos);
}

// A newer etcd's database stops an older etcd at its start.
TEST_F(PlanTest, RefusesAnEtcdThatIsTooOld) {
  struct Case {
    std::string storage, cluster, asked, expected;  // "" expected: refused
  };
  for (const auto& [storage, cluster, asked, expected] : std::vector<Case>{
           {"", "3.4.0", "3.4.23", "3.4.23"},
           {"", "3.4.0", "3.7", "3.7"},
           {"", "3.5.0", "3.4.23", ""},
           {"", "3.5.0", "", "3.5"},
           {"3.6.0", "3.6.0", "3.5.21", ""},
           {"3.6.0", "3.6.0", "3.6", "3.6"},
           {"3.6.0", "3.7.0", "3.6.14", ""},
           {"3.7.0", "3.7.0", "3.6.14", ""},
           {"3.7.0", "3.7.0", "3.7.1", "3.7.1"},
           {"", "", "3.6", "3.6"},
       }) {
    BoltBuckets buckets = EtcdBuckets();
    auto& meta = buckets["meta"].values;
    if (storage.empty()) {
      meta.erase("storageVersion");
    } else {
      meta["storageVersion"] = storage;
    }
    auto& cluster_bucket = buckets["cluster"].values;
    cluster_bucket.erase("downgrade");
    if (cluster.empty()) {
      cluster_bucket.erase("clusterVersion");
    } else {
      cluster_bucket["clusterVersion"] = cluster;
    }
    PlanWishes wishes = WishesFor("a=http://a:2380");
    wishes.etcd_version = asked;
    const Result<Plan> plan = Make(buckets, wishes);
    const std::string what = storage + " " + cluster + " on " + asked;
    EXPECT_EQ(plan.ok() ? plan->etcd_version : "", expected)
        << what << ": " << plan.status().message();
    if (!plan.ok()) {
      EXPECT_EQ(plan.status().code(), Code::kFailedPrecondition) << what;
      EXPECT_NE(plan.status().message().find("run etcd 3."), std::string::npos) << what;
    }
  }
}

TEST_F(PlanTest, SaysWhatIsAtStake) {
  EXPECT_TRUE(HasRemark(plan_, "alarms", false, "dropped: NOSPACE of 1a"));
  EXPECT_TRUE(HasRemark(plan_, "auth", false, "1 user"));
  EXPECT_TRUE(HasRemark(plan_, "leases", false, "1 lease"));
  EXPECT_TRUE(HasRemark(plan_, "downgrade", true, "3.5.0"));
  EXPECT_TRUE(HasRemark(plan_, "digest", true, "no SHA-256 trailer"));
  EXPECT_TRUE(HasRemark(plan_, "loss", true, "lost"));
  EXPECT_TRUE(HasRemark(plan_, "revision", false, "start again at 6"));
  PlanWishes wishes = WishesFor("a=http://a:2380,b=http://b:2380");
  wishes.keep_alarms = true;
  wishes.quota_bytes = 1;
  wishes.seen = {{.at = clock_.Now(), .revision = 100}};
  const Result<Plan> plan = Make(EtcdBuckets(), wishes);
  EXPECT_TRUE(HasRemark(*plan, "alarms", true, "alarm disarm"));
  EXPECT_TRUE(HasRemark(*plan, "quota", true, "--quota-backend-bytes"));
  EXPECT_TRUE(HasRemark(*plan, "loss", true, "at least 94 revisions"));
  EXPECT_TRUE(HasRemark(*plan, "members", false, "2 members bear no more"));
  // The risks come first.
  const auto first_note = std::ranges::find(plan->remarks, false, &Remark::is_risk);
  EXPECT_EQ(std::find_if(first_note, plan->remarks.end(), [](auto& r) { return r.is_risk; }),
            plan->remarks.end());
}

TEST_F(PlanTest, RaisesRevisionsForKubernetesAndWhenAsked) {
  using Bump = PlanWishes::Bump;
  BoltBuckets kubernetes = EtcdBuckets();
  kubernetes["key"].values[testing::RevisionKey(7)] =
      testing::KeyValue({"/registry/pods/default/x", 7, 7, 1, "pod"});
  struct Case {
    bool is_kubernetes;
    Bump bump;
    std::int64_t by, expected;
  };
  for (const auto& [is_kubernetes, bump, by, expected] : std::vector<Case>{
           {false, Bump::kAsNeeded, 0, 0},
           {true, Bump::kAsNeeded, 0, kBumpUnknown},
           {false, Bump::kAuto, 0, kBumpUnknown},
           {true, Bump::kNone, 0, 0},
           {false, Bump::kGiven, 17, 17},
       }) {
    PlanWishes wishes = WishesFor("a=http://a:2380");
    wishes.bump = bump;
    wishes.bump_by = by;
    const Result<Plan> plan = Make(is_kubernetes ? kubernetes : EtcdBuckets(), wishes);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->snapshot.holds_kubernetes, is_kubernetes);
    EXPECT_EQ(plan->bump ? plan->bump->by : 0, expected);
    EXPECT_EQ(plan->new_revision(), plan->snapshot.revision + expected);
    const bool is_missing = is_kubernetes && bump == Bump::kNone;
    EXPECT_EQ(HasRemark(*plan, "revision", true, "caches"), is_missing);
  }
}

TEST_F(PlanTest, RefusesARevisionThatWasSeenBefore) {
  PlanWishes wishes = WishesFor("a=http://a:2380");
  wishes.bump = PlanWishes::Bump::kGiven;
  wishes.bump_by = 50;
  wishes.seen = {{.at = clock_.Now(), .revision = kSnapshotRevision + 50}};
  EXPECT_EQ(Make(EtcdBuckets(), wishes).status().code(), Code::kFailedPrecondition);
  wishes.bump_by = 51;
  EXPECT_TRUE(Make(EtcdBuckets(), wishes).ok());
  wishes.seen.front().revision = std::int64_t{1} << 62;
  EXPECT_EQ(Make(EtcdBuckets(), wishes).status().code(), Code::kInvalidArgument);
}

// Each machine would take all of them for its own.
TEST_F(PlanTest, TellsMembersOfOneNameApart) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["members"].values = {{"2", R"({"id":2,"peerURLs":["http://b:2380"],"name":"default"})"},
                               {"3", R"({"id":3,"peerURLs":["http://c:2380"],"name":"default"})"}};
  const Result<Plan> plan = Make(buckets, WishesFor(""));
  EXPECT_EQ(plan.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(plan.status().message().find("--initial-cluster"), std::string::npos);
}

TEST_F(PlanTest, RefusesPlacesThatCannotBe) {
  struct Case {
    std::string usual, name, path;
  };
  for (const auto& [usual, name, path] : std::vector<Case>{{"", "", ""},
                                                           {"relative", "", ""},
                                                           {"/", "", ""},
                                                           {"/x", "stranger", "/y"},
                                                           {"", "a", "/only-a"}}) {
    PlanWishes wishes = WishesFor("a=http://a:2380,b=http://b:2380");
    wishes.data_dirs.usual = usual;
    if (!name.empty()) wishes.data_dirs.by_name[name] = path;
    EXPECT_EQ(Make(EtcdBuckets(), wishes).status().code(), Code::kInvalidArgument)
        << usual << " " << name << " " << path;
  }
  PlanWishes wishes = WishesFor("a=http://a:2380,b=http://b:2380");
  wishes.data_dirs.by_name["b"] = "/data/./b/";
  EXPECT_EQ(Make(EtcdBuckets(), wishes)->PlaceOf("b")->data_dir, "/data/b");
}

TEST_F(PlanTest, IsNotMadeOfADamagedSnapshot) {
  BoltBuckets buckets = EtcdBuckets();
  buckets["key"].values[testing::RevisionKey(9)] = "no record";
  const auto facts = FactsOf(buckets);
  EXPECT_EQ(facts.status().code(), Code::kDataLoss);
}

TEST_F(PlanTest, IsToldWithTheStockToolsCommand) {
  PlanWishes wishes = WishesFor("it's=http://a:2380");
  wishes.bump = PlanWishes::Bump::kGiven;
  wishes.bump_by = 5;
  const std::string text = Describe(*Make(EtcdBuckets(), wishes), {.plan_file = "/tmp/p.json"});
  for (const char* part : {"etcdutl snapshot restore", "--skip-hash-check=true",
                           "--bump-revision=5", "--mark-compacted", "'--name=it'\\''s'",
                           "--data-dir=/disk/etcd", "restore run", "--plan=/tmp/p.json", "RISK"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

}  // namespace
}  // namespace warden::restore
