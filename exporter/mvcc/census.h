// How many keys there are, alive and dead, and where: counted record by record, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/mvcc/record.h"

namespace warden::mvcc {

// Below one prefix of keys.
struct PrefixCount {
  std::uint64_t records = 0;
  std::uint64_t live_keys = 0;
  std::uint64_t bytes = 0;  // of keys and values, old versions included
};

struct NamedPrefix {
  std::string prefix;  // empty: of keys that have none
  PrefixCount count;
  bool is_rest = false;  // all that are not listed, together; without a prefix
};

// Up to which revision old versions have been forgotten, and whether that is done.
struct Compaction {
  std::int64_t revision = 0;  // 0: never
  bool is_finished = true;
};

// The part of a key that says what it is: up to its second '/' behind the first character, one '/'
// further if its second element is an API group ("/registry/apps.example.com/things/"), never its
// last element.
std::string_view PrefixOf(std::string_view key);

class Census {
 public:
  // More prefixes than this are counted together.
  static constexpr std::size_t kPrefixesMax = 10'000;

  explicit Census(Compaction compaction) : compaction_(compaction) {}

  // Counts a record. Which keys are alive follows from the records one by one, since a put behind
  // the compacted revision replaces a record that is still there unless it creates the key, and a
  // tombstone always does; up to that revision a finished compaction has left one record for each
  // key. For an unfinished one see AddVisible.
  void Add(const Record& record);
  // For each record up to the revision of an unfinished compaction that is visible at it.
  void AddVisible(const Record& record);
  // Counts of another part of the same records.
  void Merge(const Census& other);

  std::uint64_t records() const { return total_.records; }
  std::uint64_t tombstones() const { return tombstones_; }
  std::uint64_t live_keys() const { return total_.live_keys; }
  std::uint64_t bytes() const { return total_.bytes; }
  std::uint64_t leased_records() const { return leased_records_; }
  Revision last() const { return last_; }  // 0: no records
  const Compaction& compaction() const { return compaction_; }
  // The largest in bytes first, at most `most`, and behind them all others
  // together.
  std::vector<NamedPrefix> Prefixes(std::size_t most) const;

 private:
  PrefixCount& CountOf(std::string_view key);
  void AddLive(PrefixCount& prefix, std::uint64_t delta);

  Compaction compaction_;
  PrefixCount total_;
  std::uint64_t tombstones_ = 0;
  std::uint64_t leased_records_ = 0;
  Revision last_;
  std::map<std::string, PrefixCount, std::less<>> prefixes_;
  PrefixCount others_;
  // The last one used: neighbours in a database often share it. It points into the map, so a copy
  // starts without one.
  struct Latest {
    Latest() = default;
    Latest(const Latest& /*other*/) {}
    Latest& operator=(const Latest& /*other*/) {
      prefix = nullptr;
      return *this;
    }
    std::map<std::string, PrefixCount, std::less<>>::value_type* prefix = nullptr;
  };
  Latest latest_;
};

}  // namespace warden::mvcc
