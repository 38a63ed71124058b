#include "exporter/mvcc/inspect.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/bbolt/freelist.h"
#include "exporter/bbolt/tree.h"
#include "exporter/mvcc/visible.h"

namespace warden::mvcc {
namespace {

using bbolt::Findings;
using bbolt::PageId;

// Parts of the tree for the threads to share: small enough that they end together.
constexpr std::size_t kPartsWanted = 64;

FindingList ToList(const Findings& findings) {
  return {.kept = findings.Kept(), .count = findings.count()};
}

// Tells how far the walk has come; the pages in use are not known before, so all that were ever
// used are its end.
class Meter {
 public:
  Meter(const bbolt::Database& database, const Progress& progress)
      : database_(database), progress_(progress) {}
  void Add(std::uint64_t bytes) {
    const std::uint64_t done = done_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    const std::uint64_t step = done / kStepBytes;
    if (progress_ && step != (done - bytes) / kStepBytes) {
      progress_(done, database_.used_bytes());
    }
  }
  std::uint64_t done() const { return done_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t kStepBytes = 4ULL << 20;
  const bbolt::Database& database_;
  const Progress& progress_;
  std::atomic<std::uint64_t> done_ = 0;
};

// The records behind the compaction, of which none should be gone: each follows the one before it.
// A transaction is numbered only if it changed something, and its changes from 0 on.
struct Chain {
  Revision first;
  Revision last;
  std::optional<PageId> broken_on;  // the first page with a record that does not follow
  bool is_empty = true;

  static bool Follows(const Revision& next, const Revision& previous) {
    return next.main == previous.main ? next.sub - 1 == previous.sub
                                      : next.main - 1 == previous.main && next.sub == 0;
  }
  void Add(const Revision& revision, PageId page) {
    if (is_empty) first = revision;
    if (!is_empty && !broken_on && !Follows(revision, last)) broken_on = page;
    is_empty = false;
    last = revision;
  }
};

// One inspection: what its steps share.
class Inspector {
 public:
  Inspector(const bbolt::Database& database, const InspectOptions& options, Findings& warnings)
      : database_(database),
        options_(options),
        seen_(database.meta().page_count),
        meter_(database, options.progress),
        warnings_(warnings) {}

  Inspection Run(const ReadableFile& file) {
    bbolt::TreeWalker walker(WalkState());
    const std::vector<bbolt::Bucket> buckets = walker.ReadBuckets();
    CheckNames(buckets);
    for (const bbolt::Bucket& bucket : buckets) {
      if (bucket.name != kKeyBucket) ReadBucket(walker, bucket);
    }
    CheckContents();
    inspection_.census = Census(inspection_.contents.compaction());
    for (const bbolt::Bucket& bucket : buckets) {
      if (bucket.name == kKeyBucket) CountKeys(walker, bucket);
    }
    CheckIndex();
    CheckFreelist(database_, seen_, structure_);
    if (structure_.count() + meaning_.count() == 0) CountUnfinished(file);
    inspection_.meta = database_.meta();
    inspection_.used_bytes = database_.used_bytes();
    inspection_.tree_bytes = meter_.done();
    inspection_.structure = ToList(structure_);
    inspection_.meaning = ToList(meaning_);
    return std::move(inspection_);
  }

 private:
  bbolt::WalkState WalkState() {
    return {.database = database_, .findings = structure_, .seen = seen_, .stop = options_.stop};
  }

  void CheckNames(const std::vector<bbolt::Bucket>& buckets) {
    std::set<std::string_view> names;
    for (const bbolt::Bucket& bucket : buckets) {
      names.insert(bucket.name);
      if (bucket.sequence != 0) {
        meaning_.Add(bucket.found_on, "bucket \"" + ToSingleLine(bucket.name, 64) +
                                          "\" has a sequence, which etcd never uses");
      }
    }
    for (const std::string_view name : RequiredBuckets()) {
      if (!names.contains(name)) {
        meaning_.Add(std::nullopt, "bucket \"" + std::string(name) + "\" is missing");
      }
    }
  }

  void ReadBucket(bbolt::TreeWalker& walker, const bbolt::Bucket& bucket) {
    walker.Walk(bucket, [&](const bbolt::Node& leaf, PageId page) {
      meter_.Add(leaf.content_bytes());
      const Status read = ReadLeaf(bucket.name, leaf, inspection_.contents);
      if (!read.ok()) meaning_.Add(page, read.message());
      return !meaning_.enough();
    });
  }

  void CheckContents() {
    const Revision none;
    const Contents& contents = inspection_.contents;
    if (contents.finished_compaction.value_or(none) >
        contents.scheduled_compaction.value_or(none)) {
      meaning_.Add(std::nullopt, "a compaction was finished that was never begun");
    }
  }

