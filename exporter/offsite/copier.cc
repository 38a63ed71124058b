#include "exporter/offsite/copier.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/prune.h"
#include "exporter/base/text.h"

namespace warden::offsite {
namespace {

constexpr Seconds kRetryFirst{30};
constexpr Seconds kRetryLast{3600};

// The time that a copy may take: some minutes, and a floor under the rate.
Nanoseconds CopyTimeLimit(std::uint64_t bytes, std::uint64_t bandwidth_limit) {
  constexpr std::uint64_t kRateMin = 256UL * 1024;  // bytes a second
  const std::uint64_t rate =
      bandwidth_limit == 0 ? kRateMin
                           : std::min(kRateMin, std::max<std::uint64_t>(bandwidth_limit / 2, 1));
  // Up, and perhaps back again.
  return std::chrono::minutes(10) + Seconds(2 * bytes / rate);
}

// Holds are set on the local manifest, and may be newer than the copy's.
void TakeHolds(std::vector<backup::Manifest>& copies, const std::vector<backup::Manifest>& local) {
  std::map<std::string_view, const backup::Manifest*> by_id;
  for (const backup::Manifest& backup : local) by_id.emplace(backup.id, &backup);
  for (backup::Manifest& copy : copies) {
    if (const auto found = by_id.find(copy.id); found != by_id.end()) {
      copy.holds = found->second->holds;
    }
  }
}

}  // namespace

Seconds RetryPause(int failures) {
  Seconds pause = kRetryFirst;
  for (int i = 1; i < failures && pause < kRetryLast; ++i) pause *= 2;
  return std::min(pause, kRetryLast);
}

DestinationCopier::DestinationCopier(CopySource source, config::DestinationConfig destination,
                                     CopyTools tools)
    : source_(std::move(source)),
      destination_(std::move(destination)),
      tools_(tools),
      store_(tools_.files, source_.directory, destination_.name) {}

DestinationCopier::~DestinationCopier() {
  on_stop_.reset();
  RequestStop();
}

void DestinationCopier::Start(const std::stop_token& stop) {
  thread_ = std::jthread([this](const std::stop_token& own) { Run(own); });
  on_stop_.emplace(stop, [this] { RequestStop(); });
}

void DestinationCopier::RequestStop() {
  thread_.request_stop();
  Wake();
}

void DestinationCopier::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

void DestinationCopier::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const CopyState before = store_.State();
    Nanoseconds pause = tools_.poll;
    if (before.failures > 0 && before.last_attempt) {
      // A new backup is no reason to knock sooner at a door that is shut.
      const Nanoseconds since = tools_.clock.Now() - *before.last_attempt;
      const Nanoseconds rest = RetryPause(before.failures) - since;
      if (since >= Nanoseconds(0) && rest > Nanoseconds(0)) {
        Wait(std::min<Nanoseconds>(rest, tools_.poll), stop);
        continue;
      }
    }
    CopyPending(stop).ok();  // logged, counted and stored there
    Wait(pause, stop);
  }
}

void DestinationCopier::Wait(Nanoseconds longest, const std::stop_token& stop) {
  const SteadyTime until =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<SteadyTime::duration>(longest);
  MutexLock lock(mutex_);
  while (!woken_ && !stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    changed_.WaitUntil(mutex_, until);
  }
  woken_ = false;
}

Result<std::vector<backup::Manifest>> DestinationCopier::Pending() const {
  WARDEN_ASSIGN_OR_RETURN(const backup::Listing local,
                          backup::ListBackups(tools_.files, source_.directory));
  WARDEN_ASSIGN_OR_RETURN(std::vector<backup::Manifest> there, store_.List());
  std::set<std::string> known;
  for (const backup::Manifest& copy : there) known.insert(copy.id);
  std::vector<backup::Manifest> pending;
  for (const backup::Manifest& backup : local.backups) {
    if (backup.verified() && !known.contains(backup.id)) pending.push_back(backup);
  }
  if (!destination_.retention || pending.empty()) return pending;
  // What the destination would let go at once is not sent there.
  TakeHolds(there, local.backups);
  there.insert(there.end(), pending.begin(), pending.end());
  std::set<std::string> doomed;
  for (const backup::Decision& decision :
       backup::Decide(there, *destination_.retention, tools_.clock.Now())) {
    if (!decision.keep) doomed.insert(decision.id);
  }
  std::erase_if(pending,
                [&](const backup::Manifest& backup) { return doomed.contains(backup.id); });
  return pending;
}

