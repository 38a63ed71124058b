#include "exporter/http/passwords.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace warden::http {
namespace {

constexpr std::size_t kCostBytes = 7;  // "$2y$10$"

std::string DigestOf(std::string_view user, std::string_view hash, std::string_view password) {
  // A hash has one length and no user name holds a colon, so no two triples make the same text.
  const std::string text =
      std::string(user) + ":" + std::string(hash) + ":" + std::string(password);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

// A hash of no known password that takes as long as the slowest of the users'.
std::string FakeHash(const Users& users) {
  std::string cost = "$2y$10$";
  for (const auto& [user, hash] : users) {
    if (hash.compare(4, 2, cost, 4, 2) > 0) cost = hash.substr(0, kCostBytes);
  }
  return cost + std::string(53, '.');
}

bool Matches(const std::string& hash, const std::string& password) {
  // crypt would take a password for another one that ends where a NUL stands.
  const bool whole =
      password.find('\0') == std::string::npos && password.size() < CRYPT_MAX_PASSPHRASE_SIZE;
  const auto data = std::make_unique<crypt_data>();
  const char* const computed = crypt_r(whole ? password.c_str() : "", hash.c_str(), data.get());
  const bool same = computed != nullptr && std::string_view(computed).size() == hash.size() &&
                    CRYPTO_memcmp(computed, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof(*data));
  return same && whole;
}

}  // namespace

Passwords::Verdict Passwords::Check(const Users& users, const Credentials& credentials) {
  const auto user = users.find(credentials.user);
  const bool known = user != users.end();
  const std::string hash = known ? user->second : FakeHash(users);
  const Digest digest = DigestOf(credentials.user, hash, credentials.password);

  const auto verdict = [](bool right) { return right ? Verdict::kRight : Verdict::kWrong; };
  std::shared_ptr<Question> question;
  {
    MutexLock lock(mutex_);
    if (remembered_.contains(digest)) return Verdict::kRight;
    if (const auto asked = open_.find(digest); asked != open_.end()) {
      question = asked->second;
      while (!question->right) answered_.Wait(mutex_);
      return verdict(*question->right);
    }
    if (open_.size() >= kHashesMax) return Verdict::kBusy;
    question = std::make_shared<Question>();
    open_.emplace(digest, question);
  }
  // Whatever is thrown on the way: nobody waits for ever, and there is room for other questions.
  struct Answer {
    ~Answer() { passwords.Close(digest, question, right); }
    Passwords& passwords;
    const Digest& digest;
    Question& question;
    bool right = false;
  };
  Answer answer{*this, digest, *question};
  answer.right = Matches(hash, credentials.password) && known;
  if (answer.right) Remember(digest);
  return verdict(answer.right);
}

void Passwords::Close(const Digest& digest, Question& question, bool right) {
  MutexLock lock(mutex_);
  question.right = right;
  open_.erase(digest);
  answered_.NotifyAll();
}

void Passwords::Remember(const Digest& digest) {
  MutexLock lock(mutex_);
  if (!remembered_.insert(digest).second) return;
  by_age_.push_back(digest);
  if (by_age_.size() <= kRememberedMax) return;
  remembered_.erase(by_age_.front());
  by_age_.pop_front();
}

}  // namespace warden::http