  // etcd 3.4 writes it with the first key.
  void CheckIndex() {
    if (inspection_.census.records() > 0 && !inspection_.contents.consistent_index) {
      meaning_.Add(std::nullopt, "bucket \"meta\" lacks the consistent_index");
    }
  }

  void CountKeys(bbolt::TreeWalker& walker, const bbolt::Bucket& bucket) {
    if (bucket.root == 0) {
      std::vector<Chain> chains(1);
      walker.Walk(bucket, [&](const bbolt::Node& leaf, PageId page) {
        return CountLeaf(leaf, page, inspection_.census, chains[0]);
      });
      CheckChains(chains);
      return;
    }
    const std::vector<bbolt::Subtree> parts = walker.Split(bucket, kPartsWanted);
    std::vector<Census> counts(static_cast<std::size_t>(std::max(options_.threads, 1)),
                               inspection_.census);
    std::vector<Chain> chains(parts.size());
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> threads;
      for (Census& census : counts) {
        threads.emplace_back([&] {
          bbolt::TreeWalker own(WalkState());
          for (std::size_t i = next++; i < parts.size(); i = next++) {
            own.Walk(parts[i], [&](const bbolt::Node& leaf, PageId page) {
              return CountLeaf(leaf, page, census, chains[i]);
            });
          }
        });
      }
    }
    for (const Census& census : counts) inspection_.census.Merge(census);
    CheckChains(chains);
  }

  void CheckChains(const std::vector<Chain>& chains) {
    // What could not be read is missed here as well: that is one finding, not two.
    if (structure_.count() + meaning_.count() > 0 || options_.stop.stop_requested()) return;
    Revision previous = {
        .main = std::max<std::int64_t>(inspection_.contents.compaction().revision, 1), .sub = 0};
    for (const Chain& chain : chains) {
      if (chain.is_empty) continue;
      if (chain.broken_on || !Chain::Follows(chain.first, previous)) {
        warnings_.Add(chain.broken_on,
                      "revisions are missing: records were lost, or came from etcd's v2 store");
      }
      previous = chain.last;
    }
  }

  bool CountLeaf(const bbolt::Node& leaf, PageId page, Census& census, Chain& chain) {
    meter_.Add(leaf.content_bytes());
    Record record;
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      const bbolt::Element entry = leaf[i];
      const Status parsed = entry.flags == 0
                                ? ParseRecord(entry.key, entry.value, record)
                                : Status(Code::kDataLoss, "a bucket among the records");
      if (parsed.ok()) {
        census.Add(record);
        if (record.revision.main > census.compaction().revision) chain.Add(record.revision, page);
      } else {
        meaning_.Add(page, "entry " + std::to_string(i) + ": " + parsed.message());
      }
    }
    return !meaning_.enough();
  }

  // What an unfinished compaction has still to remove is told by comparing the records.
  void CountUnfinished(const ReadableFile& file) {
    const Compaction compaction = inspection_.contents.compaction();
    if (compaction.is_finished) return;
    const Status counted = [&]() -> Status {
      WARDEN_ASSIGN_OR_RETURN(const KeySpace keys, KeySpace::Open(file, database_.size_bytes()));
      WARDEN_ASSIGN_OR_RETURN(const VisibleRecords visible,
                              FindVisible(keys, compaction.revision, options_.stop));
      return keys.ForEach(
          [&](const Entry& entry) {
            if (entry.record.revision.main > compaction.revision) return false;
            if (visible.Contains(entry.number)) inspection_.census.AddVisible(entry.record);
            return true;
          },
          options_.stop);
    }();
    if (!counted.ok()) structure_.Add(std::nullopt, counted.message());
  }

  const bbolt::Database& database_;
  const InspectOptions& options_;
  bbolt::PageSet seen_;
  Meter meter_;
  Findings structure_;
  Findings meaning_;
  Findings& warnings_;
  Inspection inspection_;
};

}  // namespace

std::int64_t Inspection::revision() const {
  return std::max({std::int64_t{1}, census.last().main, contents.compaction().revision});
}

Result<Inspection> Inspect(const ReadableFile& file, std::uint64_t size_bytes,
                           const InspectOptions& options) {
  Findings warnings;
  WARDEN_ASSIGN_OR_RETURN(const bbolt::Database database,
                          bbolt::Database::Open(file, size_bytes, warnings));
  Inspection inspection = Inspector(database, options, warnings).Run(file);
  if (options.stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
  inspection.warnings = ToList(warnings);
  return inspection;
}

}  // namespace warden::mvcc
