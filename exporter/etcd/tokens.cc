#include "exporter/etcd/tokens.h"

namespace warden::etcd {
namespace {

// How long a failed Authenticate (wrong password, no quorum) is not repeated.
constexpr Seconds kPauseAfterFailure{10};

}  // namespace

TokenCache::TokenCache(std::optional<config::AuthConfig> auth, const Clock& clock,
                       std::function<void()> on_stored)
    : auth_(std::move(auth)), clock_(clock), on_stored_(std::move(on_stored)) {}

Token TokenCache::Current() const {
  MutexLock lock(mutex_);
  return token_;
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

void TokenCache::Stored(std::string token) {
  {
    MutexLock lock(mutex_);
    token_ = {.text = std::move(token), .generation = token_.generation + 1};
    authenticating_ = false;
    not_before_.reset();
    attempt_ended_.NotifyAll();
  }
  if (on_stored_) on_stored_();
}

void TokenCache::Failed() {
  MutexLock lock(mutex_);
  authenticating_ = false;
  not_before_ = clock_.Steady() + kPauseAfterFailure;
  attempt_ended_.NotifyAll();
}

}  // namespace warden::etcd