Status DestinationCopier::CopyPending(const std::stop_token& stop) {
  const Result<std::vector<backup::Manifest>> pending = Pending();
  CopyState state = store_.State();
  Status failure = pending.status();
  if (pending.ok() && pending->empty()) return {};
  Result<std::unique_ptr<FileLock>> lock = store_.Lock();
  if (!lock.ok() && lock.error().code() == Code::kFailedPrecondition) return lock.error();
  state.last_attempt = tools_.clock.Now();
  if (failure.ok()) failure = lock.status();
  for (std::size_t i = 0; failure.ok() && i < pending->size(); ++i) {
    const backup::Manifest& backup = (*pending)[i];
    const Deadline deadline{.at = tools_.clock.Steady() +
                                  std::chrono::duration_cast<SteadyTime::duration>(CopyTimeLimit(
                                      backup.size_bytes, destination_.bandwidth_limit)),
                            .stop = stop};
    const auto copy = CopyBackup(source_, backup, destination_, store_, tools_, deadline);
    failure = copy.status().WithContext("copy backup " + backup.id);
    if (!copy.ok()) break;
    state.last_success = tools_.clock.Now();
    tools_.log.Log(LogLevel::kInfo, "backup copied",
                   {{"etcd_cluster", source_.cluster},
                    {"destination", destination_.name},
                    {"backup", backup.id},
                    {"bytes", copy->stored->size_bytes},
                    {"proof", copy->stored->proof}});
    if (destination_.retention && !destination_.put_only) failure = ApplyRetention(deadline);
  }
  // Shut down, not failed.
  if (!failure.ok() && stop.stop_requested()) return failure;
  state.failures = failure.ok() ? 0 : state.failures + 1;
  state.error = failure.ok() ? std::string() : ToSingleLine(failure.message(), 2048);
  if (!failure.ok()) {
    tools_.instruments.BackupFailed(source_.cluster, metrics::FailureStage::kUpload);
    tools_.log.Log(LogLevel::kError, "cannot copy backups, trying again",
                   {{"etcd_cluster", source_.cluster},
                    {"destination", destination_.name},
                    {"pause", Nanoseconds(RetryPause(state.failures))},
                    {"error", failure}});
  }
  if (const Status saved = store_.SaveState(state); !saved.ok()) {
    tools_.log.Log(LogLevel::kWarn, "cannot store the state of a destination",
                   {{"destination", destination_.name}, {"error", saved}});
  }
  return failure;
}

Status DestinationCopier::ApplyRetention(const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(std::vector<backup::Manifest> there, store_.List());
  WARDEN_ASSIGN_OR_RETURN(const backup::Listing local,
                          backup::ListBackups(tools_.files, source_.directory));
  TakeHolds(there, local.backups);
  std::set<std::string> doomed;
  for (const backup::Decision& decision :
       backup::Decide(there, *destination_.retention, tools_.clock.Now())) {
    if (!decision.keep) doomed.insert(decision.id);
  }
  // The oldest first.
  for (auto copy = there.rbegin(); copy != there.rend(); ++copy) {
    if (!doomed.contains(copy->id)) continue;
    WARDEN_RETURN_IF_ERROR(RemoveCopy(*copy, destination_, store_, deadline)
                               .WithContext("delete the copy of backup " + copy->id));
    tools_.log.Log(LogLevel::kInfo, "deleted a copy that no rule keeps",
                   {{"etcd_cluster", source_.cluster},
                    {"destination", destination_.name},
                    {"backup", copy->id}});
  }
  return {};
}

Copier::Copier(const CopySource& source, const std::vector<config::DestinationConfig>& destinations,
               const CopyTools& tools) {
  for (const config::DestinationConfig& destination : destinations) {
    destinations_.push_back(std::make_unique<DestinationCopier>(source, destination, tools));
  }
}

void Copier::Start(const std::stop_token& stop) {
  for (const auto& destination : destinations_) destination->Start(stop);
}

void Copier::Wake() {
  for (const auto& destination : destinations_) destination->Wake();
}

}  // namespace warden::offsite
