// Histories of backups and rules to judge them by, drawn at random: everything that may go wrong
// with clocks, proofs, pins and sizes, with times that lie around the ends of periods.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "exporter/backup/retention.h"

namespace warden::retention {

// The same numbers for the same seed and number.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t number);

  // From 0 to n - 1; n is at least 1.
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  // From `least` to `most`.
  int Between(int least, int most) {
    return least + static_cast<int>(Below(static_cast<std::uint64_t>(most - least + 1)));
  }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  // Any, but whole milliseconds, as in a manifest.
  Nanoseconds UpTo(Nanoseconds most);
  template <typename T>
  const T& Any(const std::vector<T>& items) {
    return items[Below(items.size())];
  }
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  std::mt19937_64 random_;
};

struct History {
  std::vector<backup::Candidate> backups;  // in any order
  config::RetentionConfig retention;
  WallTime now;
};

History DrawHistory(Dice& dice);
// Rules that look back over about twenty times `scale`.
config::RetentionConfig DrawRetention(Dice& dice, Nanoseconds scale);
// What `created` is not said of.
backup::Candidate DrawBackup(Dice& dice, WallTime created);
// How far apart backups are, roughly; from minutes to months.
Nanoseconds DrawScale(Dice& dice);
// Where something happens in some zone or calendar.
WallTime DrawStart(Dice& dice);

// For people.
std::string Describe(const History& history);

}  // namespace warden::retention
