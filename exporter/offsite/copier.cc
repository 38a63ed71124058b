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
// Until another process is done with the destination: the copier of before a reload, or the command
// line.
constexpr Seconds kOtherProcessPause{2};

// The time that a copy may take: some minutes, and a floor under the rate.
Nanoseconds CopyTimeLimit(std::uint64_t bytes, std::uint64_t bandwidth_limit) {
  constexpr std::uint64_t kRateMin = 256UL * 1024;  // bytes a second
  const std::uint64_t rate =
      bandwidth_limit == 0 ? kRateMin
                           : std::min(kRateMin, std::max<std::uint64_t>(bandwidth_limit / 2, 1));
  // Up, and perhaps back again.
  return std::chrono::minutes(10) + Seconds(2 * bytes / rate);
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
  int failures = 0;  // of this thread, in a row: what a full disk keeps from being stored
  while (!stop.stop_requested()) {
    const CopyState before = store_.State();
    // A new backup is no reason to knock sooner at a door that is shut.
    const Nanoseconds since =
        before.last_attempt ? tools_.clock.Now() - *before.last_attempt : Nanoseconds::max();
    const Nanoseconds rest = RetryPause(before.failures) - since;
    if (before.failures > 0 && since >= Nanoseconds(0) && rest > Nanoseconds(0)) {
      Wait(std::min<Nanoseconds>(rest, tools_.poll), false, stop);
      continue;
    }
    const Status round = CopyPending({.at = SteadyTime::max(), .stop = stop});
    if (round.code() == Code::kFailedPrecondition) {
      Wait(kOtherProcessPause, false, stop);
      continue;
    }
    failures = round.ok() ? 0 : failures + 1;
    if (round.ok()) Wait(tools_.poll, true, stop);
    if (!round.ok()) Wait(std::min<Nanoseconds>(RetryPause(failures), tools_.poll), false, stop);
  }
}

void DestinationCopier::Wait(Nanoseconds longest, bool until_woken, const std::stop_token& stop) {
  const SteadyTime until =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<SteadyTime::duration>(longest);
  MutexLock lock(mutex_);
  while (!(until_woken && woken_) && !stop.stop_requested() &&
         std::chrono::steady_clock::now() < until) {
    changed_.WaitUntil(mutex_, until);
  }
  woken_ = false;
}

Result<std::vector<backup::Manifest>> DestinationCopier::Pending(
    const backup::Listing& local) const {
  WARDEN_ASSIGN_OR_RETURN(std::vector<backup::Manifest> there, store_.List());
  std::set<std::string> known;
  for (const backup::Manifest& copy : there) known.insert(copy.id);
  std::vector<backup::Manifest> pending;
  for (const backup::Manifest& backup : local.backups) {
    if (backup.verified() && !known.contains(backup.id)) pending.push_back(backup);
  }
  if (!destination_.retention || pending.empty()) return pending;
  // What the destination would let go at once is not sent there.
  TakeHolds(there);
  there.insert(there.end(), pending.begin(), pending.end());
  const std::set<std::string> doomed = DoomedOf(there);
  std::erase_if(pending,
                [&](const backup::Manifest& backup) { return doomed.contains(backup.id); });
  return pending;
}

// Holds are set on the local manifest, and may be newer than the copy's. It is asked even where its
// snapshot is damaged: then the copy is all there is.
void DestinationCopier::TakeHolds(std::vector<backup::Manifest>& copies) const {
  for (backup::Manifest& copy : copies) {
    const auto here = backup::ReadManifest(tools_.files, source_.directory, copy.id);
    if (here.ok()) {
      copy.holds = here->holds;
    } else if (here.error().code() != Code::kNotFound) {
      copy.holds.push_back({.by = "a manifest that cannot be read"});
    }
  }
}

std::set<std::string> DestinationCopier::DoomedOf(
    const std::vector<backup::Manifest>& copies) const {
  std::set<std::string> doomed;
  for (const backup::Decision& decision :
       backup::Decide(copies, *destination_.retention, tools_.clock.Now())) {
    if (!decision.keep) doomed.insert(decision.id);
  }
  return doomed;
}

Result<std::vector<backup::Manifest>> DestinationCopier::Doomed() const {
  if (!destination_.retention || destination_.put_only) return std::vector<backup::Manifest>();
  WARDEN_ASSIGN_OR_RETURN(std::vector<backup::Manifest> copies, store_.List());
  TakeHolds(copies);
  const std::set<std::string> doomed = DoomedOf(copies);
  std::erase_if(copies, [&](const backup::Manifest& copy) { return !doomed.contains(copy.id); });
  std::ranges::reverse(copies);
  return copies;
}

