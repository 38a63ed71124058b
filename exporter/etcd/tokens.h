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
  std::string text;  // empty: none
  std::uint64_t generation = 0;
  SteadyTime fetched{};
};

// Thread-safe.
class TokenCache {
 public:
  // Without credentials every refusal is final. `on_sent` (may be empty) is told of every
  // Authenticate that is sent. `clock` outlives the cache.
  TokenCache(std::optional<config::AuthConfig> auth, const Clock& clock,
             std::function<void()> on_sent);

  Token Current() const;

  // Whether a refusal may be for want of a token: etcd knew no user, or, as no token was sent, took
  // us for the user that the client certificate names.
  bool MayHelp(Reason reason, const Token& sent) const {
    return reason == Reason::kUnauthenticated ||
           (auth_ && sent.text.empty() && reason == Reason::kPermissionDenied);
  }

  // A simple token reaches the members through raft, and one that has yet to apply it refuses it: a
  // call refused with one fetched moments ago is made again with the same token after this pause.
  // nullopt if the refusal is another, the token older, or the `repeats` so far were enough; then
  // it is for Refused to say what to do.
  std::optional<Milliseconds> PauseBeforeRepeat(const RpcError& refusal, const Token& sent,
                                                int repeats) const;

  enum class Advice {
    kRetry,         // a newer token is there: call again with Current()
    kAuthenticate,  // the caller authenticates now and reports with Sent, and Stored or Failed
    kGiveUp,        // no credentials, somebody else is at it, or an attempt failed moments ago
  };
  // What to do after a call with the token of `generation` was refused as unauthenticated.
  Advice Refused(std::uint64_t generation) WARDEN_EXCLUDES(mutex_);
  // The same, but waits for somebody else's attempt to end, up to `at`.
  Advice RefusedWaiting(std::uint64_t generation, SteadyTime at) WARDEN_EXCLUDES(mutex_);
  void Sent() const;
  void Stored(std::string token) WARDEN_EXCLUDES(mutex_);
  void Failed() WARDEN_EXCLUDES(mutex_);
  // In place of the last two: etcd says that it asks for no user, and calls go without a token.
  void NotNeeded() WARDEN_EXCLUDES(mutex_);

  // Forgets the token, or returns false if a newer one is there. A simple token from another
  // cluster, or from before a restore, is never refused but makes calls hang, since the server
  // waits for the raft index at which it was made.
  bool Drop(std::uint64_t generation) WARDEN_EXCLUDES(mutex_);

  // Set unless there are no credentials.
  const std::optional<config::AuthConfig>& auth() const { return auth_; }

 private:
  Advice Decide(std::uint64_t generation) WARDEN_REQUIRES(mutex_);

  const std::optional<config::AuthConfig> auth_;
  const Clock& clock_;
  const std::function<void()> on_sent_;
  mutable Mutex mutex_;
  CondVar attempt_ended_;
  Token token_ WARDEN_GUARDED_BY(mutex_);
  bool authenticating_ WARDEN_GUARDED_BY(mutex_) = false;
  std::optional<SteadyTime> not_before_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden::etcd
