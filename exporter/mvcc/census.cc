#include "exporter/mvcc/census.h"

#include <algorithm>
#include <tuple>

namespace warden::mvcc {
namespace {

constexpr std::size_t kPrefixBytesMax = 256;

void AddTo(PrefixCount& sum, const PrefixCount& part) {
  sum.records += part.records;
  sum.live_keys += part.live_keys;
  sum.bytes += part.bytes;
}

}  // namespace

std::string_view PrefixOf(std::string_view key) {
  std::size_t end = 0;
  std::size_t from = 1;
  int elements = 2;
  for (int element = 1; element <= elements && from < key.size(); ++element) {
    const std::size_t slash = key.find('/', from);
    if (slash == std::string_view::npos || slash >= kPrefixBytesMax) break;
    const bool is_group = key.substr(from, slash - from).find('.') != std::string_view::npos;
    if (element == 2 && is_group) elements = 3;
    end = slash + 1;
    from = end;
  }
  return key.substr(0, end);
}

PrefixCount& Census::CountOf(std::string_view key) {
  const std::string_view prefix = PrefixOf(key);
  if (latest_.prefix != nullptr && latest_.prefix->first == prefix) return latest_.prefix->second;
  auto found = prefixes_.find(prefix);
  if (found == prefixes_.end()) {
    if (prefixes_.size() >= kPrefixesMax) return others_;
    found = prefixes_.emplace(std::string(prefix), PrefixCount{}).first;
  }
  latest_.prefix = &*found;
  return found->second;
}

void Census::AddLive(PrefixCount& prefix, std::uint64_t delta) {
  prefix.live_keys += delta;
  total_.live_keys += delta;
}

void Census::Add(const Record& record) {
  constexpr auto kOneLess = ~std::uint64_t{0};  // sums of unsigned numbers wrap around
  PrefixCount& prefix = CountOf(record.key);
  const PrefixCount one{.records = 1, .bytes = record.key.size() + record.value.size()};
  AddTo(prefix, one);
  AddTo(total_, one);
  last_ = std::max(last_, record.revision);
  if (record.lease != 0) ++leased_records_;
  if (record.is_tombstone) ++tombstones_;
  if (record.revision.main > compaction_.revision) {
    if (record.is_tombstone) AddLive(prefix, kOneLess);
    if (!record.is_tombstone && record.version <= 1) AddLive(prefix, 1);
  } else if (compaction_.is_finished && !record.is_tombstone) {
    AddLive(prefix, 1);
  }
}

void Census::AddVisible(const Record& record) {
  AddLive(CountOf(record.key), 1);
}

void Census::Merge(const Census& other) {
  for (const auto& [prefix, count] : other.prefixes_) {
    const bool is_full = prefixes_.size() >= kPrefixesMax && !prefixes_.contains(prefix);
    AddTo(is_full ? others_ : prefixes_[prefix], count);
  }
  AddTo(others_, other.others_);
  AddTo(total_, other.total_);
  tombstones_ += other.tombstones_;
  leased_records_ += other.leased_records_;
  last_ = std::max(last_, other.last_);
}

std::vector<NamedPrefix> Census::Prefixes(std::size_t most) const {
  std::vector<NamedPrefix> sorted;
  sorted.reserve(prefixes_.size());
  for (const auto& [prefix, count] : prefixes_) {
    sorted.push_back({.prefix = prefix, .count = count});
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const NamedPrefix& a, const NamedPrefix& b) {
    return a.count.bytes > b.count.bytes;
  });
  PrefixCount others = others_;
  while (sorted.size() > most) {
    AddTo(others, sorted.back().count);
    sorted.pop_back();
  }
  if (others.records > 0) sorted.push_back({.prefix = {}, .count = others, .is_rest = true});
  return sorted;
}

}  // namespace warden::mvcc
