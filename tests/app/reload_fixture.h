// A server whose configuration file changes while it runs.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "exporter/app/host.h"
#include "exporter/app/routes.h"
#include "tests/app/runtime_fixture.h"
#include "tests/support/http_client.h"

namespace warden::app {

using testing::Get;
using testing::HttpReply;
using testing::Post;

// A cluster of the file.
struct Entry {
  std::string name;
  std::vector<std::string> endpoints;
  std::string more = {};  // further keys
};

inline const std::string kBackup = ", backup: {directory: backups}";
inline const std::string kDead = "http://127.0.0.1:1";

class ReloadTest : public RuntimeTest {
 protected:
  void Write(const std::vector<Entry>& clusters, const std::string& more = "") {
    std::string text = "clusters:\n";
    for (const Entry& entry : clusters) {
      text += "  - {name: " + entry.name + ", endpoints: [";
      for (const std::string& endpoint : entry.endpoints) text += "'" + endpoint + "',";
      text += "]" + entry.more + "}\n";
    }
    dir_.Write("warden.yaml", text + more);
  }
  // Serves what was written.
  void Serve() {
    auto host = Host::Open(dir_ / "warden.yaml", {files_, clock_, log_});
    ASSERT_TRUE(host.ok()) << host.error().message();
    host_ = *std::move(host);
    auto server = http::StartServer({.listen_addresses = {"127.0.0.1:0"}}, MakeRoutes(*host_, {}),
                                    MakeObserver(host_->common().instruments, {}), log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
    port_ = server_->ports().at(0);
    host_->Start();
  }
  HttpReply Reload() { return Post(port_, "/-/reload", ""); }
  std::string Page() { return Get(port_, "/metrics").body; }
  bool PageHas(const std::string& text) { return Page().find(text) != std::string::npos; }
  std::string PostAlert(const std::string& fingerprint) {
    const HttpReply reply = Post(port_, "/api/v1/alerts/webhook", NotificationOf({fingerprint}),
                                 {{"Authorization", "Bearer t0ken"}});
    EXPECT_EQ(reply.code, 202) << reply.body;
    if (reply.code != 202) return "";
    return ParseJson(reply.body)->at("jobs").at(0);
  }
  backup::JobState StateOf(const std::string& id) { return host_->runtime()->FindJob(id)->state; }
  void AwaitEnd(const std::string& id) {
    while (!host_->runtime()->FindJob(id)->ended()) std::this_thread::yield();
  }
  int LinesWith(const std::string& text) const {
    int count = 0;
    for (const std::string& line : log_.lines()) {
      if (line.find(text) != std::string::npos) ++count;
    }
    return count;
  }

  const std::string webhook_ =
      "webhook: {bearer_token_file: token, rules: [{match: ['alertname=~\"Etcd.*\"'], "
      "cooldown: 0s}]}\n";
  std::unique_ptr<http::Server> server_;  // ends before the host
  int port_ = 0;
};

}  // namespace warden::app
