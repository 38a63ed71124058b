// Which backups are copied where, what is let go there, and what a restart remembers.
#include "exporter/offsite/copier.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/offsite/copies.h"

namespace warden::offsite {
namespace {

class CopierTest : public CopiesTest {};

TEST_F(CopierTest, CopiesWhatIsVerifiedAndNotYetThere) {
  const std::string first = Store(1).id;
  Store(2, 1);
  Store(3, 2, "mismatch");
  const std::string newest = Store(4).id;
  const Status copied = Copy();
  ASSERT_TRUE(copied.ok()) << copied.message();
  EXPECT_EQ(WholeCopies(), (Ids{newest, first}));
  EXPECT_EQ(Known(), (Ids{newest, first}));
  const backup::Manifest copy = TheStore().List()->front();
  EXPECT_EQ(copy.stored->file, copy.file + ".zst");
  EXPECT_EQ(copy.stored->compression, "zstd");
  EXPECT_EQ(copy.stored->encryption, "none");
  EXPECT_EQ(copy.stored->proof, "hash");
  const CopyState expected{
      .last_attempt = clock_.Now(), .last_success = clock_.Now(), .remote = destination_.remote};
  EXPECT_EQ(TheStore().State(), expected);
  EXPECT_TRUE(TheStore().State().up());
  EXPECT_TRUE(log_.Contains("backup copied"));
}

TEST_F(CopierTest, SendsNothingTwice) {
  const backup::Manifest manifest = Store(1);
  ASSERT_TRUE(Copy().ok());
  // Also by another process, which has only the files.
  std::filesystem::remove_all(dir_ / "far");
  ASSERT_TRUE(Copy().ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "far"));
  const WallTime first = *TheStore().State().last_attempt;
  clock_.Advance(Seconds(60));
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(TheStore().State().last_attempt, first) << "a look around is no attempt";
}

TEST_F(CopierTest, ACopyOutlivesItsBackup) {
  const backup::Manifest manifest = Store(1);
  ASSERT_TRUE(Copy().ok());
  RemoveLocal(manifest);
  Store(2);
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies().size(), 2U);
}

TEST_F(CopierTest, SendsNothingThatTheDestinationWouldLetGoAtOnce) {
  KeepLast(2);
  Ids ids;
  for (int n = 1; n <= 5; ++n) ids.insert(ids.begin(), Store(n).id);
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies(), (Ids{ids[0], ids[1]}));
  EXPECT_FALSE(log_.Contains("deleted a copy")) << "the others were never there";
  const std::string next = Store(6).id;
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies(), (Ids{next, ids[0]}));
  EXPECT_EQ(Known(), (Ids{next, ids[0]}));
  EXPECT_EQ(NamesIn(dir_ / "far").size(), 4U) << "two files each";
}

TEST_F(CopierTest, AHoldOfTheLocalManifestProtectsTheCopy) {
  KeepLast(1);
  const std::string pinned = Store(1).id;
  ASSERT_TRUE(Copy().ok());
  const auto set_hold = [&](bool hold) {
    ASSERT_TRUE(
        backup::ChangeManifest(posix_, source_.directory, pinned, [&](backup::Manifest& manifest) {
          manifest.holds.clear();
          if (hold) manifest.holds = {{.by = "manual"}};
        }).ok());
  };
  set_hold(true);
  const std::string second = Store(2).id;
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies(), (Ids{second, pinned}));
  set_hold(false);
  const std::string third = Store(3).id;
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies(), Ids{third});
}

TEST_F(CopierTest, NeverDeletesWhereItMayOnlyPut) {
  Store(1);
  ASSERT_TRUE(Copy().ok());
  KeepLast(1);
  destination_.put_only = true;
  Store(2);
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(WholeCopies().size(), 2U);
}

TEST_F(CopierTest, RemembersItsFailuresOverARestart) {
  Store(1);
  dir_.Write("far", "a file in the way");
  for (int n = 1; n <= 3; ++n) {
    EXPECT_FALSE(Copy().ok());
    const CopyState state = TheStore().State();
    EXPECT_EQ(state.failures, n);
    EXPECT_FALSE(state.up());
    EXPECT_TRUE(state.error.starts_with("copy backup ")) << state.error;
    EXPECT_EQ(state.last_success, std::nullopt);
  }
  std::filesystem::remove(dir_ / "far");
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(TheStore().State().failures, 0);
  EXPECT_EQ(TheStore().State().error, "");
}

TEST_F(CopierTest, ADamagedBackupIsNotCopied) {
  const backup::Manifest manifest = Store(1);
  std::string file = *posix_.ReadAll(source_.directory / manifest.file, 1 << 24);
  file[file.size() / 2] ^= 1;
  ASSERT_TRUE(posix_.Remove(source_.directory / manifest.file).ok());
  ASSERT_TRUE(backup::WriteSynced(posix_, source_.directory / manifest.file, file).ok());
  for (const bool compress : {true, false}) {
    destination_.compress = compress;
    EXPECT_EQ(Copy().code(), Code::kDataLoss);
    EXPECT_EQ(NamesIn(dir_ / "far"), Ids());
  }
}

TEST_F(CopierTest, LeavesADestinationToTheOneThatIsAtIt) {
  Store(1);
  const auto lock = TheStore().Lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(Copy().code(), Code::kFailedPrecondition);
  EXPECT_EQ(TheStore().State(), CopyState()) << "no failure of the destination";
}

TEST_F(CopierTest, CopiesByItselfAndWhenWoken) {
  Store(1);
  Copier copier(source_, {destination_}, Tools());
  copier.Start({});
  while (Known().size() < 1) std::this_thread::yield();
  Store(2);
  copier.Wake();
  while (Known().size() < 2) std::this_thread::yield();
  EXPECT_EQ(WholeCopies().size(), 2U);
}

TEST_F(CopierTest, KnocksAgainOnlyAfterThePause) {
  Store(1);
  dir_.Write("far", "a file in the way");
  Copier copier(source_, {destination_}, Tools());
  copier.Start({});
  const auto failures = [&] { return TheStore().State().failures; };
  while (failures() < 1) std::this_thread::yield();
  copier.Wake();
  clock_.Advance(RetryPause(1) - Seconds(1));
  std::this_thread::sleep_for(Milliseconds(50));
  EXPECT_EQ(failures(), 1);
  clock_.Advance(Seconds(1));
  while (failures() < 2) std::this_thread::yield();
}

TEST(RetryPauses, DoubleUpToAnHour) {
  const std::pair<int, int> cases[] = {{0, 30},   {1, 30},   {2, 60},     {3, 120},
                                       {7, 1920}, {8, 3600}, {100, 3600}, {1'000'000, 3600}};
  for (const auto& [failures, seconds] : cases) {
    EXPECT_EQ(RetryPause(failures), Seconds(seconds)) << failures;
  }
}

}  // namespace
}  // namespace warden::offsite
