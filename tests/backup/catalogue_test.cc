#include "exporter/backup/catalogue.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/backup/backups.h"
#include "tests/support/faulty_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::backup {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::string>;

class CatalogueTest : public ::testing::Test {
 protected:
  Catalogue OpenIt() {
    Result<Catalogue> catalogue = Catalogue::Open(files_, directory_, log_);
    EXPECT_TRUE(catalogue.ok()) << catalogue.status().message();
    return *std::move(catalogue);
  }
  // Puts a file there as it is.
  void Put(const std::string& name, const std::string& content) {
    fs::create_directories(directory_);
    dir_.Write("backups/" + name, content);
  }
  void PutBackup(int n) {
    Put(SnapshotName(IdOfBackup(n)), SnapshotFile());
    Put(ManifestName(IdOfBackup(n)), ManifestText(n));
  }
  static std::string ManifestText(int n) {
    return DumpJson(ToJson(MakeManifest(IdOfBackup(n), SnapshotFile())));
  }
  Status CommitOne(Catalogue& catalogue, int n) {
    const std::string id = IdOfBackup(n);
    WARDEN_RETURN_IF_ERROR(WriteSynced(files_, catalogue.PartialPath(id), SnapshotFile()));
    return catalogue.Commit(MakeManifest(id, SnapshotFile()));
  }
  bool Has(const std::string& name) const { return fs::exists(directory_ / name); }
  Ids Whole() { return WholeBackups(files_, directory_); }
  // "name: reason" of each.
  Ids Strangers() {
    Ids lines;
    const Result<Listing> listing = ListBackups(files_, directory_);
    for (const Stranger& s : listing->strangers) lines.push_back(s.name + ": " + s.reason);
    return lines;
  }

  testing::TempDir dir_;
  const fs::path directory_ = dir_ / "backups";
  PosixFiles files_;
  testing::RecordingLogger log_;
};

