#include "exporter/http/passwords.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/bcrypt.h"

namespace warden::http {
namespace {

using Verdict = Passwords::Verdict;
using testing::Bcrypt;

TEST(Passwords, AreRightOrWrong) {
  const Users users = {{"alice", Bcrypt("hunter2")},
                       {"bob", Bcrypt("caf\xc3\xa9 and more", "$2b$")},
                       {"carol", Bcrypt("", "$2a$")}};
  Passwords passwords;
  using std::string_literals::operator""s;
  const std::pair<Credentials, Verdict> cases[] = {
      {{"alice", "hunter2"}, Verdict::kRight},
      {{"alice", "hunter2"}, Verdict::kRight},  // remembered
      {{"bob", "caf\xc3\xa9 and more"}, Verdict::kRight},
      {{"carol", ""}, Verdict::kRight},
      {{"alice", "hunter3"}, Verdict::kWrong},
      {{"alice", ""}, Verdict::kWrong},
      {{"alice", "hunter2\0"s}, Verdict::kWrong},
      {{"alice", "hunter2\0x"s}, Verdict::kWrong},
      {{"carol", std::string(1000, 'x')}, Verdict::kWrong},
      {{"carol", "\0"s}, Verdict::kWrong},
      {{"Alice", "hunter2"}, Verdict::kWrong},
      {{"mallory", "hunter2"}, Verdict::kWrong},
      {{"", ""}, Verdict::kWrong},
  };
  for (const auto& [credentials, verdict] : cases) {
    EXPECT_EQ(passwords.Check(users, credentials), verdict)
        << credentials.user << " " << credentials.password;
  }
}

TEST(Passwords, AreAskedAgainWhenTheHashHasChanged) {
  Passwords passwords;
  EXPECT_EQ(passwords.Check({{"alice", Bcrypt("old")}}, {"alice", "old"}), Verdict::kRight);
  EXPECT_EQ(passwords.Check({{"alice", Bcrypt("new")}}, {"alice", "old"}), Verdict::kWrong);
  EXPECT_EQ(passwords.Check({}, {"alice", "old"}), Verdict::kWrong);
}

TEST(Passwords, ForgetTheOldestOfTooMany) {
  Passwords passwords;
  Users users;
  for (std::size_t i = 0; i <= Passwords::kRememberedMax; ++i) {
    users["u" + std::to_string(i)] = Bcrypt("x");
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& [user, hash] : users) {
      EXPECT_EQ(passwords.Check(users, {user, "x"}), Verdict::kRight);
    }
  }
}

TEST(Passwords, AnswerEqualQuestionsAtATime) {
  // So costly that all threads ask while the first answer is computed.
  std::string hash = Bcrypt("x");
  hash.replace(4, 2, "10");
  const Users users = {{"alice", hash}};
  Passwords passwords;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      if (passwords.Check(users, {"alice", "guess"}) == Verdict::kWrong) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 20);
}

TEST(Passwords, AreNotGuessedManyAtATime) {
  std::string hash = Bcrypt("x");
  hash.replace(4, 2, "10");
  const Users users = {{"alice", hash}, {"bob", Bcrypt("known")}};
  Passwords passwords;
  ASSERT_EQ(passwords.Check(users, {"bob", "known"}), Verdict::kRight);
  std::atomic<bool> busy = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; !busy && n < 100; ++n) {
        const std::string guess = std::to_string(i) + " " + std::to_string(n);
        if (passwords.Check(users, {"alice", guess}) == Verdict::kBusy) busy = true;
      }
    });
  }
  // Whom it remembers it knows meanwhile.
  EXPECT_EQ(passwords.Check(users, {"bob", "known"}), Verdict::kRight);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(busy);
}

}  // namespace
}  // namespace warden::http
