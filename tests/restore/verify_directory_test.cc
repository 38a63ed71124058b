// Directories that were written well pass, of every kind; each thing that can be wrong with one is
// seen by the checks that are for it.
#include "exporter/restore/verify_directory.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <span>
#include <string>

#include "exporter/mvcc/hashes.h"
#include "exporter/restore/snap_file.h"
#include "exporter/restore/wal.h"
#include "tests/restore/restored.h"

namespace warden::restore {
namespace {

using testing::BoltBuckets;
using testing::EtcdBuckets;
using testing::KeyValue;
using testing::MemoryFile;
using testing::MemoryFiles;
using testing::RevisionKey;
using Path = Files::Path;
using Names = std::set<std::string>;

constexpr std::size_t kAny = 1ULL << 30;

// Puts a file there, in place of another one.
void Place(Files& files, const Path& path, const std::string& content) {
  (void)files.Remove(path);
  ASSERT_TRUE(files.MakeDirectories(path.parent_path()).ok());
  const auto file = files.Create(path);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append(std::as_bytes(std::span(content))).ok());
}

void Change(Files& files, const Path& path, const std::function<void(std::string&)>& change) {
  std::string content = *files.ReadAll(path, kAny);
  change(content);
  Place(files, path, content);
}

// The checks that need a database.
const Names kUnread = {"structure", "meaning", "entries",  "edits", "membership",
                       "raft",      "alarms",  "revision", "hash"};

Names With(Names names, const Names& more) {
  names.insert(more.begin(), more.end());
  return names;
}

class VerifyDirectoryTest : public ::testing::Test {
 protected:
  VerifyDirectoryTest() { EXPECT_TRUE(files_.MakeDirectories("/disk").ok()); }

  void Write(const DirectoryOptions& options) {
    const DirectoryOutcome outcome =
        WriteDataDirectory(files_, SnapshotOf(snapshot_), options, {}, nullptr);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  }
  Result<DirectoryVerification> Try(const DirectoryOptions& options) {
    return VerifyDirectory(files_, SnapshotOf(snapshot_), options, {});
  }
  DirectoryVerification Verify(const DirectoryOptions& options) {
    auto verification = Try(options);
    EXPECT_TRUE(verification.ok()) << verification.status().message();
    return *std::move(verification);
  }
  // What the database would be, with other options or of another snapshot.
  std::string Database(const BucketOptions& options, const BoltBuckets& buckets = EtcdBuckets(),
                       const NewCluster& cluster = ThreeMembers()) {
    const MemoryFile file = SnapshotFrom(buckets);
    return Rewrite(SnapshotOf(file), *EditBuckets(cluster, options)).bytes;
  }

  struct Case {
    std::string name;
    std::function<void()> damage;
    Names failures;
  };
  // Of a directory that is well but for that damage.
  void ExpectFailures(const std::vector<Case>& cases) {
    Write(options_);
    std::map<Path, std::string> whole;
    for (const Path& path : {at_.database_file, at_.snap_file, at_.wal_file}) {
      whole[path] = *files_.ReadAll(path, kAny);
    }
    for (const Case& each : cases) {
      each.damage();
      const DirectoryVerification verification = Verify(options_);
      EXPECT_EQ(FailuresOf(verification), each.failures) << each.name;
      EXPECT_FALSE(verification.ok());
      EXPECT_NE(verification.FirstProblem(), "");
      for (const auto& [path, content] : whole) {
        // It is long, and costs time.
        if (path == at_.wal_file && !each.failures.contains("log")) continue;
        Place(files_, path, content);
      }
      for (const Path& extra : {at_.snap / "x.snap.db", at_.wal / "0.tmp", at_.top / "note"}) {
        (void)files_.Remove(extra);
      }
    }
    EXPECT_TRUE(Verify(options_).ok());
  }