TEST_F(CatalogueTest, OpenCreatesADirectoryForItsOwnerAlone) {
  const Catalogue catalogue = OpenIt();
  struct stat info = {};
  ASSERT_EQ(::stat(directory_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  EXPECT_EQ(catalogue.directory(), directory_);
  EXPECT_TRUE(Whole().empty());
  EXPECT_TRUE(Strangers().empty());
}

TEST_F(CatalogueTest, OneWriterAtATime) {
  {
    const Catalogue first = OpenIt();
    const auto second = Catalogue::Open(files_, directory_, log_);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
    EXPECT_TRUE(ListBackups(files_, directory_).ok()) << "readers need no lock";
  }
  EXPECT_TRUE(Catalogue::Open(files_, directory_, log_).ok()) << "the lock goes with its holder";
}

TEST_F(CatalogueTest, OpenFailsWhereThereIsAFile) {
  dir_.Write("backups", "");
  const auto catalogue = Catalogue::Open(files_, directory_, log_);
  ASSERT_FALSE(catalogue.ok());
  EXPECT_NE(catalogue.error().message().find(directory_.string()), std::string::npos);
}

TEST_F(CatalogueTest, ACommitMakesABackup) {
  Catalogue catalogue = OpenIt();
  ASSERT_TRUE(CommitOne(catalogue, 1).ok());
  ASSERT_TRUE(CommitOne(catalogue, 3).ok());
  ASSERT_TRUE(CommitOne(catalogue, 2).ok());
  EXPECT_EQ(Whole(), (Ids{IdOfBackup(3), IdOfBackup(2), IdOfBackup(1)})) << "newest first";
  EXPECT_TRUE(Strangers().empty());
  const Result<Listing> listing = catalogue.List();
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->stored_bytes, 3 * SnapshotFile().size());
  EXPECT_EQ(DumpJson(ToJson(listing->backups[2])),
            DumpJson(ToJson(MakeManifest(IdOfBackup(1), SnapshotFile()))));
}

TEST_F(CatalogueTest, ACommitWithoutASnapshotLeavesNothing) {
  Catalogue catalogue = OpenIt();
  const std::string id = IdOfBackup(1);
  EXPECT_EQ(catalogue.Commit(MakeManifest(id, SnapshotFile())).code(), Code::kNotFound);
  EXPECT_FALSE(Has(ManifestName(id)));
  EXPECT_FALSE(Has(ManifestName(id) + ".partial"));
}

TEST_F(CatalogueTest, ReapsWhatACrashLeft) {
  const std::string id = IdOfBackup(2);
  PutBackup(1);
  Put(SnapshotName(id) + ".partial", "half a snapshot");
  Put(ManifestName(IdOfBackup(3)) + ".partial", "{\"schema\"");
  Put(".probe.partial", "");
  OpenIt();
  EXPECT_FALSE(Has(SnapshotName(id) + ".partial"));
  EXPECT_FALSE(Has(ManifestName(IdOfBackup(3)) + ".partial"));
  EXPECT_FALSE(Has(".probe.partial"));
  EXPECT_EQ(Whole(), Ids{IdOfBackup(1)});
  EXPECT_TRUE(log_.Contains("removed the leftover of an interrupted backup"));
  EXPECT_TRUE(log_.Contains(SnapshotName(id) + ".partial"));
}

TEST_F(CatalogueTest, CompletesACommitThatHadEverythingOnDisk) {
  Put(SnapshotName(IdOfBackup(1)), SnapshotFile());
  Put(ManifestName(IdOfBackup(1)) + ".partial", ManifestText(1));
  OpenIt();
  EXPECT_EQ(Whole(), Ids{IdOfBackup(1)});
  EXPECT_TRUE(Strangers().empty());
  EXPECT_TRUE(log_.Contains("completed a backup whose commit was interrupted"));
}

TEST_F(CatalogueTest, CompletesNoCommitThatDoesNotFit) {
  struct Case {
    std::string name;
    std::string snapshot;
    std::string manifest;
  };
  const std::vector<Case> cases = {
      {"another size", SnapshotFile() + "x", ManifestText(1)},
      {"cut manifest", SnapshotFile(), ManifestText(1).substr(0, 100)},
      {"manifest of another backup", SnapshotFile(), ManifestText(2)},
      {"endless manifest", SnapshotFile(), ManifestText(1) + std::string((1 << 20) + 1, ' ')}};
  for (const Case& c : cases) {
    Put(SnapshotName(IdOfBackup(1)), c.snapshot);
    Put(ManifestName(IdOfBackup(1)) + ".partial", c.manifest);
    OpenIt();
    EXPECT_TRUE(Whole().empty()) << c.name;
    EXPECT_FALSE(Has(ManifestName(IdOfBackup(1)) + ".partial")) << c.name;
    EXPECT_TRUE(Has(SnapshotName(IdOfBackup(1)))) << c.name << ": a whole name is never removed";
  }
}

TEST_F(CatalogueTest, NeverTouchesWhatIsNotItsOwn) {
  const Ids foreign = {"README", "notes.partial", "x.db.partial",
                       "x.json", "backup.db",     SnapshotName(IdOfBackup(5)) + ".gz"};
  for (const std::string& name : foreign) Put(name, "mine");
  Put(SnapshotName(IdOfBackup(4)), SnapshotFile());
  fs::create_directories(directory_ / "old");
  fs::create_symlink("/nowhere", directory_ / "link");
  OpenIt();
  OpenIt();
  for (const std::string& name : foreign) EXPECT_TRUE(Has(name)) << name;
  EXPECT_TRUE(Has(SnapshotName(IdOfBackup(4))));
  EXPECT_TRUE(Has("old"));
  const Ids expected = {SnapshotName(IdOfBackup(4)) + ": a snapshot without a manifest",
                        SnapshotName(IdOfBackup(5)) + ".gz: not a file of the catalogue",
                        "README: not a file of the catalogue",
                        "backup.db: not a file of the catalogue",
                        "link: not a file of the catalogue",
                        "old: not a file of the catalogue",
                        "x.json: not a file of the catalogue"};
  EXPECT_EQ(Strangers(), expected);
}

TEST_F(CatalogueTest, ListsDamagedBackupsAsStrangers) {
  const std::string id = IdOfBackup(1);
  const auto damage = [&](const auto& change) {
    fs::remove_all(directory_);
    PutBackup(1);
    change();
    EXPECT_TRUE(Whole().empty());
    const Ids strangers = Strangers();
    return strangers.size() == 1 ? strangers[0] : std::to_string(strangers.size()) + " strangers";
  };
  const std::string damaged = ManifestName(id) + ": damaged: ";
  const fs::path snapshot = directory_ / SnapshotName(id);
  const fs::path manifest = directory_ / ManifestName(id);
  EXPECT_EQ(damage([&] { fs::resize_file(snapshot, 4127); }),
            damaged + "its snapshot has 4127 bytes, the manifest says 4128");
  EXPECT_EQ(damage([&] { fs::resize_file(snapshot, 0); }),
            damaged + "its snapshot has 0 bytes, the manifest says 4128");
  EXPECT_EQ(damage([&] { fs::remove(snapshot); }),
            damaged + "its snapshot " + SnapshotName(id) + " is missing");
  EXPECT_EQ(damage([&] {
              fs::rename(snapshot, dir_ / "elsewhere");
              fs::create_symlink(dir_ / "elsewhere", snapshot);
            }),
            damaged + "its snapshot " + SnapshotName(id) + " is no regular file");
  EXPECT_EQ(damage([&] { fs::resize_file(manifest, 0); }), damaged + "not valid JSON");
  EXPECT_EQ(damage([&] { Put(ManifestName(id), ManifestText(2)); }),
            damaged + "the manifest is that of backup " + IdOfBackup(2));
  EXPECT_TRUE(damage([&] {
                Put(ManifestName(id), std::string((1 << 20) + 1, ' '));
              }).ends_with("larger than 1048576 bytes"));
  EXPECT_TRUE(damage([&] {
                fs::remove(manifest);
                ASSERT_EQ(::mkfifo(manifest.c_str(), 0600), 0);
              }).ends_with("not a regular file"));
}

// The directory was listed before the snapshot had its name, and its manifest is read afterwards.
TEST_F(CatalogueTest, ListsABackupThatIsCommittedMeanwhile) {
  PutBackup(1);
  const fs::path snapshot = directory_ / SnapshotName(IdOfBackup(1));
  fs::rename(snapshot, snapshot.string() + ".partial");
  testing::FaultyFiles files(files_);
  files.FailWhere([&](testing::FileOperation operation, const Files::Path&) {
    if (operation == testing::FileOperation::kRead) {
      fs::rename(snapshot.string() + ".partial", snapshot);
    }
    return false;
  });
  const Result<Listing> listing = ListBackups(files, directory_);
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->backups.size(), 1U);
  EXPECT_TRUE(listing->strangers.empty());
}

