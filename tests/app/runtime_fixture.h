// A host and a runtime built from a real file, whose etcd refuses every connection.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "exporter/app/host.h"
#include "exporter/base/json.h"
#include "tests/support/faulty_files.h"
#include "tests/support/recording_logger.h"
#include "tests/support/temp_dir.h"

namespace warden::app {

// What Alertmanager would post about these fingerprints, firing for cluster prod.
inline std::string NotificationOf(const std::vector<std::string>& fingerprints,
                                  const std::string& alertname = "EtcdDown") {
  Json alerts = Json::array();
  for (const std::string& fingerprint : fingerprints) {
    alerts.push_back({{"status", "firing"},
                      {"labels", {{"alertname", alertname}, {"etcd_cluster", "prod"}}},
                      {"startsAt", "2026-11-23T10:14:00Z"},
                      {"endsAt", "0001-01-01T00:00:00Z"},
                      {"fingerprint", fingerprint}});
  }
  return DumpJson({{"version", "4"}, {"alerts", alerts}});
}

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest() { dir_.Write("token", "t0ken\n"); }

  // Nothing listens on port 1.
  std::string Config() const {
    return "clusters:\n"
           "  - name: prod\n"
           "    endpoints: [http://127.0.0.1:1, http://127.0.0.2:1]\n"
           "    backup: {directory: backups}\n"
           "  - name: watched\n"
           "    endpoints: [http://127.0.0.1:1]\n"
           "webhook:\n"
           "  bearer_token_file: token\n"
           "  rules:\n"
           "    - match: ['alertname=~\"Etcd.*\"']\n"
           "      cooldown: 15m\n";
  }

  Result<std::unique_ptr<Host>> Open() {
    return Host::Open(dir_.Write("warden.yaml", Config()), {files_, clock_, log_});
  }
  // Everything but the work on jobs, which host_->Start() begins.
  void Start() {
    auto host = Open();
    ASSERT_TRUE(host.ok()) << host.error().message();
    host_ = *std::move(host);
    runtime_ = host_->runtime();
  }
  void Stop() {
    runtime_.reset();
    host_.reset();
  }

  std::filesystem::path JobFile(const std::string& id) const {
    return dir_ / "backups/jobs" / (id + ".json");
  }
  // Storing jobs fails from now on.
  void FailJobs() {
    files_.FailWhere([](testing::FileOperation operation, const Files::Path& path) {
      return operation == testing::FileOperation::kCreate &&
             path.parent_path().filename() == "jobs";
    });
  }

  testing::TempDir dir_;
  PosixFiles posix_;
  testing::FaultyFiles files_{posix_};
  SystemClock clock_;
  testing::RecordingLogger log_;
  std::unique_ptr<Host> host_;
  std::shared_ptr<Runtime> runtime_;  // the first; it ends before the host
};

}  // namespace warden::app
