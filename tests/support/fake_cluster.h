// A cluster that says what the test told it to: a view, and one script per endpoint for snapshots.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/cluster.h"
#include "tests/support/etcd_database.h"
#include "tests/support/fake_hashes.h"
#include "tests/support/scripted_calls.h"
#include "tests/support/view_builder.h"

namespace warden::testing {

// Thread-safe. Starts as three healthy members whose databases are the same.
class FakeCluster final : public etcd::Cluster, public FakeHashes {
 public:
  void SetView(etcd::ClusterView view) {
    MutexLock lock(mutex_);
    view_ = std::move(view);
  }
  // What Observe returns from now on, instead of the view.
  using Observer = std::function<std::shared_ptr<etcd::Observation>(const Deadline&)>;
  void OnObserve(Observer observe) {
    MutexLock lock(mutex_);
    observe_ = std::move(observe);
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
    if (observe_) return observe_(deadline);
    return std::make_shared<FinishedObservation>(view_, deadline.at);
  }

  std::optional<etcd::RpcError> Snapshot(const config::Endpoint& endpoint,
                                         Milliseconds idle_timeout, const Deadline& deadline,
                                         const etcd::SnapshotSink& sink) override {
    const etcd::RpcError cancelled{etcd::Reason::kCanceled, Code::kCancelled, "cancelled"};
    const StreamScript script = Begin(endpoint.url, idle_timeout);
    for (const StreamMessage& message : script.messages) {
      if (deadline.stop.stop_requested()) return cancelled;
      const Status taken = sink({.remaining_bytes = message.remaining_bytes,
                                 .blob = message.blob,
                                 .version = message.version});
      if (!taken.ok()) return etcd::RpcError{etcd::Reason::kOther, taken.code(), taken.message()};
    }
    if (script.hangs && !Hang(deadline.stop)) return cancelled;
    if (script.end.ok()) return std::nullopt;
    return etcd::RpcError{script.reason, script.end.code(), script.end.message()};
  }

  std::vector<etcd::EndpointHealth> CheckHealth(const Deadline& /*deadline*/) override {
    return {};
  }

  etcd::RpcOutcome<etcd::KvHash> HashKv(const config::Endpoint& endpoint, std::int64_t revision,
                                        const Deadline& deadline) override {
    return Answer(endpoint.url, revision, deadline);
  }

  void Discover(const etcd::MemberList& members) override {
    MutexLock lock(mutex_);
    discovered_.push_back(members);
  }
  // Every call of Discover.
  std::vector<etcd::MemberList> discovered() const {
    MutexLock lock(mutex_);
    return discovered_;
  }

  etcd::ChannelStates CountChannels() const override { return {{"ready", 3}, {"idle", 0}}; }

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
      {"", {MakeStream(MakeEtcdDatabase(100 * 1024)), {}, false}}};
  std::vector<std::string> asked_ WARDEN_GUARDED_BY(mutex_);
  Milliseconds idle_timeout_ WARDEN_GUARDED_BY(mutex_){};
  Observer observe_ WARDEN_GUARDED_BY(mutex_);
  std::vector<etcd::MemberList> discovered_ WARDEN_GUARDED_BY(mutex_);
  int hanging_ WARDEN_GUARDED_BY(mutex_) = 0;
  bool resumed_ WARDEN_GUARDED_BY(mutex_) = false;
};

}  // namespace warden::testing
