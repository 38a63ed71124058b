// Turns, edits of manifests, and deletions in two steps.
#include "exporter/backup/changes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/backup/fault_worlds.h"

namespace warden::backup {
namespace {

using testing::FaultyFiles;
using testing::FileOperation;
using testing::MemoryFiles;

const Files::Path kDirectory = "/backups";

const Hold kHold{.by = "manual", .since = kNow, .until = {}, .reason = "audit"};

class ChangesTest : public ::testing::Test {
 protected:
  ChangesTest() {
    for (int n = 1; n <= 3; ++n) ids_.push_back(StoreVerified(disk_, kDirectory, n).id);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const std::vector<DirectoryEntry> entries = *disk_.List(kDirectory);
    for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
    return names;
  }
  Json ReadJson(const std::string& id) {
    return *ParseJson(*disk_.ReadAll(kDirectory / ManifestName(id), kManifestBytesMax));
  }
  Deletion Delete(const Ids& ids) {
    return DeleteBackups(files_, kDirectory, ids, [](const Manifest&) { return true; });
  }

  MemoryFiles disk_;
  FaultyFiles files_{disk_};
  Ids ids_;
};

TEST_F(ChangesTest, ATurnExcludesEveryOtherOne) {
  auto turn = TakeTurn(files_, kDirectory);
  ASSERT_TRUE(turn.ok());
  std::atomic<bool> over = false;
  std::thread other([&] {
    const auto second = TakeTurn(files_, kDirectory);
    EXPECT_TRUE(second.ok()) << second.status().message();
    EXPECT_TRUE(over) << "two turns at once";
  });
  // The other one has tried in vain by then, or is about to.
  std::this_thread::sleep_for(Milliseconds(30));
  over = true;
  turn->reset();
  other.join();
}

TEST_F(ChangesTest, ManyEditsAtOnceAreAllMade) {
  constexpr int kThreads = 4;
  constexpr int kEdits = 5;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < kEdits; ++i) {
        EXPECT_TRUE(ChangeManifest(files_, kDirectory, ids_[0], [](Manifest& manifest) {
                      manifest.holds.push_back(kHold);
                    }).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ReadManifest(disk_, kDirectory, ids_[0])->holds.size(), kThreads * kEdits);
}

TEST_F(ChangesTest, AFailureToLockIsToldAtOnce) {
  files_.FailWhere([](FileOperation o, const Files::Path&) { return o == FileOperation::kLock; });
  EXPECT_EQ(TakeTurn(files_, kDirectory).status().code(), Code::kResourceExhausted);
  EXPECT_FALSE(ChangeManifest(files_, kDirectory, ids_[0], [](Manifest&) {}).ok());
  const Deletion deletion = Delete({ids_[0]});
  EXPECT_FALSE(deletion.failure.ok());
  EXPECT_TRUE(deletion.deleted.empty());
  EXPECT_EQ(WholeBackups(disk_, kDirectory).size(), 3U);
}

TEST_F(ChangesTest, AnEditKeepsWhatANewerVersionWrote) {
  Json json = ReadJson(ids_[0]);
  json["colour"] = "blue";
  json["member"]["zone"] = "a";
  json["verification"]["by"] = {{"host", "h1"}};
  json["trigger"]["receiver"] = "ops";
  ASSERT_TRUE(WriteAtomically(disk_, kDirectory / ManifestName(ids_[0]), DumpJson(json)).ok());
  for (const bool pin : {true, false}) {
    const auto changed = ChangeManifest(files_, kDirectory, ids_[0], [&](Manifest& manifest) {
      manifest.holds.clear();
      if (pin) manifest.holds.push_back(kHold);
    });
    ASSERT_TRUE(changed.ok()) << changed.status().message();
    EXPECT_EQ(changed->pinned(kNow), pin);
    Json after = ReadJson(ids_[0]);
    EXPECT_EQ(after.contains("holds"), pin);
    after.erase("holds");
    EXPECT_EQ(ParsedJson(after), ParsedJson(json));
  }
}

TEST_F(ChangesTest, AnEditOfWhatIsNotThereOrCannotBeReadFails) {
  const std::string none = IdOfBackup(9);
  const auto change = [&](const std::string& id) {
    return ChangeManifest(files_, kDirectory, id, [](Manifest&) { ADD_FAILURE(); }).status().code();
  };
  EXPECT_EQ(change(none), Code::kNotFound);
  for (const std::string text : {"", "{", "{\"schema\": 2}", "[]"}) {
    const Files::Path path = kDirectory / ManifestName(none);
    ASSERT_TRUE(WriteAtomically(disk_, path, text).ok());
    EXPECT_NE(change(none), Code::kOk) << text;
    EXPECT_EQ(*disk_.ReadAll(path, 100), text) << "left alone";
  }
  // A manifest under another one's name.
  const std::string other = *disk_.ReadAll(kDirectory / ManifestName(ids_[0]), kManifestBytesMax);
  ASSERT_TRUE(WriteAtomically(disk_, kDirectory / ManifestName(none), other).ok());
  EXPECT_EQ(change(none), Code::kInvalidArgument);
}

TEST_F(ChangesTest, AManifestThatCouldNotBeReadBackIsNotWritten) {
  const auto changed = ChangeManifest(files_, kDirectory, ids_[0], [](Manifest& manifest) {
    manifest.notes.assign(1, std::string(kManifestBytesMax, 'x'));
  });
  EXPECT_EQ(changed.status().code(), Code::kResourceExhausted);
  EXPECT_EQ(WholeBackups(disk_, kDirectory).size(), 3U);
}

TEST_F(ChangesTest, DeletesInTheOrderThatWasAskedForAndOnlyThat) {
  // One that is not there is as good as deleted.
  const Deletion deletion = Delete({ids_[1], IdOfBackup(9), ids_[0]});
  EXPECT_TRUE(deletion.failure.ok()) << deletion.failure.message();
  EXPECT_EQ(deletion.deleted, (Ids{ids_[1], ids_[0]}));
  EXPECT_EQ(WholeBackups(disk_, kDirectory), Ids{ids_[2]});
  EXPECT_EQ(Names(),
            (Ids{std::string(kChangesLockName), SnapshotName(ids_[2]), ManifestName(ids_[2])}))
      << "a .db sorts before a .json";
  disk_.CutPower([](std::size_t) { return false; });
  EXPECT_EQ(WholeBackups(disk_, kDirectory), Ids{ids_[2]}) << "durable";
}

TEST_F(ChangesTest, AsksOnceMoreAboutTheManifestAsItIsByThen) {
  ASSERT_TRUE(ChangeManifest(disk_, kDirectory, ids_[0], [](Manifest& manifest) {
                manifest.holds.push_back(kHold);
              }).ok());
  const Deletion deletion =
      DeleteBackups(files_, kDirectory, ids_, [](const Manifest& m) { return !m.pinned(kNow); });
  EXPECT_EQ(deletion.deleted, (Ids{ids_[1], ids_[2]}));
  EXPECT_EQ(WholeBackups(disk_, kDirectory), Ids{ids_[0]});
}

TEST_F(ChangesTest, AFailureEndsTheDeletionsAndTheNextStartEndsTheOneThatWasBegun) {
  files_.FailWhere([&](FileOperation o, const Files::Path& path) {
    return o == FileOperation::kRemove && path.filename() == SnapshotName(ids_[1]);
  });
  const Deletion deletion = Delete(ids_);
  EXPECT_EQ(deletion.deleted, Ids{ids_[0]});
  EXPECT_EQ(deletion.failure.code(), Code::kResourceExhausted);
  EXPECT_TRUE(deletion.failure.message().starts_with("delete backup " + ids_[1]))
      << deletion.failure.message();
  EXPECT_EQ(WholeBackups(disk_, kDirectory), Ids{ids_[2]}) << "it is no backup any more";
  EXPECT_TRUE(ListBackups(disk_, kDirectory)->strangers.empty()) << "and no complaint either";
  EXPECT_TRUE(Has(Names(), SnapshotName(ids_[1])));
  files_.FailNever();
  ASSERT_TRUE(FinishDeletions(files_, kDirectory).ok());
  EXPECT_EQ(WholeBackups(disk_, kDirectory), Ids{ids_[2]});
  EXPECT_EQ(Names().size(), 3U) << ".changes and one backup";
}

// It was fetched from a destination before anything ended its deletion.
TEST_F(ChangesTest, ABackupThatCameBackIsNoLongerDeleted) {
  const Manifest manifest = *ReadManifest(disk_, kDirectory, ids_[0]);
  const std::string file = *disk_.ReadAll(kDirectory / manifest.file, 1 << 20);
  files_.FailWhere([](FileOperation o, const Files::Path&) { return o == FileOperation::kRemove; });
  EXPECT_FALSE(Delete({ids_[0]}).failure.ok());
  files_.FailNever();
  const Files::Path partial = kDirectory / (manifest.file + std::string(kPartialSuffix));
  ASSERT_TRUE(WriteSynced(disk_, partial, file).ok());
  ASSERT_TRUE(PublishBackup(disk_, kDirectory, manifest).ok());
  ASSERT_TRUE(FinishDeletions(files_, kDirectory).ok());
  EXPECT_EQ(OpenAndLookAround(disk_, kDirectory, "afterwards").size(), 3U);
}

TEST_F(ChangesTest, AManifestThatCannotBeReadIsNeverDeleted) {
  ASSERT_TRUE(WriteAtomically(disk_, kDirectory / ManifestName(ids_[0]), "{").ok());
  const Deletion deletion = Delete(ids_);
  EXPECT_FALSE(deletion.failure.ok());
  EXPECT_TRUE(deletion.deleted.empty());
  EXPECT_EQ(WholeBackups(disk_, kDirectory).size(), 2U);
}

TEST_F(ChangesTest, FinishesNothingThatIsNotADeletion) {
  const Files::Path strange = kDirectory / "notes.json.deleted";
  ASSERT_TRUE(WriteSynced(disk_, strange, "mine").ok());
  ASSERT_TRUE(FinishDeletions(files_, kDirectory).ok());
  EXPECT_TRUE(disk_.Stat(strange).ok());
  EXPECT_EQ(WholeBackups(disk_, kDirectory).size(), 3U);
}

}  // namespace
}  // namespace warden::backup
