// One whole look at a bbolt file: everything that is wrong with it, and everything that is in it.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/bbolt/database.h"
#include "exporter/bbolt/freelist.h"
#include "exporter/bbolt/tree.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::testing {

using Lines = std::vector<std::string>;
using Values = std::map<std::string, std::string>;

struct Checked {
  Status opened;
  Lines warnings;
  Lines findings;         // "page 3: what"
  std::size_t count = 0;  // of findings
  std::map<std::string, Values> buckets;
};

inline Lines Describe(const bbolt::Findings& findings) {
  Lines lines;
  for (const bbolt::Finding& each : findings.Kept()) lines.push_back(bbolt::Describe(each));
  return lines;
}

inline bool TakeValues(const bbolt::Node& leaf, Values& values) {
  for (std::uint32_t i = 0; i < leaf.count(); ++i) {
    values[std::string(leaf[i].key)] = leaf[i].value;
  }
  return true;
}

inline Checked Check(const ReadableFile& file, std::uint64_t size_bytes) {
  Checked checked;
  bbolt::Findings warnings;
  const auto database = bbolt::Database::Open(file, size_bytes, warnings);
  checked.warnings = Describe(warnings);
  checked.opened = database.status();
  if (!database.ok()) return checked;
  bbolt::Findings findings;
  bbolt::PageSet seen(database->meta().page_count);
  bbolt::TreeWalker walker({.database = *database, .findings = findings, .seen = seen, .stop = {}});
  for (const bbolt::Bucket& bucket : walker.ReadBuckets()) {
    Values& values = checked.buckets[bucket.name];
    walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId /*page*/) {
      return TakeValues(leaf, values);
    });
  }
  CheckFreelist(*database, seen, findings);
  checked.findings = Describe(findings);
  checked.count = findings.count();
  return checked;
}

inline Checked Check(const BoltFile& file) {
  const MemoryFile memory(file.bytes());
  return Check(memory, memory.size());
}

// A bucket with the keys "k0", "k1"... of one digit and the value "v" each.
inline BoltBucket Keys(int count) {
  BoltBucket bucket;
  for (int i = 0; i < count; ++i) bucket.values["k" + std::to_string(i)] = "v";
  return bucket;
}

// Content that goes on as zeros up to any size, on a disk that may fail or lose its end.
class FaultyFile final : public ReadableFile {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit FaultyFile(std::string content) : content_(std::move(content)) {}

  std::uint64_t ends_at = kNever;
  std::uint64_t fails_from = kNever;

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) const override {
    const std::size_t count =
        offset >= ends_at ? 0 : std::min<std::uint64_t>(buffer.size(), ends_at - offset);
    if (offset + count > fails_from) return Status(Code::kUnknown, "read db: Input/output error");
    std::ranges::fill(buffer, std::byte{0});
    if (offset < content_.size()) {
      std::memcpy(buffer.data(), content_.data() + offset,
                  std::min<std::uint64_t>(count, content_.size() - offset));
    }
    return count;
  }
  Result<FileState> State() const override { return FileState{.size_bytes = ends_at}; }

 private:
  const std::string content_;
};

}  // namespace warden::testing
