#include "exporter/mvcc/key_space.h"

#include <optional>
#include <utility>

namespace warden::mvcc {

Status ToStatus(const bbolt::Findings& findings) {
  const std::vector<bbolt::Finding> kept = findings.Kept();
  return kept.empty() ? Status() : Status(Code::kDataLoss, bbolt::Describe(kept.front()));
}

Result<KeySpace> KeySpace::Open(const ReadableFile& file, std::uint64_t size_bytes) {
  bbolt::Findings warnings;
  WARDEN_ASSIGN_OR_RETURN(const bbolt::Database database,
                          bbolt::Database::Open(file, size_bytes, warnings));
  KeySpace key_space(database);
  WARDEN_RETURN_IF_ERROR(key_space.ReadBuckets());
  return key_space;
}

Status KeySpace::ReadBuckets() {
  bbolt::Findings findings;
  bbolt::PageSet seen(database_.meta().page_count);
  bbolt::TreeWalker walker({.database = database_, .findings = findings, .seen = seen, .stop = {}});
  bool found = false;
  for (bbolt::Bucket& bucket : walker.ReadBuckets()) {
    if (bucket.name == kKeyBucket) {
      found = true;
      keys_ = std::move(bucket);
      continue;
    }
    walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId page) {
      const Status read = ReadLeaf(bucket.name, leaf, contents_);
      if (!read.ok()) findings.Add(page, read.message());
      return read.ok();
    });
  }
  WARDEN_RETURN_IF_ERROR(ToStatus(findings));
  return found ? Status() : Status(Code::kDataLoss, "not an etcd database: no bucket \"key\"");
}

Status KeySpace::ForEach(const Visitor& visitor, const std::stop_token& stop) const {
  bbolt::Findings findings;
  bbolt::PageSet seen(database_.meta().page_count);
  bbolt::TreeWalker walker(
      {.database = database_, .findings = findings, .seen = seen, .stop = stop});
  Entry entry;
  walker.Walk(keys_, [&](const bbolt::Node& leaf, bbolt::PageId page) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i, ++entry.number) {
      const bbolt::Element element = leaf[i];
      const Status parsed = element.flags == 0
                                ? ParseRecord(element.key, element.value, entry.record)
                                : Status(Code::kDataLoss, "a bucket among the records");
      if (!parsed.ok()) findings.Add(page, parsed.message());
      // Damage ends the walk here: whoever wants the records wants all of them.
      if (findings.count() > 0) return false;
      entry.raw = {element.key.data(), element.key.size() + element.value.size()};
      if (!visitor(entry)) return false;
    }
    return true;
  });
  WARDEN_RETURN_IF_ERROR(ToStatus(findings));
  return stop.stop_requested() ? Status(Code::kCancelled, "cancelled") : Status();
}

}  // namespace warden::mvcc
