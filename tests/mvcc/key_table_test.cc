#include "exporter/mvcc/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace warden::mvcc {
namespace {

void ForgetNothing(const int& /*value*/) {
  ADD_FAILURE() << "there was room";
}

TEST(FingerprintOf, TellsKeysApart) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> found;
  for (int i = 0; i < 1'000; ++i) {
    const Fingerprint key = FingerprintOf("/key/" + std::to_string(i));
    EXPECT_NE(key.check, 0U);
    found.emplace(key.place, key.check);
    const Fingerprint again = FingerprintOf("/key/" + std::to_string(i));
    EXPECT_EQ(key.place, again.place);
    EXPECT_EQ(key.check, again.check);
  }
  EXPECT_EQ(found.size(), 1'000U);
}

TEST(KeyTable, FindsWhatWasPutIntoIt) {
  KeyTable<int> table(100'000);
  for (int i = 0; i < 20'000; ++i) {
    const Fingerprint key = FingerprintOf(std::to_string(i));
    EXPECT_TRUE(table.IsOfThisPart(key));
    EXPECT_EQ(table.Find(key), nullptr);
    table.Insert(key, i, ForgetNothing);
  }
  for (int i = 0; i < 20'000; ++i) {
    int* value = table.Find(FingerprintOf(std::to_string(i)));
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(*value, i);
    *value = -i;
  }
  EXPECT_EQ(*table.Find(FingerprintOf("777")), -777);
  EXPECT_EQ(table.Find(FingerprintOf("20000")), nullptr);
  EXPECT_FALSE(table.NextPart());
}

TEST(KeyTable, TellsKeysApartThatShareASlot) {
  KeyTable<int> table(100);
  const Fingerprint keys[] = {{5, 1}, {5, 2}, {5 + 1024, 1}, {5 + 2048, 1}, {6, 1}};
  int value = 0;
  for (const Fingerprint& key : keys) table.Insert(key, ++value, ForgetNothing);
  value = 0;
  for (const Fingerprint& key : keys) EXPECT_EQ(*table.Find(key), ++value);
  EXPECT_EQ(table.Find({5, 3}), nullptr);
  EXPECT_EQ(table.Find({7, 1}), nullptr);
}

TEST(KeyTable, GivesUpHalfOfTheKeysWhenItIsFull) {
  constexpr std::uint64_t kUpper = 1ULL << 63;
  KeyTable<int> table(2);
  std::multiset<int> forgotten;
  const auto forget = [&](const int& value) { forgotten.insert(value); };
  table.Insert({1, 1}, 1, forget);
  table.Insert({kUpper + 1, 1}, 2, forget);
  EXPECT_TRUE(forgotten.empty());
  // The third makes the one of the upper half go, and is of the upper half itself.
  table.Insert({kUpper + 2, 1}, 3, forget);
  EXPECT_EQ(forgotten, (std::multiset<int>{2, 3}));
  EXPECT_TRUE(table.IsOfThisPart({1, 1}));
  EXPECT_FALSE(table.IsOfThisPart({kUpper + 2, 1}));
  EXPECT_EQ(*table.Find({1, 1}), 1);
  ASSERT_TRUE(table.NextPart());
  EXPECT_EQ(table.Find({1, 1}), nullptr);
  EXPECT_FALSE(table.IsOfThisPart({1, 1}));
  EXPECT_TRUE(table.IsOfThisPart({kUpper + 2, 1}));
  EXPECT_FALSE(table.NextPart());
}

// However few fit, every key has a pass of its own in which it is neither forgotten nor missed.
TEST(KeyTable, TakesUpEveryKeyInExactlyOnePass) {
  for (const std::size_t keys_max : {2UL, 3UL, 10UL, 100UL, 5'000UL}) {
    for (const int keys : {0, 1, 2, 3, 150, 2'000}) {
      // So many passes over so many keys take long.
      if (keys / 100 > static_cast<int>(keys_max)) continue;
      SCOPED_TRACE(std::to_string(keys) + " keys, of which fit " + std::to_string(keys_max));
      KeyTable<int> table(keys_max);
      std::vector<int> done(static_cast<std::size_t>(keys));
      std::size_t passes = 0;
      do {
        std::set<int> present;
        for (int i = 0; i < keys; ++i) {
          const Fingerprint key{.place = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15,
                                .check = 1};
          if (!table.IsOfThisPart(key)) continue;
          ASSERT_EQ(table.Find(key), nullptr) << i;
          present.insert(i);
          table.Insert(key, i, [&](const int& forgotten) { present.erase(forgotten); });
          ASSERT_LE(present.size(), keys_max);
        }
        for (const int i : present) ++done[static_cast<std::size_t>(i)];
        ++passes;
      } while (table.NextPart());
      EXPECT_EQ(done, std::vector<int>(static_cast<std::size_t>(keys), 1));
      EXPECT_EQ(passes == 1, static_cast<std::size_t>(keys) <= keys_max);
    }
  }
}

}  // namespace
}  // namespace warden::mvcc