  const DirectoryOptions options_ = OptionsFor("/disk/etcd");
  const DirectoryLayout at_ = LayoutOf(options_);
  MemoryFiles files_;
  MemoryFile snapshot_ = SnapshotFrom(EtcdBuckets());
};

TEST_F(VerifyDirectoryTest, PassesWhatWasWrittenWell) {
  for (const Target target : {Target::k34, Target::k35, Target::k36, Target::k37}) {
    for (const bool keep_alarms : {false, true}) {
      // Not all that can be combined: every log takes its time.
      const std::int64_t bump = keep_alarms == (target >= Target::k36) ? 1000 : 0;
      DirectoryOptions options = OptionsFor("/disk/etcd-" + std::string(TargetName(target)) +
                                            (keep_alarms ? "-alarmed" : ""));
      options.database = {.target = target, .keep_alarms = keep_alarms, .bump = {}};
      if (bump > 0) options.database.bump = RevisionBump{kSnapshotRevision, bump};
      if (keep_alarms) options.wal_dir = options.path / "a" / "log";
      Write(options);
      const DirectoryVerification verification = Verify(options);
      EXPECT_TRUE(verification.ok()) << verification.FirstProblem();
      EXPECT_EQ(verification.FirstProblem(), "");
      EXPECT_EQ(verification.revision, kSnapshotRevision + bump);
      EXPECT_EQ(verification.snapshot_revision, kSnapshotRevision);
      EXPECT_EQ(verification.warnings, std::vector<std::string>());
      for (const CheckResult& result : verification.results) {
        EXPECT_NE(result.found, "") << CheckName(result.check);
      }
      ASSERT_TRUE(files_.Remove(LayoutOf(options).wal_file).ok());
    }
  }
}

TEST_F(VerifyDirectoryTest, ProvesThatAuthenticationIsOffWhereItWasToBe) {
  DirectoryOptions off = OptionsFor("/disk/off");
  off.database.disable_auth = true;
  Write(off);
  EXPECT_TRUE(Verify(off).ok()) << Verify(off).FirstProblem();
  DirectoryOptions on = off;
  on.database.disable_auth = false;
  EXPECT_EQ(FailuresOf(Verify(on)), std::set<std::string>{"entries"});
  on.path = "/disk/on";
  Write(on);
  EXPECT_TRUE(Verify(on).ok()) << Verify(on).FirstProblem();
  on.database.disable_auth = true;
  EXPECT_EQ(FailuresOf(Verify(on)), std::set<std::string>{"edits"});
}

TEST_F(VerifyDirectoryTest, SaysTheSnapshotsHash) {
  const auto keys = mvcc::KeySpace::Open(snapshot_, snapshot_.size());
  const std::uint32_t hash = *mvcc::HashKv(*keys, kSnapshotRevision, -1, {});
  for (const bool with_bump : {false, true}) {
    DirectoryOptions options = OptionsFor(with_bump ? "/disk/bumped" : "/disk/etcd");
    if (with_bump) options.database.bump = RevisionBump{kSnapshotRevision, 10};
    Write(options);
    const DirectoryVerification verification = Verify(options);
    EXPECT_EQ(verification.snapshot_hash, hash);
    EXPECT_TRUE(verification.Of(DirectoryCheck::kHash).found.starts_with(std::to_string(hash)));
  }
}

TEST_F(VerifyDirectoryTest, SeesWrongFiles) {
  const NewCluster cluster = options_.cluster;
  const auto add = [&](const Path& path) { return [=, this] { Place(files_, path, ""); }; };
  const auto remove = [&](const Path& path) {
    return [=, this] { ASSERT_TRUE(files_.Remove(path).ok()); };
  };
  const auto change = [&](const Path& path, const std::function<void(std::string&)>& how) {
    return [=, this] { Change(files_, path, how); };
  };
  ExpectFailures({
      {"a file more", add(at_.snap / "x.snap.db"), {"files"}},
      {"a log more", add(at_.wal / "0.tmp"), {"files"}},
      {"a file above", add(at_.top / "note"), {"files"}},
      {"no .snap", remove(at_.snap_file), {"files", "snap_file"}},
      {"no log", remove(at_.wal_file), {"files", "log"}},
      {"no database", remove(at_.database_file), With(kUnread, {"files"})},
      {"a short log", change(at_.wal_file, [](auto& b) { b.pop_back(); }), {"log"}},
      {"a long log", change(at_.wal_file, [](auto& b) { b += '\0'; }), {"log"}},
      {"a bit in the log", change(at_.wal_file, [](auto& b) { b[100] ^= 1; }), {"log"}},
      {"a bit at its end", change(at_.wal_file, [](auto& b) { b.back() = 1; }), {"log"}},
      {"another's log",
       change(at_.wal_file,
              [&](auto& b) {
                const std::string theirs = WalBytes(cluster, cluster.members[2], Target::k37);
                b.replace(0, theirs.size(), theirs);
              }),
       {"log"}},
      {"a bit in the .snap", change(at_.snap_file, [](auto& b) { b[9] ^= 1; }), {"snap_file"}},
      {"a longer .snap", change(at_.snap_file, [](auto& b) { b += '\0'; }), {"snap_file"}},
      {"an older .snap",
       change(at_.snap_file, [&](auto& b) { b = SnapFileBytes(cluster, Target::k36); }),
       {"snap_file"}},
  });
}

TEST_F(VerifyDirectoryTest, SeesADatabaseThatIsDamagedOrAnother) {
  const auto place = [&](const std::string& bytes) {
    return [=, this] { Place(files_, at_.database_file, bytes); };
  };
  const auto change = [&](const std::function<void(std::string&)>& how) {
    return [=, this] { Change(files_, at_.database_file, how); };
  };
  // As it would be if the snapshot were a little different.
  const auto of = [&](const std::function<void(BoltBuckets&)>& how) {
    BoltBuckets buckets = EtcdBuckets();
    how(buckets);
    return place(Database(options_.database, buckets));
  };
  const NewCluster other = *ParseInitialCluster(kThreeMembers, "another token");
  ExpectFailures({
      {"text", place("text"), kUnread},
      {"half of it", change([](auto& b) { b.resize(b.size() / 2); }), kUnread},
      {"a page more", change([](auto& b) { b.resize(b.size() + 4096); }), {"structure"}},
      {"a bit", change([](auto& b) { b[b.find("three") + 1] ^= 1; }), {"entries", "hash"}},
      {"a record fewer",
       of([](auto& b) { b["key"].values.erase(RevisionKey(3)); }),
       {"entries", "hash"}},
      {"a record more",
       of([](auto& b) {
         b["key"].values[RevisionKey(7)] = KeyValue({"/b", 7, 7, 1, "new"});
       }),
       {"entries", "revision"}},
      {"a lease fewer", of([](auto& b) { b["lease"].values.clear(); }), {"entries"}},
      {"another password",
       of([](auto& b) { b["authUsers"].values["root"][15] ^= 1; }),
       {"entries"}},
      {"a bucket more", of([](auto& b) { b["other"]; }), {"entries"}},
      {"a bucket fewer", of([](auto& b) { b.erase("auth"); }), {"meaning", "entries"}},
      {"alarms", place(Database({.keep_alarms = true})), {"entries", "alarms"}},
      {"another cluster",
       place(Database(options_.database, EtcdBuckets(), other)),
       {"entries", "edits", "membership"}},
      {"an older target", place(Database({.target = Target::k34})), {"entries", "edits", "raft"}},
      {"a bump",
       place(Database({.bump = RevisionBump{kSnapshotRevision, 10}})),
       {"entries", "revision", "hash"}},
      {"the snapshot",
       place(snapshot_.content()),
       {"entries", "edits", "membership", "raft", "alarms"}},
  });
}

TEST_F(VerifyDirectoryTest, SeesAWrongBump) {
  DirectoryOptions options = OptionsFor("/disk/etcd");
  options.database.bump = RevisionBump{kSnapshotRevision, 1000};
  Write(options);
  const Path database = LayoutOf(options).database_file;
  const struct {
    std::optional<RevisionBump> bump;
    Names failures;
  } cases[] = {
      {{}, {"edits", "revision"}},
      {RevisionBump{kSnapshotRevision, 999}, {"entries", "edits", "revision", "hash"}},
  };
  for (const auto& [bump, failures] : cases) {
    Place(files_, database, Database({.bump = bump}));
    EXPECT_EQ(FailuresOf(Verify(options)), failures);
  }
  // A plan for another snapshot, carried out to the letter.
  options.database.bump = RevisionBump{kSnapshotRevision + 1, 1000};
  Place(files_, database, Database(options.database));
  EXPECT_EQ(FailuresOf(Verify(options)), Names{"revision"});
}

TEST_F(VerifyDirectoryTest, LeavesOpenAHashThatNoFileTells) {
  // All keys are gone, and a compaction is not finished.
  BoltBuckets buckets = EtcdBuckets();
  buckets["key"].values[testing::TombstoneKey(7)] = KeyValue({.key = "/a/x"});
  buckets["meta"].values["scheduledCompactRev"] = RevisionKey(6);
  snapshot_ = SnapshotFrom(buckets);
  Write(options_);
  const DirectoryVerification verification = Verify(options_);
  EXPECT_TRUE(verification.ok()) << verification.FirstProblem();
  EXPECT_EQ(verification.snapshot_hash, std::nullopt);
  EXPECT_TRUE(verification.Of(DirectoryCheck::kHash).found.starts_with("no key is alive"));
}

TEST_F(VerifyDirectoryTest, FailsWithoutASnapshotToCompareWith) {
  Write(options_);
  DirectoryOptions stranger = options_;
  stranger.name = "m4";
  EXPECT_EQ(Try(stranger).status().code(), Code::kInvalidArgument);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped =
      VerifyDirectory(files_, SnapshotOf(snapshot_), options_, {.stop = stop.get_token()});
  EXPECT_EQ(stopped.status().code(), Code::kCancelled);
  snapshot_.content().resize(3 * 4096);
  EXPECT_EQ(Try(options_).status().code(), Code::kDataLoss);
  EXPECT_TRUE(Try(options_).status().message().starts_with("the snapshot: "));
}

TEST_F(VerifyDirectoryTest, IsShownAsJson) {
  Write(options_);
  ASSERT_TRUE(files_.Remove(LayoutOf(options_).snap_file).ok());
  const Json json = ToJson(Verify(options_));
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["revision"], kSnapshotRevision);
  EXPECT_TRUE(json["snapshot_hash"].is_number_unsigned());
  EXPECT_EQ(json["checks"].size(), 12U);
  EXPECT_EQ(json["checks"][0]["check"], "files");
  EXPECT_EQ(json["checks"][0]["ok"], false);
  EXPECT_EQ(DumpJson(json["checks"][0]["problems"]),
            R"(["/disk/etcd/member/snap/0000000000000001-0000000000000003.snap is missing"])");
  EXPECT_EQ(DumpJson(json["checks"][5]),
            R"({"check":"membership","ok":true,"found":"3 members","problems":[]})");
}

}  // namespace
}  // namespace warden::restore