Status DestinationCopier::CopyPending(const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(const backup::Listing local,
                          backup::ListBackups(tools_.files, source_.directory));
  CopyState state = store_.State();
  const bool moved = !state.remote.empty() && state.remote != destination_.remote;
  const auto pending = Pending(local);
  const auto doomed = Doomed();
  const bool idle = pending.ok() && pending->empty() && doomed.ok() && doomed->empty();
  if (idle && !moved && state.failures == 0) return {};
  const Result<std::unique_ptr<FileLock>> lock = store_.Lock();
  if (!lock.ok() && lock.error().code() == Code::kFailedPrecondition) return lock.error();
  state = store_.State();
  state.last_attempt = tools_.clock.Now();
  Status failure = lock.ok() ? Work(local, state, deadline) : lock.error();
  // Shut down, not failed.
  if (!failure.ok() && deadline.stop.stop_requested()) return failure;
  state.failures = failure.ok() ? 0 : state.failures + 1;
  state.error = failure.ok() ? std::string() : ToSingleLine(failure.message(), 2048);
  if (!failure.ok()) {
    tools_.instruments.BackupFailed(source_.cluster, metrics::FailureStage::kUpload);
    tools_.log.Log(LogLevel::kError, "cannot copy backups",
                   {{"etcd_cluster", source_.cluster},
                    {"destination", destination_.name},
                    {"next_try_in", Nanoseconds(RetryPause(state.failures))},
                    {"error", failure}});
  }
  if (const Status saved = store_.SaveState(state); !saved.ok()) {
    tools_.log.Log(LogLevel::kWarn, "cannot store the state of a destination",
                   {{"destination", destination_.name}, {"error", saved}});
  }
  return failure;
}

Status DestinationCopier::Work(const backup::Listing& local, CopyState& state,
                               const Deadline& deadline) {
  WARDEN_RETURN_IF_ERROR(ForgetAnotherPlace(state));
  WARDEN_RETURN_IF_ERROR(CheckIsMounted());
  WARDEN_RETURN_IF_ERROR(ClearSpool(source_, destination_, tools_.files).status());
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> pending, Pending(local));
  Status damaged;
  for (const backup::Manifest& backup : pending) {
    Status copied = Copy(backup, state, deadline);
    if (copied.ok()) continue;
    // Gone by now, by retention or by hand.
    if (!tools_.files.Stat(source_.directory / backup::ManifestName(backup.id)).ok()) continue;
    if (copied.code() != Code::kDataLoss) return copied;
    if (damaged.ok()) damaged = std::move(copied);
  }
  WARDEN_RETURN_IF_ERROR(ApplyRetention(deadline));
  return damaged;
}

Status DestinationCopier::Copy(const backup::Manifest& backup, CopyState& state,
                               const Deadline& deadline) {
  const Nanoseconds limit = CopyTimeLimit(backup.size_bytes, destination_.bandwidth_limit);
  const SteadyTime end =
      tools_.clock.Steady() + std::chrono::duration_cast<SteadyTime::duration>(limit);
  const auto copy = CopyBackup(source_, backup, destination_, store_, tools_,
                               {.at = std::min(end, deadline.at), .stop = deadline.stop});
  if (!copy.ok()) return copy.error().WithContext("copy backup " + backup.id);
  state.last_success = tools_.clock.Now();
  state.failures = 0;
  tools_.log.Log(LogLevel::kInfo, "backup copied",
                 {{"etcd_cluster", source_.cluster},
                  {"destination", destination_.name},
                  {"backup", backup.id},
                  {"bytes", copy->stored->size_bytes},
                  {"proof", copy->stored->proof}});
  return {};
}

Status DestinationCopier::ApplyRetention(const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> doomed, Doomed());
  for (const backup::Manifest& copy : doomed) {
    WARDEN_RETURN_IF_ERROR(RemoveCopy(copy, destination_, store_, deadline)
                               .WithContext("delete the copy of backup " + copy.id));
    tools_.log.Log(LogLevel::kInfo, "deleted a copy that no rule keeps",
                   {{"etcd_cluster", source_.cluster},
                    {"destination", destination_.name},
                    {"backup", copy.id}});
  }
  return {};
}

Status DestinationCopier::CheckIsMounted() const {
  const Files::Path place = destination_.remote;
  if (!place.is_absolute() || tools_.files.List(place).status().code() != Code::kNotFound) {
    return {};
  }
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> copies, store_.List());
  if (copies.empty()) return {};
  return Status(Code::kUnavailable, place.string() + ": had " + std::to_string(copies.size()) +
                                        " copies and is not there; is it mounted?");
}

Status DestinationCopier::ForgetAnotherPlace(CopyState& state) {
  const std::string before = std::exchange(state.remote, destination_.remote);
  if (before.empty() || before == destination_.remote) return {};
  WARDEN_ASSIGN_OR_RETURN(const std::vector<backup::Manifest> copies, store_.List());
  for (const backup::Manifest& copy : copies) WARDEN_RETURN_IF_ERROR(store_.Forget(copy.id));
  tools_.log.Log(
      LogLevel::kInfo, "the destination is another place now: its copies are made anew",
      {{"etcd_cluster", source_.cluster}, {"destination", destination_.name}, {"before", before}});
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
