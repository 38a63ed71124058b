#include "exporter/etcd/lock.h"

#include <algorithm>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "exporter/base/json.h"
#include "exporter/base/mutex.h"
#include "exporter/base/text.h"
#include "exporter/etcd/lock_calls.h"

namespace warden::etcd {
namespace {

using Entry = LockCalls::Entry;

constexpr std::string_view kHeldState = "held";
constexpr std::string_view kDoneState = "done";
// After a keep-alive that failed, if the ttl leaves that much.
constexpr Seconds kRenewalPause{1};
// What Done tries: as the claim has it, as it then finds it, and once more.
constexpr int kMarkTriesMax = 3;

// Positive, since etcd takes 0 for "choose one".
std::int64_t RandomLease() {
  std::random_device random;
  std::uniform_int_distribution<std::int64_t> any(1);
  return any(random);
}

// What the key says.
struct Note {
  std::string state;
  std::string holder;
  std::string lock;  // the token of the lock that wrote it
  std::string result;
};

std::optional<Note> ParseNote(const std::string& value) {
  const auto json = ParseJson(value);
  if (!json.ok()) return std::nullopt;
  const auto field = [&](std::string_view name) { return FindString(*json, name).value_or(""); };
  Note note{.state = field("state"),
            .holder = ToSingleLine(field("holder")),
            .lock = field("lock"),
            .result = field("result")};
  if (note.state != kHeldState && note.state != kDoneState) return std::nullopt;
  return note;
}

class Keeper final : public KeptAlive {
 public:
  Keeper(std::shared_ptr<LockCalls> calls, std::int64_t lease, Seconds ttl, const Clock& clock)
      : calls_(std::move(calls)),
        lease_(lease),
        pause_(Milliseconds(ttl) / 3),
        clock_(clock),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}

 private:
  void Run(const std::stop_token& stop) const {
    SteadyTime next = clock_.Steady() + pause_;
    while (Sleep(next, stop)) {
      const auto alive = calls_->KeepAlive(lease_, {.at = clock_.Steady() + pause_, .stop = stop});
      // Lost. It is for Done to say so, the work is worth its while in any case.
      if (alive.ok() && !*alive) return;
      next =
          clock_.Steady() + (alive.ok() ? pause_ : std::min<Milliseconds>(pause_, kRenewalPause));
    }
  }

  // False if it is to stop.
  bool Sleep(SteadyTime until, const std::stop_token& stop) const {
    Mutex mutex;
    CondVar stopped;
    const std::stop_callback wake(stop, [&] {
      MutexLock lock(mutex);
      stopped.NotifyAll();
    });
    MutexLock lock(mutex);
    while (!stop.stop_requested() && clock_.Steady() < until) stopped.WaitUntil(mutex, until);
    return !stop.stop_requested();
  }

  const std::shared_ptr<LockCalls> calls_;
  const std::int64_t lease_;
  const Milliseconds pause_;
  const Clock& clock_;
  const std::jthread thread_;
};

class GrpcWorkLock final : public WorkLock {
 public:
  GrpcWorkLock(const ClusterOptions& cluster, const WorkLockOptions& options, const Clock& clock)
      : options_(options),
        clock_(clock),
        token_(FormatId(static_cast<std::uint64_t>(RandomLease()))),
        calls_(std::make_shared<LockCalls>(cluster, options.prefix + "/", options.rpc_timeout,
                                           clock)) {}

  Claim TryClaim(std::string_view work, const Deadline& deadline) override {
    const Deadline limited = Limit(deadline);
    Claim claim;
    claim.work = work;
    // Asked first, so that whoever waits for another one's work costs no raft entries.
    const auto found = calls_->Read(KeyOf(claim), limited);
    if (!found.ok()) return Unavailable(std::move(claim), found.error());
    if (*found) return Judge(std::move(claim), **found, limited);
    const std::int64_t lease = RandomLease();
    const Status granted = calls_->Grant(lease, options_.ttl, limited);
    if (!granted.ok()) return Unavailable(std::move(claim), granted);
    Hold(claim, lease);
    const auto put = calls_->TryPut(
        {.key = KeyOf(claim), .value = NoteOf(kHeldState, ""), .lease = lease, .instead_of = 0},
        limited);
    // The lease is kept: the key may be there all the same, and others had better wait for it.
    if (!put.ok()) return Unavailable(std::move(claim), put.error());
    if (put->found) return Judge(std::move(claim), *put->found, limited);
    claim.verdict = ClaimVerdict::kOurs;
    return claim;
  }

