#include "exporter/mvcc/hashes.h"

#include <algorithm>

#include "exporter/base/crc32c.h"
#include "exporter/mvcc/visible.h"

namespace warden::mvcc {

Result<StatusHash> HashForStatus(const bbolt::Database& database, const std::stop_token& stop) {
  bbolt::Findings findings;
  bbolt::PageSet seen(database.meta().page_count);
  bbolt::TreeWalker walker(
      {.database = database, .findings = findings, .seen = seen, .stop = stop});
  Crc32c crc;
  StatusHash status;
  for (const bbolt::Bucket& bucket : walker.ReadBuckets()) {
    crc.Add(bucket.name);
    walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId /*page*/) {
      for (std::uint32_t i = 0; i < leaf.count(); ++i) {
        const bbolt::Element entry = leaf[i];
        crc.Add(entry.key);
        // To etcd's tools a bucket inside a bucket has no value.
        if (entry.flags == 0) crc.Add(entry.value);
        ++status.entries;
      }
      return true;
    });
  }
  WARDEN_RETURN_IF_ERROR(ToStatus(findings));
  if (stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
  status.hash = crc.value();
  return status;
}

Result<std::uint32_t> HashKv(const KeySpace& key_space, std::int64_t revision,
                             std::int64_t compact_revision, const std::stop_token& stop) {
  const std::int64_t compacted = std::max<std::int64_t>(compact_revision, 0);
  const Compaction own = key_space.contents().compaction();
  if (compacted > revision || compacted < own.revision) {
    return Status(Code::kFailedPrecondition, "the hash of a compaction at " +
                                                 std::to_string(compact_revision) +
                                                 " cannot be computed from a file compacted at " +
                                                 std::to_string(own.revision));
  }
  // Only a compaction asks for it.
  VisibleRecords visible;
  if (compacted > 0) {
    WARDEN_ASSIGN_OR_RETURN(visible, FindVisible(key_space, revision, stop));
  }
  const bool is_same_compaction = compacted == own.revision && own.is_finished;
  if (visible.empty() && compacted > 0 && !is_same_compaction) {
    // The member then hashes all that its compaction has left, and the file cannot tell what that
    // is.
    return Status(Code::kFailedPrecondition, "no key is alive at revision " +
                                                 std::to_string(revision) +
                                                 ", which leaves open what the compaction at " +
                                                 std::to_string(compacted) + " has removed");
  }
  Crc32c crc;
  crc.Add(kKeyBucket);
  const Status read = key_space.ForEach(
      [&](const Entry& entry) {
        const std::int64_t main = entry.record.revision.main;
        if (main > revision) return false;
        const bool is_forgotten =
            main <= compacted && !visible.empty() && !visible.Contains(entry.number);
        const bool is_last_tombstone = entry.record.is_tombstone && main == compacted;
        if (!is_forgotten && !is_last_tombstone) crc.Add(entry.raw);
        return true;
      },
      stop);
  WARDEN_RETURN_IF_ERROR(read);
  return crc.value();
}

}  // namespace warden::mvcc
