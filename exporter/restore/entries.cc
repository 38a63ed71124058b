#include "exporter/restore/entries.h"

#include <cstdint>
#include <string>

#include "exporter/base/text.h"
#include "exporter/bbolt/page_set.h"
#include "exporter/mvcc/key_space.h"

namespace warden::restore {
namespace {

constexpr std::uint64_t kStepBytes = 4ULL << 20;

class Reading {
 public:
  Reading(const bbolt::Database& database, const EntryVisitor& visitor, const std::stop_token& stop,
          const mvcc::Progress& progress)
      : database_(database),
        visitor_(visitor),
        stop_(stop),
        progress_(progress),
        seen_(database.meta().page_count) {}

  Status Run() {
    bbolt::TreeWalker walker(
        {.database = database_, .findings = findings_, .seen = seen_, .stop = stop_});
    const std::vector<bbolt::Bucket> buckets = walker.ReadBuckets();
    WARDEN_RETURN_IF_ERROR(Trouble());
    for (const bbolt::Bucket& bucket : buckets) {
      if (visitor_.bucket) WARDEN_RETURN_IF_ERROR(visitor_.bucket(bucket));
      walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId /*page*/) {
        failed_ = Visit(bucket.name, leaf);
        return failed_.ok();
      });
      WARDEN_RETURN_IF_ERROR(Trouble());
    }
    if (progress_) progress_(database_.used_bytes(), database_.used_bytes());
    return {};
  }

 private:
  // Damage first: what the visitor made of an entry behind it means nothing.
  Status Trouble() const {
    WARDEN_RETURN_IF_ERROR(mvcc::ToStatus(findings_));
    WARDEN_RETURN_IF_ERROR(failed_);
    return stop_.stop_requested() ? Status(Code::kCancelled, "cancelled") : Status();
  }

  Status Visit(std::string_view bucket, const bbolt::Node& leaf) {
    // The walk goes on beside a damaged page; here it ends, since the whole is wanted.
    WARDEN_RETURN_IF_ERROR(Trouble());
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      const bbolt::Element entry = leaf[i];
      if (entry.flags != 0) {
        return {Code::kDataLoss, "a bucket inside of bucket \"" + ToSingleLine(bucket, 64) + "\""};
      }
      WARDEN_RETURN_IF_ERROR(visitor_.entry(bucket, entry));
    }
    const std::uint64_t step = done_ / kStepBytes;
    done_ += leaf.content_bytes();
    if (progress_ && done_ / kStepBytes != step) progress_(done_, database_.used_bytes());
    return {};
  }

  const bbolt::Database& database_;
  const EntryVisitor& visitor_;
  const std::stop_token& stop_;
  const mvcc::Progress& progress_;
  bbolt::Findings findings_;
  bbolt::PageSet seen_;
  Status failed_;
  std::uint64_t done_ = 0;
};

}  // namespace

Status ForEachEntry(const bbolt::Database& database, const EntryVisitor& visitor,
                    const std::stop_token& stop, const mvcc::Progress& progress) {
  return Reading(database, visitor, stop, progress).Run();
}

}  // namespace warden::restore
