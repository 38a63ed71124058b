// The authentication token of one cluster. Every Authenticate costs the cluster a raft entry and a
// bcrypt, so a token is fetched only after a call was refused, never before, by one caller at a
// time, and after a failed attempt not again for a while.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"
#include "exporter/config/config.h"
#include "exporter/etcd/view.h"

namespace warden::etcd {

struct Token {
  std::string text;  // empty: none yet
  std::uint64_t generation = 0;
};

// Thread-safe.
class TokenCache {
 public:
  // Without credentials every refusal is final. `on_stored` (may be empty) is told of every token
  // fetched. `clock` outlives the cache.
  TokenCache(std::optional<config::AuthConfig> auth, const Clock& clock,
             std::function<void()> on_stored);

  Token Current() const;

  // Whether a refusal may be for want of a token: etcd knew no user, or, as no token was sent, took
  // us for the user that the client certificate names.
  bool MayHelp(Reason reason, std::uint64_t generation) const {
    return reason == Reason::kUnauthenticated ||
           (auth_ && generation == 0 && reason == Reason::kPermissionDenied);
  }

  enum class Advice {
    kRetry,         // a newer token is there: call again with Current()
    kAuthenticate,  // the caller authenticates now and reports with Stored or Failed
    kGiveUp,        // no credentials, somebody else is at it, or an attempt failed moments ago
  };
  // What to do after a call with the token of `generation` was refused as unauthenticated.
  Advice Refused(std::uint64_t generation) WARDEN_EXCLUDES(mutex_);
  // The same, but waits for somebody else's attempt to end, up to `at`.
  Advice RefusedWaiting(std::uint64_t generation, SteadyTime at) WARDEN_EXCLUDES(mutex_);
  void Stored(std::string token) WARDEN_EXCLUDES(mutex_);
  void Failed() WARDEN_EXCLUDES(mutex_);

  // Set unless there are no credentials.
  const std::optional<config::AuthConfig>& auth() const { return auth_; }

 private:
  Advice Decide(std::uint64_t generation) WARDEN_REQUIRES(mutex_);

  const std::optional<config::AuthConfig> auth_;
  const Clock& clock_;
  const std::function<void()> on_stored_;
  mutable Mutex mutex_;
  CondVar attempt_ended_;
  Token token_ WARDEN_GUARDED_BY(mutex_);
  bool authenticating_ WARDEN_GUARDED_BY(mutex_) = false;
  std::optional<SteadyTime> not_before_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::etcd
