// A catalogue on a real disk, and a directory beside it that its backups are copied to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "exporter/offsite/copier.h"
#include "exporter/offsite/fetch.h"
#include "tests/backup/backups.h"
#include "tests/support/etcd_database.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::offsite {

using Ids = std::vector<std::string>;

// Programs are timed by the machine's own clock; only the wall's moves when told to.
class WallClock final : public Clock {
 public:
  WallTime Now() const override { return wall_.Now(); }
  SteadyTime Steady() const override { return SystemClock().Steady(); }
  void Advance(Nanoseconds by) { wall_.Advance(by); }

 private:
  testing::FakeClock wall_;
};

class CopiesTest : public ::testing::Test {
 protected:
  CopiesTest() {
    destination_.name = "far";
    destination_.remote = (dir_ / "far").string();
    destination_.compress = true;
    instruments_.DeclareCluster("prod", true);
  }

  // The n-th backup, the greater the newer; its database passes every check.
  backup::Manifest Store(int n, int level = 2, const std::string& quarantined = "") {
    const std::string database =
        testing::MakeEtcdDatabase(16 * 1024, static_cast<std::uint32_t>(n));
    const std::string file = database + testing::Sha256(database);
    backup::Manifest manifest = backup::MakeManifest(backup::IdOfBackup(n - 1000), file);
    manifest.created = backup::kNow + Seconds(n - 1000);
    manifest.verification_level = level;
    manifest.quarantined = quarantined;
    manifest.backup_class = config::kManualClass;
    EXPECT_TRUE(posix_.MakeDirectories(source_.directory).ok());
    EXPECT_TRUE(backup::WriteSynced(posix_, source_.directory / manifest.file, file).ok());
    EXPECT_TRUE(backup::WriteManifest(posix_, source_.directory, manifest).ok());
    return manifest;
  }
  void RemoveLocal(const backup::Manifest& manifest) {
    std::filesystem::remove(source_.directory / backup::ManifestName(manifest.id));
    std::filesystem::remove(source_.directory / manifest.file);
  }
  CopyTools Tools() { return {files_, clock_, log_, instruments_, Milliseconds(5)}; }
  Deadline Patience() const { return {.at = clock_.Steady() + Seconds(60), .stop = {}}; }
  void KeepLast(int count) {
    destination_.retention.emplace();
    destination_.retention->keep_verified_min = 1;
    destination_.retention->rules = {
        {.backup_class = std::string(config::kManualClass), .keep_last = count}};
  }
  DestinationStore TheStore() { return {files_, source_.directory, destination_.name}; }
  // One round.
  Status Copy() {
    return DestinationCopier(source_, destination_, Tools()).CopyPending(Patience());
  }
  // What the store says, newest first.
  Ids Known() {
    Ids ids;
    const auto copies = DestinationStore(posix_, source_.directory, destination_.name).List();
    EXPECT_TRUE(copies.ok());
    for (const backup::Manifest& copy : *copies) ids.push_back(copy.id);
    return ids;
  }
  static Ids NamesIn(const std::filesystem::path& directory) {
    Ids names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  // The copies at the destination, newest first. Each must be whole: its file is what its manifest
  // says.
  Ids WholeCopies(const std::string& when = "") {
    Ids ids;
    for (const std::string& name : NamesIn(dir_ / "far")) {
      if (!name.ends_with(".json")) continue;
      const auto manifest =
          backup::ParseManifest(*posix_.ReadAll(dir_ / "far" / name, backup::kManifestBytesMax));
      EXPECT_TRUE(manifest.ok() && manifest->stored) << when << name;
      if (!manifest.ok() || !manifest->stored) continue;
      const auto file = posix_.ReadAll(dir_ / "far" / manifest->stored->file, 1 << 24);
      EXPECT_TRUE(file.ok()) << when << file.status().message();
      if (!file.ok()) continue;
      EXPECT_EQ(testing::Sha256Hex(*file), manifest->stored->sha256) << when;
      ids.insert(ids.begin(), manifest->id);
    }
    return ids;
  }

  const testing::TempDir dir_;
  PosixFiles posix_;
  testing::FaultyFiles files_{posix_, Code::kUnknown};
  WallClock clock_;
  testing::RecordingLogger log_;
  metrics::Instruments instruments_;
  const CopySource source_{.cluster = "prod", .directory = dir_ / "backups"};
  config::DestinationConfig destination_;
};

}  // namespace warden::offsite
