// A cluster that says what the test told it to: a view, and one script per endpoint for snapshots.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/cluster.h"
#include "tests/support/snapshot_stream.h"
#include "tests/support/view_builder.h"

namespace warden::testing {

// An observation that was over before it began.
class FinishedObservation final : public etcd::Observation {
 public:
  FinishedObservation(etcd::ClusterView view, SteadyTime deadline)
      : view_(std::move(view)), deadline_(deadline) {}
  const etcd::ClusterView& Wait() override { return view_; }
  bool done() const override { return true; }
  SteadyTime deadline() const override { return deadline_; }

 private:
  const etcd::ClusterView view_;
  const SteadyTime deadline_;
};

// The messages of one stream and how it ends.
struct StreamScript {
  std::vector<StreamMessage> messages;
  Status end;
  // After the messages it says nothing until it is cancelled or the test calls Resume.
  bool hangs = false;
};

// Thread-safe. Starts as three healthy members whose databases are the same.
class FakeCluster final : public etcd::Cluster {
 public:
  void SetView(etcd::ClusterView view) {
    MutexLock lock(mutex_);
    view_ = std::move(view);
  }
  // What every endpoint without a script of its own sends.
  void SetDatabase(std::string_view database) { SetScript({MakeStream(database), {}, false}); }
  void SetScript(StreamScript script) { SetScript("", std::move(script)); }
  void SetScript(const std::string& url, StreamScript script) {
    MutexLock lock(mutex_);
    scripts_[url] = std::move(script);
  }

  // The endpoints asked for snapshots so far, in order.
  std::vector<std::string> asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }
  // What the last of them was asked with.
  Milliseconds idle_timeout() const {
    MutexLock lock(mutex_);
    return idle_timeout_;
  }
  // Returns when a stream hangs.
  void WaitUntilHanging() {
    MutexLock lock(mutex_);
    while (hanging_ == 0) changed_.Wait(mutex_);
  }
  // Hanging streams, now and from now on, go on to their end.
  void Resume() {
    MutexLock lock(mutex_);
    resumed_ = true;
    changed_.NotifyAll();
  }

  std::shared_ptr<etcd::Observation> Observe(const Deadline& deadline) override {
    MutexLock lock(mutex_);
    return std::make_shared<FinishedObservation>(view_, deadline.at);
  }

  Status Snapshot(const config::Endpoint& endpoint, Milliseconds idle_timeout,
                  const Deadline& deadline, const etcd::SnapshotSink& sink) override {
    const StreamScript script = Begin(endpoint.url, idle_timeout);
    for (const StreamMessage& message : script.messages) {
      if (deadline.stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
      WARDEN_RETURN_IF_ERROR(sink({.remaining_bytes = message.remaining_bytes,
                                   .blob = message.blob,
                                   .version = message.version}));
    }
    if (script.hangs && !Hang(deadline.stop)) return Status(Code::kCancelled, "cancelled");
    return script.end;
  }

  std::vector<etcd::EndpointHealth> CheckHealth(const Deadline& /*deadline*/) override {
    return {};
  }

 private:
  StreamScript Begin(const std::string& url, Milliseconds idle_timeout) {
    MutexLock lock(mutex_);
    asked_.push_back(url);
    idle_timeout_ = idle_timeout;
    const auto own = scripts_.find(url);
    return own != scripts_.end() ? own->second : scripts_[""];
  }

  // True if the test resumed it, false if it was cancelled.
  bool Hang(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    MutexLock lock(mutex_);
    ++hanging_;
    changed_.NotifyAll();
    while (!resumed_ && !stop.stop_requested()) changed_.Wait(mutex_);
    --hanging_;
    return resumed_;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  etcd::ClusterView view_ WARDEN_GUARDED_BY(mutex_) = MakeView();
  std::map<std::string, StreamScript> scripts_ WARDEN_GUARDED_BY(mutex_) = {
      {"", {MakeStream(MakeDatabase(100 * 1024)), {}, false}}};
  std::vector<std::string> asked_ WARDEN_GUARDED_BY(mutex_);
  Milliseconds idle_timeout_ WARDEN_GUARDED_BY(mutex_){};
  int hanging_ WARDEN_GUARDED_BY(mutex_) = 0;
  bool resumed_ WARDEN_GUARDED_BY(mutex_) = false;
};

}  // namespace warden::testing
