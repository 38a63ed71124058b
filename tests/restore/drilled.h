// A catalogue of which restores are rehearsed, without a real etcd.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "exporter/backup/changes.h"
#include "exporter/restore/drill.h"
#include "tests/backup/backups.h"
#include "tests/restore/fake_restored_etcd.h"
#include "tests/support/etcd_database.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::restore {

class DrillTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kDatabaseBytes = 64UL * 1024;

  DrillTest() {
    backup_.directory = dir_ / "backups";
    EXPECT_TRUE(files_.MakeDirectories(backup_.directory).ok());
    AddProgram("etcd-3.6", "3.6.4");
  }

  // A program that only knows its version.
  void AddProgram(const std::string& name, const std::string& version) {
    const auto path = dir_.Write(name, "#!/bin/sh\necho 'etcd Version: " + version + "'\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    drill_.etcd.push_back(path);
  }
  // What a script of that text is as a program.
  std::string Script(const std::string& name, const std::string& text) {
    const auto path = dir_.Write(name, "#!/bin/sh\n" + text + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }

  // A verified backup; a greater n is newer.
  backup::Manifest StoreBackup(int n) {
    const std::string database =
        testing::MakeEtcdDatabase(kDatabaseBytes, static_cast<std::uint32_t>(n));
    const std::string content = database + testing::Sha256(database);
    backup::Manifest manifest = backup::MakeManifest(backup::IdOfBackup(n), content);
    manifest.created = backup::kNow + Seconds(n);
    manifest.verification_level = 2;
    manifest.revision = testing::kDatabaseRevision;
    EXPECT_TRUE(
        backup::WriteSynced(files_, backup_.directory / (manifest.file + ".partial"), content)
            .ok());
    EXPECT_TRUE(backup::PublishBackup(files_, backup_.directory, manifest).ok());
    return manifest;
  }

  DrillRequest Request(const std::string& id) const {
    return {.cluster = "prod",
            .backup = backup_,
            .drill = drill_,
            .trigger = id.empty() ? metrics::Trigger::kSchedule : metrics::Trigger::kManual,
            .backup_id = id,
            .destination = {}};
  }
  Result<DrillReceipt> TryToRun(const DrillRequest& request, const std::stop_token& stop = {}) {
    const DrillTools tools{
        .files = files_,
        .clock = clock_,
        .log = log_,
        .on_step = [this](const DrillStep& step) { steps_.push_back(step.name); },
        .start = [this](const EtcdStart& start,
                        const Deadline& /*deadline*/) -> Result<std::unique_ptr<RestoredEtcd>> {
          return std::unique_ptr<RestoredEtcd>(
              std::make_unique<FakeRestoredEtcd>(start, lies_, events_));
        }};
    steps_.clear();
    return RunDrill(request, tools, stop);
  }
  DrillReceipt Run(const std::string& id = "latest") {
    const auto receipt = TryToRun(Request(id));
    EXPECT_TRUE(receipt.ok()) << receipt.status().message();
    return receipt.ok() ? *receipt : DrillReceipt{};
  }

  std::string QuarantineOf(const backup::Manifest& manifest) {
    return backup::ReadManifest(files_, backup_.directory, manifest.id)->quarantined;
  }
  std::vector<DrillReceipt> Receipts() { return *DrillStore(files_, backup_.directory).Load(log_); }
  // What is in the scratch directory.
  std::size_t LeftInScratch() {
    const auto entries = files_.List(backup_.directory / "scratch");
    return entries.ok() ? entries->size() : 0;
  }

  const testing::TempDir dir_;
  PosixFiles files_;
  const SystemClock clock_;
  testing::RecordingLogger log_;
  config::BackupConfig backup_;
  config::DrillConfig drill_;
  Lies lies_;
  std::vector<std::string> events_;
  std::vector<std::string> steps_;
};

}  // namespace warden::restore
