#include "exporter/backup/manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/backup/backups.h"
#include "tests/support/view_builder.h"

namespace warden::backup {
namespace {

Json GoodJson() {
  return ToJson(MakeManifest(IdOfBackup(1), SnapshotFile()));
}

std::string ErrorOf(const Json& json) {
  return ParseManifest(DumpJson(json)).status().message();
}

TEST(Manifest, SurvivesTheWayToJsonAndBack) {
  const Manifest manifest = MakeManifest(IdOfBackup(1), SnapshotFile());
  const Result<Manifest> parsed = ParseManifest(DumpJson(ToJson(manifest), 2));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(DumpJson(ToJson(*parsed)), DumpJson(ToJson(manifest)));
  EXPECT_EQ(parsed->cluster_id, 0xef37ad9dc622a7c4);
  EXPECT_EQ(parsed->started, manifest.started);
  EXPECT_EQ(parsed->duration, manifest.duration);
  EXPECT_EQ(parsed->trigger, manifest.trigger);
  EXPECT_EQ(parsed->job_id, manifest.job_id);
}

TEST(Manifest, KeepsTheLargestCounts) {
  Manifest manifest = MakeManifest(IdOfBackup(1), SnapshotFile());
  manifest.cluster_id = manifest.member_id = UINT64_MAX;
  manifest.raft_index_before = manifest.raft_term = manifest.size_bytes = UINT64_MAX;
  manifest.revision_before = INT64_MAX;
  const Result<Manifest> parsed = ParseManifest(DumpJson(ToJson(manifest)));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(DumpJson(ToJson(*parsed)), DumpJson(ToJson(manifest)));
}

TEST(Manifest, SurvivesNamesThatAreNoText) {
  Manifest manifest = MakeManifest(IdOfBackup(1), SnapshotFile());
  manifest.member_name = "m\"\\\n\xff\x01";
  const Result<Manifest> parsed = ParseManifest(DumpJson(ToJson(manifest)));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(parsed->member_name, "m\"\\\n\uFFFD\x01");
}

TEST(Manifest, DescribesWhatWasTaken) {
  snapshot::Taken taken;
  taken.source = {.endpoint = {.url = "https://10.0.0.12:2379"},
                  .member_name = "m2",
                  .role = snapshot::Role::kLearner,
                  .status = testing::MakeStatus(2, "3.5.30")};
  taken.stream = {.size_bytes = 544, .sha256 = "aa", .database_sha256 = "bb"};
  taken.storage_version = "3.6.0";
  taken.started = kNow;
  taken.duration = Seconds(2);
  const Manifest manifest = DescribeTaken(taken);
  EXPECT_EQ(manifest.cluster_id, testing::kClusterId);
  EXPECT_EQ(manifest.member_id, testing::kMemberIds[2]);
  EXPECT_EQ(manifest.member_name, "m2");
  EXPECT_EQ(manifest.endpoint, "https://10.0.0.12:2379");
  EXPECT_EQ(manifest.role, "learner");
  EXPECT_EQ(manifest.etcd_version, "3.5.30");
  EXPECT_EQ(manifest.storage_version, "3.6.0");
  EXPECT_EQ(manifest.revision_before, 4242);
  EXPECT_EQ(manifest.raft_index_before, 5000U);
  EXPECT_EQ(manifest.raft_term, 7U);
  EXPECT_EQ(manifest.size_bytes, 544U);
  EXPECT_EQ(manifest.sha256, "aa");
  EXPECT_EQ(manifest.database_sha256, "bb");
  EXPECT_EQ(manifest.started, kNow);
  EXPECT_EQ(manifest.duration, Seconds(2));
}

// What level 3 and the look into the database have to say, in all its fields.
Manifest FullManifest() {
  Manifest manifest = MakeManifest(IdOfBackup(1), SnapshotFile());
  manifest.verification_level = 2;
  manifest.attestation = {.verdict = snapshot::Verdict::kMismatch,
                          .agreed = 1,
                          .voters = 3,
                          .differing = {"m3 (a5c40fe21b7d396)"},
                          .reason = "the leader was not asked"};
  manifest.revision = 4242;
  manifest.quarantined = "mismatch: other data on m3 (a5c40fe21b7d396)";
  manifest.contents = {{"keys", {{"live", 7}}}, {"revision", 4242}};  // sorted, as it is read
  manifest.notes = {"the member knows no leader", "revisions are missing"};
  return manifest;
}

TEST(Manifest, KeepsWhatTheVerificationFound) {
  const Manifest manifest = FullManifest();
  const Result<Manifest> parsed = ParseManifest(DumpJson(ToJson(manifest)));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(DumpJson(ToJson(*parsed)), DumpJson(ToJson(manifest)));
  EXPECT_EQ(parsed->attestation.verdict, snapshot::Verdict::kMismatch);
  EXPECT_EQ(parsed->attestation.agreed, 1);
  EXPECT_EQ(parsed->attestation.voters, 3);
  EXPECT_EQ(parsed->attestation.differing, manifest.attestation.differing);
  EXPECT_EQ(parsed->attestation.reason, manifest.attestation.reason);
  EXPECT_EQ(parsed->revision, 4242);
  EXPECT_EQ(parsed->quarantined, manifest.quarantined);
  EXPECT_EQ(parsed->contents, manifest.contents);
  EXPECT_EQ(parsed->notes, manifest.notes);
}

TEST(Manifest, KeepsEveryVerdict) {
  for (const auto verdict : {snapshot::Verdict::kAttested, snapshot::Verdict::kMismatch,
                             snapshot::Verdict::kUnattested}) {
    Manifest manifest = MakeManifest(IdOfBackup(1), SnapshotFile());
    manifest.attestation.verdict = verdict;
    EXPECT_EQ(ParseManifest(DumpJson(ToJson(manifest)))->attestation.verdict, verdict);
  }
}

TEST(Manifest, OfAnOlderVersionSaysNothingOfTheContent) {
  Json json = GoodJson();
  json["verification"] = {{"level", 0}};
  for (const char* key : {"revision", "quarantined", "contents", "notes"}) {
    EXPECT_FALSE(json.contains(key)) << key;
  }
  const Result<Manifest> parsed = ParseManifest(DumpJson(json));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(parsed->attestation.verdict, snapshot::Verdict::kUnattested);
  EXPECT_EQ(parsed->attestation.voters, 0);
  EXPECT_EQ(parsed->revision, std::nullopt);
  EXPECT_EQ(parsed->quarantined, "");
  EXPECT_TRUE(parsed->contents.is_null());
  EXPECT_TRUE(parsed->notes.empty());
}

TEST(Manifest, ARevisionThatIsThereIsANumber) {
  for (const Json& wrong : {Json("4242"), Json(1.5), Json(UINT64_MAX), Json::object()}) {
    Json json = ToJson(FullManifest());
    json["revision"] = wrong;
    EXPECT_EQ(ErrorOf(json), "the manifest's field \"revision\" is missing or wrong");
  }
}

TEST(Manifest, DescribesHowFarItIsProven) {
  struct Case {
    snapshot::Attestation attestation;
    int level;
    std::string quarantined;
  };
  const Case cases[] = {
      {{.verdict = snapshot::Verdict::kAttested, .agreed = 3, .voters = 3}, 3, ""},
      {{.verdict = snapshot::Verdict::kAttested, .agreed = 2, .voters = 3, .differing = {"m3"}},
       3,
       ""},
      {{.verdict = snapshot::Verdict::kUnattested, .reason = "attest: off"}, 2, ""},
      {{.verdict = snapshot::Verdict::kMismatch, .voters = 3, .differing = {"m3"}},
       2,
       "mismatch: other data on m3"},
  };
  for (const Case& each : cases) {
    snapshot::Taken taken;
    taken.verification.inspection.emplace();
    taken.verification.inspection->contents.scheduled_compaction = mvcc::Revision{.main = 77};
    taken.verification.warnings = {"a warning"};
    taken.notes = {"a note"};
    taken.attestation = each.attestation;
    const Manifest manifest = DescribeTaken(taken);
    EXPECT_EQ(manifest.verification_level, each.level) << each.quarantined;
    EXPECT_EQ(manifest.attestation.verdict, each.attestation.verdict);
    EXPECT_EQ(manifest.quarantined, each.quarantined);
    EXPECT_EQ(manifest.revision, 77);
    EXPECT_EQ(manifest.contents["revision"], 77);
    EXPECT_EQ(manifest.notes, (std::vector<std::string>{"a note", "a warning"}));
  }
}

// The required fields, as JSON pointers.
const std::vector<std::string> kRequired = {"/schema",
                                            "/id",
                                            "/cluster",
                                            "/cluster/name",
                                            "/cluster/id",
                                            "/member",
                                            "/member/id",
                                            "/member/name",
                                            "/member/endpoint",
                                            "/member/role",
                                            "/etcd",
                                            "/etcd/version",
                                            "/revision_before",
                                            "/raft_index_before",
                                            "/raft_term",
                                            "/file",
                                            "/size_bytes",
                                            "/sha256",
                                            "/database_sha256",
                                            "/verification",
                                            "/verification/level",
                                            "/started",
                                            "/created",
                                            "/duration_seconds"};

// Of a missing object the first field may be named instead.
bool Names(const std::string& error, const std::string& pointer) {
  std::string path = pointer.substr(1);
  std::replace(path.begin(), path.end(), '/', '.');
  return error == "the manifest's field \"" + path + "\" is missing or wrong";
}

TEST(Manifest, NamesTheFieldThatIsMissingOrOfAnotherType) {
  for (const std::string& pointer : kRequired) {
    const Json::json_pointer at(pointer);
    Json missing = GoodJson();
    missing.at(at.parent_pointer()).erase(at.back());
    EXPECT_TRUE(Names(ErrorOf(missing), pointer)) << pointer << ": " << ErrorOf(missing);
    for (const Json& wrong : {Json(nullptr), Json(true), Json::array({1}), Json(-1.5), Json("?")}) {
      Json json = GoodJson();
      if (wrong.is_string() && json.at(at).is_string()) continue;
      json.at(at) = wrong;
      EXPECT_TRUE(Names(ErrorOf(json), pointer))
          << pointer << " = " << wrong.dump() << ": " << ErrorOf(json);
    }
  }
}

TEST(Manifest, DoesWithoutWhatIsOptional) {
  Json json = GoodJson();
  json.erase("trigger");
  json.erase("job");
  json["etcd"].erase("storage_version");
  const Result<Manifest> parsed = ParseManifest(DumpJson(json));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(parsed->trigger, Trigger());
  EXPECT_EQ(parsed->job_id, "");
  EXPECT_EQ(parsed->storage_version, "");
}

TEST(Manifest, RefusesHostileValuesByName) {
  const std::vector<std::pair<std::string, Json>> cases = {
      {"/id", "../../../etc/passwd"},
      {"/id", ""},
      {"/file", "/etc/passwd"},
      {"/file", "../" + SnapshotName(IdOfBackup(1))},
      {"/file", "x/" + SnapshotName(IdOfBackup(1))},
      {"/file", SnapshotName(IdOfBackup(2))},
      {"/file", ManifestName(IdOfBackup(1))},
      {"/schema", 0},
      {"/schema", -1},
      {"/size_bytes", -1},
      {"/size_bytes", 1.5},
      {"/size_bytes", 1e300},
      {"/raft_term", INT64_MIN},
      {"/revision_before", UINT64_MAX},
      {"/verification/level", -1},
      {"/duration_seconds", -0.001},
      {"/duration_seconds", 1e308},
      {"/duration_seconds", "1"},
      {"/cluster/id", "0x12"},
      {"/cluster/id", ""},
      {"/cluster/id", "fffffffffffffffff"},
      {"/member/id", "-1"},
      {"/started", "yesterday"},
      {"/created", "2026-13-01T00:00:00Z"}};
  for (const auto& [pointer, value] : cases) {
    Json json = GoodJson();
    json.at(Json::json_pointer(pointer)) = value;
    EXPECT_TRUE(Names(ErrorOf(json), pointer))
        << pointer << " = " << value.dump() << ": " << ErrorOf(json);
  }
}

TEST(Manifest, ToleratesTriggersThatItDoesNotKnow) {
  for (const Json& trigger : {Json(7), Json("x"), Json::array(), Json{{"kind", "comet"}},
                              Json{{"kind", 5}, {"alertname", Json::object()}}}) {
    Json json = GoodJson();
    json["trigger"] = trigger;
    const Result<Manifest> parsed = ParseManifest(DumpJson(json));
    ASSERT_TRUE(parsed.ok()) << trigger.dump() << ": " << parsed.error().message();
    EXPECT_EQ(parsed->trigger, Trigger()) << trigger.dump();
  }
}

TEST(Manifest, IgnoresUnknownFields) {
  Json json = GoodJson();
  json["colour"] = {{"a", {1, 2, 3}}};
  json["etcd"]["flavour"] = 1;
  EXPECT_TRUE(ParseManifest(DumpJson(json)).ok());
}

TEST(Manifest, RefusesANewerSchema) {
  for (const std::uint64_t schema : {std::uint64_t{2}, UINT64_MAX}) {
    Json json = GoodJson();
    json["schema"] = schema;
    const Result<Manifest> parsed = ParseManifest(DumpJson(json));
    ASSERT_FALSE(parsed.ok()) << schema;
    EXPECT_EQ(parsed.error().code(), Code::kUnimplemented);
    EXPECT_NE(parsed.error().message().find("newer etcd-warden"), std::string::npos);
  }
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  const std::string good = DumpJson(GoodJson());
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("7"),
        std::string("\"x\""), std::string("{}"), std::string("\0\0\0", 3),
        good.substr(0, good.size() / 2), good + "x", std::string(1'000'000, '['),
        std::string("{\"schema\":1e999}")}) {
    const Result<Manifest> parsed = ParseManifest(text);
    ASSERT_FALSE(parsed.ok()) << text.substr(0, 80);
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument) << text.substr(0, 80);
  }
}

TEST(BackupId, SaysItsTimeAndSortsByIt) {
  EXPECT_EQ(MakeId(kNow + Milliseconds(42), 0x3fa9c1d2), "20261123T101500042Z-3fa9c1d2");
  EXPECT_EQ(MakeId(kNow, 1), "20261123T101500000Z-00000001");
  EXPECT_LT(MakeId(kNow, UINT32_MAX), MakeId(kNow + Milliseconds(1), 0));
  EXPECT_TRUE(IsId(MakeId(kNow, UINT32_MAX)));
}

TEST(BackupId, IsNothingElse) {
  const std::string id = IdOfBackup(1);
  for (const std::string& text :
       {std::string(), id + "0", id.substr(1), " " + id, id + "\n", std::string("."),
        std::string("20261123T101500042Z-3FA9C1D2"), std::string("20261123T101500042Z-3fa9c1dg"),
        std::string("20261123t101500042Z-3fa9c1d2"), std::string("2026112/T101500042Z-3fa9c1d2"),
        std::string("20261123T101500042Z_3fa9c1d2")}) {
    EXPECT_FALSE(IsId(text)) << text;
  }
}

}  // namespace
}  // namespace warden::backup
