// The consistency check: do all voters hold the same keys and values?
//
// Each voter hashes its keys up to one revision, one voter at a time and the leader last, since a
// member's writes wait while it computes. Hashes are comparable if their members have compacted up
// to the same revision; a compaction in between means another try, never a mismatch. Strangers, as
// the scrapes tell them from the cluster's own members, are not asked. etcd wants the role root for
// this call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/collector/subject.h"
#include "exporter/etcd/cluster.h"
#include "exporter/metrics/instruments.h"
#include "exporter/metrics/page.h"

namespace warden::collector {

// A member that computes for longer is left out.
inline constexpr Seconds kHashTimeout{30};

struct HashComparison {
  // Answers of equal hashed and compacted revisions: of each such group at least two, the largest.
  // 0: there is none.
  int compared = 0;
  bool has_majority = false;  // one hash is that of more than half of them
  // Those whose hash is not that one; without a majority all of them, since nobody can tell which
  // is right. In the order of the answers. Who was not compared does not differ.
  std::vector<std::uint64_t> mismatched;
};
// Pure; the answers are of different members.
HashComparison CompareHashes(std::span<const etcd::KvHash> answers);

// How a member's last call went.
struct HashCall {
  bool ok = false;
  Nanoseconds duration{};
};
using HashCalls = std::map<std::string, HashCall>;  // by the endpoint's URL

// How one check ended.
struct HashCheck {
  enum class Outcome {
    kCompared,
    kTooFew,         // fewer than two members answered
    kNotComparable,  // twice there was a compaction in between, for every member
    kRefused,        // etcd wants another user
    kCancelled,
  };
  Outcome outcome = Outcome::kTooFew;
  std::string detail;  // for people, where it is not kCompared
  int compared = 0;
  int left_out = 0;  // answered, but could not be compared
  bool has_majority = true;
  std::vector<etcd::Member> mismatched;
  std::int64_t revision = 0;
  HashCalls calls;
};

// What a check needs; all outlive the call.
struct HashTools {
  etcd::Cluster& cluster;
  const Clock& clock;
  metrics::Instruments& instruments;
  // What the scrapes remember of the cluster; called from the checking thread.
  std::function<std::optional<KnownMembers>()> known;
};

// Checks once; blocks for kHashTimeout per voter at most, twice. Failed calls are counted under
// `name`.
HashCheck CheckHashes(const std::string& name, const HashTools& tools, const std::stop_token& stop);

// Of the last check that compared, but for the calls.
struct HashCheckResult {
  std::optional<WallTime> finished;  // nullopt: none yet; the next three have no meaning then
  Nanoseconds duration{};
  int compared = 0;
  int mismatched = 0;
  HashCalls calls;  // of the last check, whatever came of it
};

// One thread that checks a cluster on schedule. Thread-safe.
class HashChecker {
 public:
  // What the tools refer to and `log` outlive the checker.
  HashChecker(std::string name, Seconds interval, HashTools tools, Logger& log);
  // Cancels a running check and waits for the thread.
  ~HashChecker();
  HashChecker(const HashChecker&) = delete;
  HashChecker& operator=(const HashChecker&) = delete;

  // Shows the result of another checker of the same cluster, but not its calls: the endpoints may
  // be others. Call it before Start.
  void Inherit(const HashChecker& predecessor) WARDEN_EXCLUDES(mutex_);

  // Starts the thread; call it once. The first check comes after FirstDelay, so that a process that
  // is restarted again and again does not keep etcd busy. `stop` cancels.
  void Start(const std::stop_token& stop);

  // One check, as the thread makes it: logs and keeps what it found. Not from two threads at once.
  void CheckNow(const std::stop_token& stop);

  Seconds interval() const { return interval_; }
  HashCheckResult Latest() const;
  // Those of the last check that compared; it outlives the checker.
  std::shared_ptr<const std::atomic<int>> mismatched() const { return mismatched_; }

 private:
  void Run(const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  void Pause(Nanoseconds pause, const std::stop_token& stop) WARDEN_EXCLUDES(mutex_);
  void RequestStop() WARDEN_EXCLUDES(mutex_);
  void Report(const HashCheck& check);
  const std::string name_;
  const Seconds interval_;
  const HashTools tools_;
  Logger& log_;
  // Why the last check compared nothing, empty if it did; of the checking thread alone.
  std::string complaint_;

  mutable Mutex mutex_;
  CondVar stopped_;
  HashCheckResult latest_ WARDEN_GUARDED_BY(mutex_);
  const std::shared_ptr<std::atomic<int>> mismatched_ = std::make_shared<std::atomic<int>>(0);
  // Last: they use all of the above.
  std::jthread thread_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

// From half a minute to one and a half, but never more than the interval.
Nanoseconds FirstDelay(Seconds interval, std::mt19937& random);

// Pure. The interval, a last success of 0 and the calls until a check has compared, then the rest.
void RenderHashKv(metrics::Page& page, const std::string& cluster, Seconds interval,
                  const HashCheckResult& result);

}  // namespace warden::collector
