#include "exporter/restore/database.h"

#include <algorithm>
#include <utility>

#include "exporter/bbolt/writer.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/mvcc/record.h"
#include "exporter/restore/entries.h"

namespace warden::restore {
namespace {

constexpr std::size_t kRevisionBytes = 17;

// Merges the old entries with the puts, which are in the same order: by bucket, then by key.
class Merge {
 public:
  Merge(const BucketEdits& edits, WritableFile& output, std::uint32_t page_size)
      : edits_(edits), next_(edits.puts.begin()), writer_(output, page_size) {
    written_.page_size = page_size;
  }

  Status AddBucket(const bbolt::Bucket& bucket) {
    WARDEN_RETURN_IF_ERROR(EndBucket());
    WARDEN_RETURN_IF_ERROR(CreateBuckets(&bucket.name));
    return BeginBucket(bucket.name, bucket.sequence);
  }

  Status AddOld(std::string_view bucket, const bbolt::Element& entry) {
    if (bucket == mvcc::kKeyBucket) {
      WARDEN_ASSIGN_OR_RETURN(last_, mvcc::ParseRevision(entry.key.substr(0, kRevisionBytes)));
    }
    const Fate fate = edits_.FateOf(bucket, entry.key);
    if (fate == Fate::kDrop) return {};
    WARDEN_RETURN_IF_ERROR(AddPuts(&entry.key));
    // That of the same key is what comes next.
    return fate == Fate::kReplace ? Status() : Add(entry.key, entry.value);
  }

  Result<WrittenDatabase> Finish(std::int64_t compacted) {
    WARDEN_RETURN_IF_ERROR(EndBucket());
    WARDEN_RETURN_IF_ERROR(CreateBuckets(nullptr));
    WARDEN_ASSIGN_OR_RETURN(written_.size_bytes, writer_.Finish());
    written_.snapshot_revision = std::max({std::int64_t{1}, last_.main, compacted});
    return std::move(written_);
  }

 private:
  Status BeginBucket(const std::string& name, std::uint64_t sequence) {
    bucket_ = &*written_.entries.emplace(name, 0).first;
    return ToDamage(writer_.BeginBucket(name, sequence));
  }

  Status EndBucket() {
    if (bucket_ == nullptr) return {};
    WARDEN_RETURN_IF_ERROR(AddPuts(nullptr));
    bucket_ = nullptr;
    return writer_.EndBucket();
  }

  // Those which only puts are in and whose names come before that one; nullptr: all that are left.
  Status CreateBuckets(const std::string* before) {
    while (next_ != edits_.puts.end() && (before == nullptr || next_->bucket < *before)) {
      WARDEN_RETURN_IF_ERROR(BeginBucket(next_->bucket, 0));
      WARDEN_RETURN_IF_ERROR(EndBucket());
    }
    return {};
  }

  // Those of this bucket whose keys come before that one; nullptr: all that are left.
  Status AddPuts(const std::string_view* before) {
    for (; next_ != edits_.puts.end() && next_->bucket == bucket_->first; ++next_) {
      if (before != nullptr && next_->key >= *before) break;
      WARDEN_RETURN_IF_ERROR(Add(next_->key, next_->value));
    }
    return {};
  }

  Status Add(std::string_view key, std::string_view value) {
    ++bucket_->second;
    return ToDamage(writer_.Add(key, value));
  }

  // Our own entries are in order; what else cannot be written no etcd has ever written.
  static Status ToDamage(Status status) {
    if (status.code() != Code::kInvalidArgument) return status;
    return {Code::kDataLoss, status.message()};
  }

  const BucketEdits& edits_;
  std::vector<BucketEntry>::const_iterator next_;  // the first put that is not written yet
  bbolt::Writer writer_;
  WrittenDatabase written_;
  std::pair<const std::string, std::uint64_t>* bucket_ = nullptr;  // that is open, in written_
  mvcc::Revision last_;                                            // of the snapshot's records
};

}  // namespace

Result<WrittenDatabase> WriteDatabase(const SnapshotFile& snapshot, const BucketEdits& edits,
                                      WritableFile& output, const std::stop_token& stop,
                                      const mvcc::Progress& progress) {
  // Opening it reads the small buckets, and would say that they are damaged.
  WARDEN_ASSIGN_OR_RETURN(const mvcc::KeySpace source,
                          mvcc::KeySpace::Open(snapshot.file, snapshot.database_bytes));
  Merge merge(edits, output, source.database().meta().page_size);
  const EntryVisitor visitor{
      .bucket = [&](const bbolt::Bucket& bucket) { return merge.AddBucket(bucket); },
      .entry = [&](std::string_view bucket,
                   const bbolt::Element& entry) { return merge.AddOld(bucket, entry); }};
  WARDEN_RETURN_IF_ERROR(ForEachEntry(source.database(), visitor, stop, progress));
  return merge.Finish(source.contents().compaction().revision);
}

}  // namespace warden::restore
