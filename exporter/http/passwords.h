// The passwords of the web configuration file's users, kept as bcrypt hashes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "exporter/base/mutex.h"
#include "exporter/http/auth.h"

namespace warden::http {

using Users = std::map<std::string, std::string, std::less<>>;  // name -> bcrypt hash

// A hash takes some 70 ms of a processor on purpose, so right passwords are remembered (as digests,
// at most kRememberedMax of them), equal questions share one answer, and only kHashesMax different
// ones are computed at a time: guessing does not take the server's threads from others.
// Thread-safe.
class Passwords {
 public:
  enum class Verdict { kRight, kWrong, kBusy };
  static constexpr std::size_t kRememberedMax = 100;
  static constexpr std::size_t kHashesMax = 4;

  // Takes as long for a user that does not exist as for one that does. kBusy: too many guesses are
  // being checked; ask again.
  Verdict Check(const Users& users, const Credentials& credentials);

 private:
  using Digest = std::string;  // of user, hash and password
  struct Question {
    std::optional<bool> right;  // once it is answered
  };

  // Answers those who wait for the question.
  void Close(const Digest& digest, Question& question, bool right) WARDEN_EXCLUDES(mutex_);
  void Remember(const Digest& digest) WARDEN_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar answered_;
  std::map<Digest, std::shared_ptr<Question>> open_ WARDEN_GUARDED_BY(mutex_);
  std::set<Digest> remembered_ WARDEN_GUARDED_BY(mutex_);
  std::deque<Digest> by_age_ WARDEN_GUARDED_BY(mutex_);  // the remembered ones, the oldest first
};

}  // namespace warden::http
