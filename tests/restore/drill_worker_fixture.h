// A drill worker whose drills are the test's own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "exporter/restore/drill_worker.h"
#include "tests/backup/backups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::restore {

// Drills that end as the test wants them to, and are counted. Thread-safe.
class FakeDrills {
 public:
  // How the drills end from now on.
  void Answer(Result<DrillReceipt> answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  // The drills from now on last until they are stopped.
  void Hang() {
    MutexLock lock(mutex_);
    hangs_ = true;
  }

  Result<DrillReceipt> Run(const DrillRequest& request, const std::stop_token& stop) {
    bool hangs = false;
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
      hangs = hangs_;
    }
    while (hangs && !stop.stop_requested()) std::this_thread::yield();
    if (hangs) return Status(Code::kCancelled, "stopped");
    MutexLock lock(mutex_);
    return answer_;
  }

  std::vector<DrillRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  std::size_t count() const { return requests().size(); }

 private:
  mutable Mutex mutex_;
  bool hangs_ WARDEN_GUARDED_BY(mutex_) = false;
  Result<DrillReceipt> answer_ WARDEN_GUARDED_BY(mutex_) = DrillReceipt{
      .id = "20261123T101500042Z-3fa9c1d2", .backup_id = "B", .succeeded = true};
  std::vector<DrillRequest> requests_ WARDEN_GUARDED_BY(mutex_);
};

class DrillWorkerTest : public ::testing::Test {
 protected:
  DrillWorkerTest() {
    backup_.directory = kDirectory;
    backup_.drill.emplace();
    Every(Seconds(3600));
    EXPECT_TRUE(disk_.MakeDirectories(kDirectory).ok());
  }

  void Every(Seconds every) {
    backup_.drill->schedule =
        config::ScheduleConfig{.name = std::string(config::kDrillScheduleName), .every = every};
  }
  void Cron(std::string_view expression) {
    backup_.drill->schedule = config::ScheduleConfig{
        .name = std::string(config::kDrillScheduleName), .cron = *config::Cron::Parse(expression)};
  }
  void StoreBackup(int n = 1, const std::string& quarantined = "") {
    const std::string file = backup::SnapshotFile();
    backup::Manifest manifest = backup::MakeManifest(backup::IdOfBackup(n), file);
    manifest.verification_level = 2;
    manifest.quarantined = quarantined;
    ASSERT_TRUE(backup::WriteSynced(disk_, kDirectory / manifest.file, file).ok());
    ASSERT_TRUE(backup::WriteManifest(disk_, kDirectory, manifest).ok());
  }
  std::unique_ptr<DrillWorker> Make(std::string cluster = "prod") {
    return std::make_unique<DrillWorker>(
        std::move(cluster), backup_,
        DrillWorkerTools{files_, clock_, log_, turn_,
                         [this](const DrillRequest& request, const std::stop_token& stop) {
                           return drills_.Run(request, stop);
                         },
                         [this](const std::vector<std::filesystem::path>&, const Deadline&) {
                           return programs_;
                         },
                         Milliseconds(2), Milliseconds(2)});
  }
  void Start() {
    worker_ = Make();
    worker_->Start(stop_.get_token());
  }
  void Restart() {
    worker_.reset();
    Start();
  }
  void AwaitDrills(std::size_t count) const {
    while (drills_.count() < count) std::this_thread::yield();
  }
  void AwaitLine(std::string_view text) const {
    while (!log_.Contains(text)) std::this_thread::yield();
  }
  // Long enough for many looks at the schedule.
  static void LetItLook() { std::this_thread::sleep_for(Milliseconds(50)); }

  inline static const Files::Path kDirectory = "/backups";
  testing::MemoryFiles disk_;
  testing::FaultyFiles files_{disk_};
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  FakeDrills drills_;
  EtcdPrograms programs_{.found = {{.path = "/usr/bin/etcd", .version = "3.5.16"}},
                         .complaints = {}};
  DrillTurn turn_;
  config::BackupConfig backup_;
  std::stop_source stop_;
  std::unique_ptr<DrillWorker> worker_;
};

}  // namespace warden::restore
