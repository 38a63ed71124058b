// The way back from a directory: one backup, and what is known of all.
#include "exporter/offsite/fetch.h"

#include <gtest/gtest.h>

#include "tests/offsite/copies.h"

namespace warden::offsite {
namespace {

class FetchTest : public CopiesTest {
 protected:
  Result<backup::Manifest> Fetch(const std::string& id) {
    return FetchBackup(source_, id, destination_, "", Tools(), Patience());
  }
  Result<Rebuilt> Rebuild() { return RebuildStore(source_, destination_, Tools(), Patience()); }
  // A backup that is only at the destination by now.
  backup::Manifest Send(int n) {
    const backup::Manifest manifest = Store(n);
    EXPECT_TRUE(Copy().ok());
    RemoveLocal(manifest);
    return manifest;
  }
};

TEST_F(FetchTest, BringsABackupBackAsItWas) {
  for (const bool compress : {true, false}) {
    destination_.compress = compress;
    destination_.name = compress ? "packed" : "plain";
    destination_.remote = (dir_ / "far").string();
    const backup::Manifest sent = Send(compress ? 1 : 2);
    const auto fetched = Fetch(sent.id);
    ASSERT_TRUE(fetched.ok()) << fetched.status().message();
    EXPECT_EQ(backup::WholeBackups(posix_, source_.directory).front(), sent.id);
    const auto manifest = backup::ReadManifest(posix_, source_.directory, sent.id);
    ASSERT_TRUE(manifest.ok());
    EXPECT_FALSE(manifest->stored) << "it is no copy";
    ASSERT_EQ(manifest->holds.size(), 1U) << "or retention would take it again at once";
    EXPECT_EQ(manifest->holds[0].by, "fetch");
    EXPECT_EQ(manifest->holds[0].until, clock_.Now() + kFetchedHold);
    EXPECT_EQ(Fetch(sent.id).status().code(), Code::kAlreadyExists);
    EXPECT_EQ(NamesIn(source_.directory / "spool" / destination_.name), Ids());
  }
}

TEST_F(FetchTest, RefusesWhatIsNotKnownOrNotWhatItSays) {
  EXPECT_EQ(Fetch(backup::IdOfBackup(1)).status().code(), Code::kNotFound);
  const backup::Manifest other = Send(1);
  const backup::Manifest sent = Send(2);
  const std::filesystem::path file = dir_ / "far" / (sent.file + ".zst");
  const std::string whole = *posix_.ReadAll(file, 1 << 24);
  const std::string another = *posix_.ReadAll(dir_ / "far" / (other.file + ".zst"), 1 << 24);
  for (const std::string& content : {whole.substr(0, 100), another, std::string("no zstd")}) {
    dir_.Write("far/" + file.filename().string(), content);
    EXPECT_EQ(Fetch(sent.id).status().code(), Code::kDataLoss);
    EXPECT_TRUE(backup::ListBackups(posix_, source_.directory)->backups.empty());
    EXPECT_TRUE(backup::ListBackups(posix_, source_.directory)->strangers.empty());
  }
  std::filesystem::remove(file);
  EXPECT_EQ(Fetch(sent.id).status().code(), Code::kNotFound);
}

TEST_F(FetchTest, LeavesNothingBehindWhateverFails) {
  const backup::Manifest sent = Send(1);
  for (int n = 1;; ++n) {
    const std::string when = "operation " + std::to_string(n);
    files_.FailNth(n);
    const auto fetched = Fetch(sent.id);
    const bool failed = files_.failed();
    files_.FailNever();
    const auto listing = backup::ListBackups(posix_, source_.directory);
    EXPECT_TRUE(listing->strangers.empty()) << when;
    EXPECT_EQ(backup::WholeBackups(posix_, source_.directory).size(), fetched.ok() ? 1U : 0U)
        << when << fetched.status().message();
    if (!failed) {
      EXPECT_GT(n, 15);
      return;
    }
    if (fetched.ok()) RemoveLocal(sent);
    EXPECT_EQ(Known(), Ids{sent.id}) << when;
  }
}

TEST_F(FetchTest, LearnsWhatTheDestinationHas) {
  const std::string first = Send(1).id;
  const std::string second = Send(2).id;
  std::filesystem::remove_all(source_.directory);
  const auto rebuilt = Rebuild();
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status().message();
  EXPECT_EQ(rebuilt->found, 2U);
  EXPECT_EQ(rebuilt->learnt.size(), 2U);
  EXPECT_TRUE(rebuilt->complaints.empty());
  EXPECT_EQ(Known(), (Ids{second, first}));
  EXPECT_TRUE(Fetch(first).ok()) << "a machine that lost everything has it back";
  const auto again = Rebuild();
  EXPECT_EQ(again->found, 2U);
  EXPECT_TRUE(again->learnt.empty());
}

TEST_F(FetchTest, ForgetsWhatTheDestinationHasNoMore) {
  const backup::Manifest first = Send(1);
  const backup::Manifest second = Send(2);
  const backup::Manifest third = Send(3);
  const backup::Manifest fourth = Send(4);
  const std::filesystem::path far = dir_ / "far";
  std::filesystem::remove(far / backup::ManifestName(first.id));
  std::filesystem::remove(far / (second.file + ".zst"));
  dir_.Write("far/" + third.file + ".zst", "short");
  dir_.Write("far/README.json", "{}");
  dir_.Write("far/" + backup::ManifestName(backup::IdOfBackup(9)), "{}");
  const auto rebuilt = Rebuild();
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status().message();
  EXPECT_EQ(rebuilt->found, 1U);
  EXPECT_EQ(rebuilt->forgotten, (Ids{first.id, second.id, third.id}));
  EXPECT_EQ(rebuilt->complaints.size(), 3U);
  EXPECT_EQ(Known(), Ids{fourth.id});
}

TEST_F(FetchTest, AFailureToAskChangesNothing) {
  const std::string id = Send(1).id;
  destination_.remote = "nowhere:far";
  destination_.rclone_config = dir_.Write("rclone.conf", "");
  EXPECT_FALSE(Rebuild().ok());
  EXPECT_EQ(Known(), Ids{id});
}

}  // namespace
}  // namespace warden::offsite
