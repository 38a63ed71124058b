#include "exporter/snapshot/report.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::snapshot {
namespace {

using testing::BoltBuckets;
using testing::RevisionKey;

Json ContentsOf(const BoltBuckets& buckets) {
  const testing::MemoryFile file(testing::BoltFile(buckets).bytes());
  const auto inspection = mvcc::Inspect(file, file.size(), {});
  EXPECT_TRUE(inspection.ok()) << inspection.status().message();
  return ContentsToJson(*inspection);
}

TEST(ContentsReport, ListsWhatAnOperatorAsksABackupFor) {
  Json json = ContentsOf(testing::EtcdBuckets());
  // What the layout of the file decides.
  for (const char* key : {"used_bytes", "tree_bytes"}) {
    EXPECT_GT(json[key], 0) << key;
    json.erase(key);
  }
  const ParsedJson wanted = ParsedJson::parse(R"({
    "revision": 6, "compact_revision": 0, "compaction_finished": true,
    "consistent_index": 40, "term": 4, "page_size": 4096,
    "cluster_version": "3.6.0", "storage_version": "3.6.0",
    "downgrade": {"enabled": true, "target_version": "3.5.0"},
    "keys": {"live": 1, "records": 5, "tombstones": 1, "leased_records": 1, "bytes": 35,
             "prefixes": [{"prefix": "/a/", "records": 5, "live_keys": 1, "bytes": 35}]},
    "members": [
      {"id": "2", "name": "b", "peer_urls": ["http://b:2380"], "client_urls": [],
       "is_learner": true},
      {"id": "1a", "name": "a", "peer_urls": ["http://a:2380"], "client_urls": ["http://a:2379"],
       "is_learner": false}],
    "leases": 1, "alarms": [{"member_id": "1a", "alarm": "NOSPACE"}],
    "auth": {"enabled": true, "revision": 3, "user_count": 1, "role_count": 1,
             "users": ["root"], "roles": ["root"]}})");
  EXPECT_EQ(ParsedJson::parse(json.dump()), wanted) << json.dump(2);
}

TEST(ContentsReport, LeavesOutWhatOlderVersionsDoNotStore) {
  BoltBuckets buckets = testing::EtcdBuckets();
  buckets["meta"].values.erase("term");
  buckets["meta"].values.erase("storageVersion");
  buckets["cluster"].values.erase("downgrade");
  buckets["meta"].values["scheduledCompactRev"] = RevisionKey(3);
  const Json json = ContentsOf(buckets);
  EXPECT_FALSE(json.contains("term"));
  EXPECT_FALSE(json.contains("downgrade"));
  EXPECT_EQ(json["storage_version"], "");
  EXPECT_EQ(json["compact_revision"], 3);
  EXPECT_EQ(json["compaction_finished"], false);
}

TEST(ContentsReport, CarriesNoValueAndNoPassword) {
  BoltBuckets buckets = testing::EtcdBuckets();
  buckets["key"].values[RevisionKey(7)] = testing::KeyValue({"/a/z", 7, 7, 1, "s3cret"});
  const std::string text = ContentsOf(buckets).dump();
  EXPECT_NE(text.find("\"records\":6"), std::string::npos) << text;
  for (const char* secret : {"$2a$10$hash", "s3cret"}) {
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  }
}

TEST(ContentsReport, CountsTheSmallPrefixesTogether) {
  BoltBuckets buckets = testing::EtcdBuckets();
  auto& records = buckets["key"].values;
  records.clear();
  // The n-th prefix has the n-th part of the bytes; two more than are shown.
  const int prefixes = static_cast<int>(kPrefixesShown) + 2;
  for (int n = 0; n < prefixes; ++n) {
    records[RevisionKey(2 + n)] =
        testing::KeyValue({.key = "/p/" + std::to_string(n) + "/k",
                           .create_revision = 2 + n,
                           .mod_revision = 2 + n,
                           .version = 1,
                           .value = std::string(static_cast<std::size_t>(10 * (n + 1)), 'v')});
  }
  const Json shown = ContentsOf(buckets)["keys"]["prefixes"];
  ASSERT_EQ(shown.size(), kPrefixesShown + 1);
  EXPECT_EQ(shown[0]["prefix"], "/p/" + std::to_string(prefixes - 1) + "/");
  EXPECT_FALSE(shown[kPrefixesShown].contains("prefix")) << "which may be empty";
  EXPECT_EQ(shown[kPrefixesShown]["records"], 2);
  EXPECT_EQ(shown[kPrefixesShown]["live_keys"], 2);
  EXPECT_EQ(shown[kPrefixesShown]["bytes"], 6 + 10 + 6 + 20);
}

TEST(VerificationReport, SaysWhatStandsInTheWayOfEachLevel) {
  Verification verification;
  verification.has_trailer = true;
  verification.size_bytes = 544;
  verification.sha256 = "aa";
  verification.database_sha256 = "bb";
  verification.structure = {"page 2: broken"};
  verification.meaning = {"bucket \"lease\" is missing"};
  verification.warnings = {"odd"};
  verification.more_findings = 7;
  EXPECT_EQ(ParsedJson::parse(ToJson(verification).dump()), ParsedJson::parse(R"({
    "level": 0, "trailer": true, "digest_checked": true, "size_bytes": 544,
    "sha256": "aa", "database_sha256": "bb",
    "findings": {"level_0": [], "level_1": ["page 2: broken"],
                 "level_2": ["bucket \"lease\" is missing"]},
    "more_findings": 7, "warnings": ["odd"]})"));
  EXPECT_EQ(ParsedJson::parse(ToJson(Verification()).dump()), ParsedJson::parse(R"({
    "level": -1, "trailer": false, "digest_checked": false, "size_bytes": 0,
    "findings": {"level_0": [], "level_1": [], "level_2": []}, "warnings": []})"));
}

TEST(AttestationReport, LeavesOutWhatThereIsNothingToSayOf) {
  EXPECT_EQ(ToJson({.verdict = Verdict::kAttested, .agreed = 3, .voters = 3}).dump(),
            Json({{"verdict", "attested"}, {"agreed", 3}, {"voters", 3}}).dump());
  EXPECT_EQ(
      ParsedJson::parse(ToJson({.verdict = Verdict::kMismatch,
                                .agreed = 1,
                                .voters = 3,
                                .differing = {"m3"},
                                .reason = "why"})
                            .dump()),
      ParsedJson::parse(R"({"verdict": "mismatch", "agreed": 1, "voters": 3, "differing": ["m3"],
                      "reason": "why"})"));
  EXPECT_EQ(ToJson(Attestation())["verdict"], "unattested");
}

}  // namespace
}  // namespace warden::snapshot
