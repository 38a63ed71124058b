// The process over all its configurations: reads the file, holds the runtime made of it, and swaps
// it for another when the file has changed.
#pragma once

#include <filesystem>
#include <memory>

#include "exporter/app/common.h"
#include "exporter/app/runtime.h"

namespace warden::app {

// Thread-safe.
class Host {
 public:
  // Reads the file and builds the first runtime; no job runs before Start. Fails as config::Load
  // and Runtime::Build do.
  static Result<std::unique_ptr<Host>> Open(std::filesystem::path config_file, const Env& env);
  // Call it once; a reload waits for it.
  void Start() WARDEN_EXCLUDES(mutex_);

  // What a request works with from its beginning to its end: after a reload it goes on with the
  // runtime that it began with, and the last such request ends that.
  std::shared_ptr<Runtime> runtime() const WARDEN_EXCLUDES(mutex_);

  // Reads the file again and swaps the runtime, or changes nothing and returns the reason, which
  // may have several lines. A file whose text is the same changes nothing either. One reload at a
  // time: others wait. It also waits for requests of the runtime before the last one, a scrape's
  // longest time at the most, and no longer than RequestStop (kCancelled).
  Status Reload() WARDEN_EXCLUDES(mutex_);
  // The same for callers that are many: kUnavailable at once while a start or a reload is under
  // way.
  Status TryReload() WARDEN_EXCLUDES(mutex_);

  Common& common() { return common_; }
  // Cancels scrapes and snapshots in flight.
  void RequestStop() { common_.stop.request_stop(); }

 private:
  Host(std::filesystem::path config_file, const Env& env)
      : config_file_(std::move(config_file)), common_{.env = env} {}
  // The requests of the runtime before the one in use.
  struct Draining {
    std::weak_ptr<const void> life;
    Milliseconds patience{0};  // more than the longest of them may take
  };

  // Of whoever has the turn, which they end.
  Status ReloadInTurn() WARDEN_EXCLUDES(mutex_);
  Status ReloadAlone() WARDEN_EXCLUDES(mutex_);
  Status AwaitDrained() const;
  // False, at once, if another one has the turn.
  bool TryBeginTurn() WARDEN_EXCLUDES(mutex_);
  void BeginTurn() WARDEN_EXCLUDES(mutex_);
  void EndTurn() WARDEN_EXCLUDES(mutex_);

  const std::filesystem::path config_file_;
  Common common_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool busy_ WARDEN_GUARDED_BY(mutex_) = true;  // a start or a reload is under way
  std::shared_ptr<Runtime> runtime_ WARDEN_GUARDED_BY(mutex_);
  Draining draining_;  // belongs to the reload
};

}  // namespace warden::app
