#include "exporter/etcd/tokens.h"

#include "exporter/etcd/errors.h"

namespace warden::etcd {
namespace {

// How long a failed Authenticate (wrong password, no quorum) is not repeated.
constexpr Seconds kPauseAfterFailure{10};

// How long after its fetching a member may not have a token, and how often it is asked again: the
// pauses double, and end after 0.8 s.
constexpr Seconds kSpreading{5};
constexpr Milliseconds kFirstPause{25};
constexpr int kRepeatsMax = 5;

}  // namespace

TokenCache::TokenCache(std::optional<config::AuthConfig> auth, const Clock& clock,
                       std::function<void()> on_sent)
    : auth_(std::move(auth)), clock_(clock), on_sent_(std::move(on_sent)) {}

Token TokenCache::Current() const {
  MutexLock lock(mutex_);
  return token_;
}

std::optional<Milliseconds> TokenCache::PauseBeforeRepeat(const RpcError& refusal,
                                                          const Token& sent, int repeats) const {
  if (sent.text.empty() || !SaysTokenIsUnknown(refusal)) return std::nullopt;
  if (repeats >= kRepeatsMax || clock_.Steady() > sent.fetched + kSpreading) return std::nullopt;
  return kFirstPause * (1 << repeats);
}

TokenCache::Advice TokenCache::Refused(std::uint64_t generation) {
  MutexLock lock(mutex_);
  return Decide(generation);
}

TokenCache::Advice TokenCache::RefusedWaiting(std::uint64_t generation, SteadyTime at) {
  MutexLock lock(mutex_);
  while (authenticating_ && clock_.Steady() < at) attempt_ended_.WaitUntil(mutex_, at);
  return Decide(generation);
}

TokenCache::Advice TokenCache::Decide(std::uint64_t generation) {
  if (!auth_) return Advice::kGiveUp;
  if (generation < token_.generation) return Advice::kRetry;
  if (authenticating_) return Advice::kGiveUp;
  if (not_before_ && clock_.Steady() < *not_before_) return Advice::kGiveUp;
  authenticating_ = true;
  return Advice::kAuthenticate;
}

void TokenCache::Sent() const {
  if (on_sent_) on_sent_();
}

void TokenCache::Stored(std::string token) {
  MutexLock lock(mutex_);
  token_ = {
      .text = std::move(token), .generation = token_.generation + 1, .fetched = clock_.Steady()};
  authenticating_ = false;
  not_before_.reset();
  attempt_ended_.NotifyAll();
}

void TokenCache::NotNeeded() {
  MutexLock lock(mutex_);
  token_ = {.text = {}, .generation = token_.generation + 1, .fetched = {}};
  authenticating_ = false;
  attempt_ended_.NotifyAll();
}

bool TokenCache::Drop(std::uint64_t generation) {
  MutexLock lock(mutex_);
  if (token_.generation != generation) return false;
  token_.text.clear();
  return true;
}

void TokenCache::Failed() {
  MutexLock lock(mutex_);
  authenticating_ = false;
  not_before_ = clock_.Steady() + kPauseAfterFailure;
  attempt_ended_.NotifyAll();
}

}  // namespace warden::etcd
