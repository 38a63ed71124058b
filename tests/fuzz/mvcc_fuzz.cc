// Hostile etcd databases, as whole files and entry by entry: what the inspection finds nothing
// wrong with can be read by everything else, and all of it agrees.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "exporter/base/text.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/mvcc/visible.h"
#include "exporter/mvcc/wire.h"
#include "tests/fuzz/fixed_metas.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckKeys(const KeySpace& keys, const Inspection& inspection, bool is_clean) {
  std::uint64_t records = 0;
  Revision last;
  const Status read = keys.ForEach(
      [&](const Entry& entry) {
        Require(entry.number == records && entry.record.revision >= last);
        last = entry.record.revision;
        ++records;
        return true;
      },
      {});
  // Of every record, so that all of them stumble over the same damage.
  constexpr std::int64_t revision = std::numeric_limits<std::int64_t>::max();
  const auto visible = FindVisible(keys, revision, {});
  const auto in_passes = FindVisible(keys, revision, {}, 2);
  const auto hash = HashKv(keys, revision, keys.contents().compaction().revision, {});
  Require(read.ok() == visible.ok() && read.ok() == in_passes.ok() && read.ok() == hash.ok());
  if (!read.ok()) return Require(!is_clean);
  Require(visible->count() == in_passes->count() && visible->count() <= records);
  for (std::uint64_t i = 0; i < records; ++i) {
    Require(visible->Contains(i) == in_passes->Contains(i));
  }
  if (is_clean) Require(records == inspection.census.records() && last == inspection.census.last());
}

void CheckFile(const ReadableFile& file, std::uint64_t size_bytes) {
  const auto inspection = Inspect(file, size_bytes, {.threads = 1, .stop = {}, .progress = {}});
  const auto keys = KeySpace::Open(file, size_bytes);
  if (!inspection.ok()) return Require(!keys.ok());
  const bool is_clean = inspection->structure.count + inspection->meaning.count == 0;
  if (is_clean) Require(keys.ok() && HashForStatus(keys->database(), {}).ok());
  if (keys.ok()) CheckKeys(*keys, *inspection, is_clean);
}

void CheckText(std::string_view text) {
  const std::string shown = PrintableKey(text);
  const auto is_control = [](char c) { return static_cast<std::uint8_t>(c) < ' ' || c == 0x7F; };
  Require(!shown.empty() && std::ranges::none_of(shown, is_control) && ToValidUtf8(shown) == shown);
  Require(text.starts_with(PrefixOf(text)));
  WireReader field(text);
  std::size_t fields = 0;
  while (field.Next()) ++fields;
  Require(fields <= text.size());
  const std::string_view key = text.substr(0, text.size() > 17 && text[17] == 't' ? 18 : 17);
  Record record;
  if (ParseRecord(key, text.substr(key.size()), record).ok()) Require(record.revision.main > 0);
}

// One leaf, in turn of every bucket.
void CheckLeaf(std::string_view text) {
  const auto leaf = bbolt::Node::ParseInline(text);
  if (!leaf.ok()) return;
  for (const std::string_view bucket : RequiredBuckets()) {
    Contents contents;
    const Status read = ReadLeaf(bucket, *leaf, contents);
    if (!read.ok()) Require(read.message().find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace warden::mvcc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warden::mvcc;
  const warden::testing::MemoryFile file(warden::testing::WithFixedMetas(data, size));
  CheckFile(file, file.size());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckText(text);
  CheckLeaf(text);
  return 0;
}
