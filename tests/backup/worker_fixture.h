// A worker over files and a cluster of the test's own; each test starts and restarts it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "exporter/backup/worker.h"
#include "exporter/metrics/page.h"
#include "tests/backup/backups.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::backup {

using testing::FakeCluster;
using testing::FaultyFiles;
using testing::FileOperation;
using testing::MakeEtcdDatabase;
using testing::MakeStream;

inline const Files::Path kDirectory = "/backups";
inline const Files::Path kJobs = "/backups/jobs";

inline Trigger AlertTrigger(const std::string& fingerprint = "f1") {
  return {.kind = metrics::Trigger::kWebhook,
          .alertname = "EtcdDown",
          .fingerprint = fingerprint,
          .starts_at = "2026-11-23T10:14:00Z",
          .rule = "alertname=EtcdDown"};
}

// A fake that the test owns, as a worker wants it.
inline std::shared_ptr<etcd::Cluster> Borrow(FakeCluster& cluster) {
  return {std::shared_ptr<void>(), &cluster};
}

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() { instruments_.DeclareCluster("prod", true); }

  void Start() {
    auto worker =
        Worker::Open("prod", kDirectory, settings_,
                     {files_, clock_, log_, instruments_, Milliseconds(0), Milliseconds(5)});
    ASSERT_TRUE(worker.ok()) << worker.error().message();
    worker_ = *std::move(worker);
    worker_->Start({});
  }
  void Restart() {
    worker_.reset();
    Start();
  }
  std::string Reserve(const Trigger& trigger = AlertTrigger()) {
    const Result<std::string> id = worker_->Reserve({.trigger = trigger});
    EXPECT_TRUE(id.ok()) << id.status().message();
    return id.ok() ? *id : "";
  }
  std::string Request(const Trigger& trigger = AlertTrigger()) {
    const std::string id = Reserve(trigger);
    EXPECT_TRUE(worker_->Confirm(id).ok());
    return id;
  }
  // The job once it has ended. The worker stores what it shows, so this waits for both.
  Job Await(const std::string& id) {
    while (true) {
      const std::optional<Job> job = worker_->Find(id);
      if (!job) {
        ADD_FAILURE() << "no job " << id;
        return {};
      }
      const auto text = disk_.ReadAll(kJobs / (id + ".json"), 1 << 16);
      const bool stored = text.ok() && ParseJob(*text).ok() && ParseJob(*text)->state == job->state;
      if (job->ended() && stored) return *job;
      std::this_thread::yield();
    }
  }
  void HangStreams() { cluster_.SetScript({MakeStream(MakeEtcdDatabase(64 * 1024)), {}, true}); }
  // What every member answers to HashKV at the revision of MakeEtcdDatabase.
  void SayHash(std::uint32_t hash) {
    for (int n = 1; n <= 3; ++n) {
      etcd::RpcOutcome<etcd::KvHash> outcome;
      outcome.value = etcd::KvHash{.cluster_id = testing::kClusterId,
                                   .member_id = testing::kMemberIds.at(std::size_t(n)),
                                   .hash = hash,
                                   .revision = testing::kDatabaseRevision,
                                   .current_revision = testing::kDatabaseRevision};
      cluster_.SetHash(testing::HostOf(n) + ":2379", outcome);
    }
  }
  void FailWhere(FileOperation operation, const std::string& text) {
    files_.FailWhere([operation, text](FileOperation o, const Files::Path& path) {
      return o == operation && path.string().find(text) != std::string::npos;
    });
  }
  bool PageHas(const std::string& line) const {
    metrics::Page page;
    page.Add(instruments_.Collect());
    return page.Text().find("\netcdwarden_" + line + "\n") != std::string::npos;
  }
  void RemoveEverything() {
    for (const Files::Path& directory : {kDirectory, kJobs}) {
      const std::vector<DirectoryEntry> entries = *disk_.List(directory);
      for (const DirectoryEntry& entry : entries) {
        EXPECT_EQ(disk_.Remove(directory / entry.name).ok(), entry.is_regular);
      }
    }
  }
  std::size_t Backups() { return WholeBackups(disk_, kDirectory).size(); }

  testing::MemoryFiles disk_;
  FaultyFiles files_{disk_};
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  metrics::Instruments instruments_;
  FakeCluster cluster_;
  Settings settings_{.cluster = Borrow(cluster_)};
  std::unique_ptr<Worker> worker_;
};

}  // namespace warden::backup