  Status Done(Claim& claim, std::string_view result, const Deadline& deadline) override {
    if (claim.verdict == ClaimVerdict::kDone || claim.verdict == ClaimVerdict::kHeld) {
      return Status(Code::kFailedPrecondition, "the work is that of " + claim.holder);
    }
    // Ends when the mark is there; nothing is to be kept alive if it cannot be left either.
    const std::unique_ptr<KeptAlive> kept = std::move(claim.kept);
    const Deadline limited = Limit(deadline);
    const std::int64_t mark = RandomLease();
    WARDEN_RETURN_IF_ERROR(calls_->Grant(mark, options_.mark_ttl, limited));
    LockCalls::Put put{.key = KeyOf(claim),
                       .value = NoteOf(kDoneState, result),
                       .lease = mark,
                       .instead_of = std::exchange(claim.lease, 0)};
    std::string holder;
    for (int tries = 0; tries < kMarkTriesMax; ++tries) {
      WARDEN_ASSIGN_OR_RETURN(const LockCalls::PutAnswer answer, calls_->TryPut(put, limited));
      if (answer.done) return {};
      const auto note = answer.found ? ParseNote(answer.found->value) : std::nullopt;
      const bool ours = note && note->lock == token_;
      // By a call whose answer was lost.
      if (ours && note->state == kDoneState) return {};
      holder = note ? note->holder : "";
      if (answer.found && !ours) break;
      put.instead_of = answer.found ? answer.found->lease : 0;
    }
    // Best effort: it goes by itself after mark_ttl.
    (void)calls_->Revoke(mark, limited);
    return Status(Code::kAborted, "the claim was lost meanwhile" +
                                      (holder.empty() ? "" : ", " + holder + " has the work now"));
  }

  Status GiveUp(Claim& claim, const Deadline& deadline) override {
    claim.kept.reset();
    const std::int64_t lease = std::exchange(claim.lease, 0);
    return lease == 0 ? Status() : calls_->Revoke(lease, Limit(deadline));
  }

 private:
  // So that a quorum that is lost is noticed soon: one endpoint that hangs leaves time for another.
  Deadline Limit(const Deadline& deadline) const {
    return {.at = std::min(deadline.at, clock_.Steady() + 2 * options_.rpc_timeout),
            .stop = deadline.stop};
  }

  std::string KeyOf(const Claim& claim) const { return options_.prefix + "/" + claim.work; }

  std::string NoteOf(std::string_view state, std::string_view result) const {
    Json json = {{"state", state},
                 {"holder", options_.holder},
                 {"since", FormatTime(clock_.Now())},
                 {"lock", token_}};
    if (state == kDoneState) json["result"] = result;
    return DumpJson(json);
  }

  void Hold(Claim& claim, std::int64_t lease) const {
    claim.lease = lease;
    claim.kept = std::make_unique<Keeper>(calls_, lease, options_.ttl, clock_);
  }

  static Claim Unavailable(Claim claim, const Status& why) {
    claim.verdict = ClaimVerdict::kUnavailable;
    claim.reason = why.message();
    return claim;
  }

  // What somebody's key makes of a claim. A lease of its own is of no use then, and lapses.
  Claim Judge(Claim claim, const Entry& entry, const Deadline& deadline) const {
    const auto note = ParseNote(entry.value);
    const bool ours = note && note->state == kHeldState && note->lock == token_;
    if (ours && entry.lease == claim.lease) {
      // By a call whose answer was lost.
      claim.verdict = ClaimVerdict::kOurs;
      return claim;
    }
    claim.kept.reset();
    claim.lease = 0;
    if (ours) return TakeUp(std::move(claim), entry.lease, deadline);
    // A claim without a lease would hold for ever.
    if (!note || (note->state == kHeldState && entry.lease == 0)) {
      const std::string key = ToSingleLine(KeyOf(claim));
      return Unavailable(std::move(claim), Status(Code::kFailedPrecondition,
                                                  "the key " + key + " is none of a warden's"));
    }
    claim.holder = note->holder;
    claim.result = note->result;
    claim.verdict = note->state == kDoneState ? ClaimVerdict::kDone : ClaimVerdict::kHeld;
    return claim;
  }

  // A claim of this lock from before, if it has not lapsed.
  Claim TakeUp(Claim claim, std::int64_t lease, const Deadline& deadline) const {
    const auto alive = calls_->KeepAlive(lease, deadline);
    if (alive.ok() && !*alive) {
      // On its way out: etcd is about to delete the key.
      claim.holder = options_.holder;
      claim.verdict = ClaimVerdict::kHeld;
      return claim;
    }
    Hold(claim, lease);
    if (!alive.ok()) return Unavailable(std::move(claim), alive.error());
    claim.verdict = ClaimVerdict::kOurs;
    return claim;
  }

  const WorkLockOptions options_;
  const Clock& clock_;
  const std::string token_;  // of this lock: by it the keys that it wrote are recognised
  const std::shared_ptr<LockCalls> calls_;
};

}  // namespace

std::unique_ptr<WorkLock> MakeWorkLock(const ClusterOptions& cluster,
                                       const WorkLockOptions& options, const Clock& clock) {
  return std::make_unique<GrpcWorkLock>(cluster, options, clock);
}

}  // namespace warden::etcd
