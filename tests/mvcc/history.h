// Random histories of a small key space: what etcd would have on disk after them, and plain answers
// to what the code under test works out by other means.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "exporter/mvcc/record.h"
#include "tests/support/bolt_builder.h"

namespace warden::testing {

// A record as it was written.
struct Written {
  mvcc::Revision revision;
  std::string prefix;  // of the key
  KeyValueFields fields;
  bool is_tombstone = false;

  std::string Key() const {
    return is_tombstone ? TombstoneKey(revision.main, revision.sub)
                        : RevisionKey(revision.main, revision.sub);
  }
  std::string Value() const { return KeyValue(fields); }
  mvcc::Record Parsed() const {
    return {.revision = revision,
            .is_tombstone = is_tombstone,
            .key = fields.key,
            .value = fields.value,
            .create_revision = fields.create_revision,
            .version = fields.version,
            .lease = fields.lease};
  }
};

class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed) {}

  const std::vector<Written>& records() const { return records_; }
  std::int64_t last() const { return main_; }
  std::uint32_t Random(std::uint32_t below) {
    return static_cast<std::uint32_t>(random_()) % below;
  }

  // Transactions of one to three puts and deletions of different keys each.
  void Play(int transactions) {
    for (; transactions > 0; --transactions) {
      ++main_;
      std::int64_t sub = 0;
      std::set<std::string> touched;
      for (std::uint32_t changes = 1 + Random(3); changes > 0; --changes) {
        const std::string prefix = kPrefixes[Random(4)];
        const std::string key = prefix + std::to_string(Random(6));
        if (touched.insert(key).second) Change(prefix, key, sub++);
      }
    }
  }
  void Put(const std::string& prefix, const std::string& key, std::int64_t sub = 0) {
    if (sub == 0) ++main_;
    Change(prefix, key, sub, true);
  }

  // The puts, by their place in records(), that a reader at the revision sees.
  std::set<std::size_t> Visible(std::int64_t revision) const {
    std::map<std::string, std::size_t> newest;
    for (std::size_t i = 0; i < records_.size() && records_[i].revision.main <= revision; ++i) {
      newest.erase(records_[i].fields.key);
      if (!records_[i].is_tombstone) newest[records_[i].fields.key] = i;
    }
    std::set<std::size_t> visible;
    for (const auto& [key, place] : newest) visible.insert(place);
    return visible;
  }

  // Removes what a compaction removes; an unfinished one only some of it, from the oldest on.
  void Compact(std::int64_t revision, bool finish) {
    const std::set<std::size_t> visible = Visible(revision);
    std::vector<Written> kept;
    std::uint32_t left = finish ? ~0U : Random(static_cast<std::uint32_t>(records_.size()) + 1);
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const Written& each = records_[i];
      // Of the deletions at the revision itself newer versions keep the tombstones.
      const bool may_stay = each.is_tombstone && each.revision.main == revision && keeps_tombstones;
      const bool goes = each.revision.main <= revision && !visible.contains(i) && !may_stay;
      if (goes && left > 0) {
        --left;
      } else {
        kept.push_back(each);
      }
    }
    records_ = std::move(kept);
    scheduled_ = revision;
    if (finish) finished_ = revision;
  }
  bool keeps_tombstones = true;

  // A whole database with this history.
  BoltBuckets Buckets() const {
    BoltBuckets buckets = EtcdBuckets();
    buckets["key"] = {};
    for (const Written& each : records_) buckets["key"].values[each.Key()] = each.Value();
    auto& meta = buckets["meta"].values;
    if (scheduled_) meta["scheduledCompactRev"] = RevisionKey(*scheduled_);
    if (finished_) meta["finishedCompactRev"] = RevisionKey(*finished_);
    return buckets;
  }

 private:
  static constexpr const char* kPrefixes[] = {"/registry/pods/",
                                              "/registry/apps.example.com/things/", "plain/", ""};
  struct Life {
    std::int64_t create_revision, version;
  };

  void Change(const std::string& prefix, const std::string& key, std::int64_t sub,
              bool only_put = false) {
    const auto alive = alive_.find(key);
    if (!only_put && alive != alive_.end() && Random(3) == 0) {
      alive_.erase(alive);
      records_.push_back({{main_, sub}, prefix, {.key = key}, true});
      return;
    }
    Life& life = alive_.emplace(key, Life{main_, 0}).first->second;
    ++life.version;
    records_.push_back({{main_, sub},
                        prefix,
                        {.key = key,
                         .create_revision = life.create_revision,
                         .mod_revision = main_,
                         .version = life.version,
                         .value = std::string(Random(9), 'v'),
                         .lease = Random(4) == 0 ? 1 + Random(5) : 0},
                        false});
  }

  std::mt19937 random_;
  std::int64_t main_ = 1;
  std::vector<Written> records_;
  std::map<std::string, Life> alive_;
  std::optional<std::int64_t> scheduled_, finished_;
};

}  // namespace warden::testing
