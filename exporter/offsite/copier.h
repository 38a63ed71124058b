// Copies every verified backup of a cluster to its destinations, and lets go there of what the
// destination's own retention does not keep.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/base/mutex.h"
#include "exporter/config/backup_config.h"
#include "exporter/offsite/copy.h"
#include "exporter/offsite/store.h"

namespace warden::offsite {

// One destination and its thread, so that a slow one delays no other.
class DestinationCopier {
 public:
  // What the tools refer to outlives it.
  DestinationCopier(CopySource source, config::DestinationConfig destination, CopyTools tools);
  // Cancels the copy in flight, which is begun anew at the next start, and waits for the thread.
  ~DestinationCopier();
  DestinationCopier(const DestinationCopier&) = delete;
  DestinationCopier& operator=(const DestinationCopier&) = delete;

  void Start(const std::stop_token& stop);
  // There may be something to do.
  void Wake() WARDEN_EXCLUDES(mutex_);

  // One round, as the thread makes it: copies what is pending, the newest first, and applies the
  // retention. A backup that is damaged here is left out, and is the failure in the end; any other
  // failure ends the round. kFailedPrecondition: another process is at it. Not from two threads at
  // once.
  Status CopyPending(const Deadline& deadline);
  // The local backups that the destination should have and does not, the newest first.
  Result<std::vector<backup::Manifest>> Pending(const backup::Listing& local) const;

  const config::DestinationConfig& config() const { return destination_; }
  const DestinationStore& store() const { return store_; }

 private:
  void Run(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  // One round once the destination is locked. Fills in the state, but for how it ended.
  Status Work(const backup::Listing& local, CopyState& state, const Deadline& deadline);
  Status Copy(const backup::Manifest& backup, CopyState& state, const Deadline& deadline);
  // The copies that the destination's retention does not keep, the oldest first.
  Result<std::vector<backup::Manifest>> Doomed() const;
  void TakeHolds(std::vector<backup::Manifest>& copies) const;
  std::set<std::string> DoomedOf(const std::vector<backup::Manifest>& copies) const;
  Status ApplyRetention(const Deadline& deadline);
  // A directory of this machine that had copies and is gone is a mount that is missing.
  Status CheckIsMounted() const;
  // What was known of another place says nothing of this one.
  Status ForgetAnotherPlace(CopyState& state);
  void Wait(Nanoseconds longest, bool until_woken, const std::stop_token& stop)
      WARDEN_EXCLUDES(mutex_);
  void RequestStop() WARDEN_EXCLUDES(mutex_);

  const CopySource source_;
  const config::DestinationConfig destination_;
  const CopyTools tools_;
  DestinationStore store_;

  Mutex mutex_;
  CondVar changed_;
  bool woken_ WARDEN_GUARDED_BY(mutex_) = false;
  // Last: they use all of the above.
  std::jthread thread_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

// The destinations of one cluster. Thread-safe.
class Copier {
 public:
  Copier(const CopySource& source, const std::vector<config::DestinationConfig>& destinations,
         const CopyTools& tools);
  void Start(const std::stop_token& stop);
  void Wake();
  const std::vector<std::unique_ptr<DestinationCopier>>& destinations() const {
    return destinations_;
  }

 private:
  std::vector<std::unique_ptr<DestinationCopier>> destinations_;
};

// The pause after the n-th failure in a row: from half a minute to an hour.
Seconds RetryPause(int failures);

}  // namespace warden::offsite