TEST_F(CatalogueTest, ASnapshotWhoseManifestIsOnItsWayIsNoStranger) {
  PutBackup(1);
  fs::rename(directory_ / ManifestName(IdOfBackup(1)),
             directory_ / (ManifestName(IdOfBackup(1)) + std::string(kPartialSuffix)));
  EXPECT_TRUE(ListBackups(files_, directory_)->strangers.empty());
  fs::remove(directory_ / (ManifestName(IdOfBackup(1)) + std::string(kPartialSuffix)));
  const Result<Listing> listing = ListBackups(files_, directory_);
  ASSERT_EQ(listing->strangers.size(), 1U);
  EXPECT_TRUE(listing->strangers[0].damaged);
}

TEST_F(CatalogueTest, LeavesOutABackupThatIsRemovedMeanwhile) {
  for (const auto moment : {testing::FileOperation::kRead, testing::FileOperation::kStat}) {
    PutBackup(1);
    testing::FaultyFiles files(files_);
    files.FailWhere([&](testing::FileOperation operation, const Files::Path&) {
      if (operation == moment) {
        fs::remove(directory_ / ManifestName(IdOfBackup(1)));
        fs::remove(directory_ / SnapshotName(IdOfBackup(1)));
      }
      return false;
    });
    const Result<Listing> listing = ListBackups(files, directory_);
    ASSERT_TRUE(listing.ok());
    EXPECT_TRUE(listing->backups.empty());
    EXPECT_TRUE(listing->strangers.empty());
  }
}

// A cluster with thousands of users and roles has a manifest to match.
TEST_F(CatalogueTest, ListsABackupOfAClusterWithManyUsers) {
  Catalogue catalogue = OpenIt();
  const std::string id = IdOfBackup(1);
  ASSERT_TRUE(WriteSynced(files_, catalogue.PartialPath(id), SnapshotFile()).ok());
  Manifest manifest = MakeManifest(id, SnapshotFile());
  const std::vector<std::string> names(mvcc::kNamesMax, std::string(64, 'u'));
  manifest.contents = {{"auth", {{"users", names}, {"roles", names}}}};
  const Status committed = catalogue.Commit(manifest);
  EXPECT_TRUE(committed.ok()) << committed.message();
  EXPECT_EQ(Whole(), Ids{id});
  EXPECT_EQ(Strangers(), Ids());
}

TEST(Listing, TellsTheNewestBackupThatIsNotInQuarantine) {
  Listing listing;
  EXPECT_EQ(listing.NewestGood(), nullptr);
  for (int n = 4; n >= 1; --n) {
    listing.backups.push_back(MakeManifest(IdOfBackup(n), SnapshotFile()));
  }
  EXPECT_EQ(listing.NewestGood(), &listing.backups[0]);
  listing.backups[0].quarantined = listing.backups[1].quarantined = "mismatch";
  EXPECT_EQ(listing.NewestGood(), &listing.backups[2]);
  for (Manifest& backup : listing.backups) backup.quarantined = "mismatch";
  EXPECT_EQ(listing.NewestGood(), nullptr);
}

TEST_F(CatalogueTest, CannotListWhatIsNotThere) {
  const Result<Listing> listing = ListBackups(files_, directory_);
  ASSERT_FALSE(listing.ok());
  EXPECT_EQ(listing.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace warden::backup
