#include "exporter/restore/drill_expected.h"

#include <algorithm>
#include <string>
#include <utility>

#include "exporter/bbolt/page_set.h"
#include "exporter/bbolt/tree.h"
#include "exporter/mvcc/visible.h"
#include "exporter/mvcc/wire.h"

namespace warden::restore {
namespace {

constexpr std::string_view kLeaseBucket = "lease";

// Of `count` things, the number of the `picked`th of kSamples that are spread evenly.
std::uint64_t Place(std::uint64_t picked, std::uint64_t count) {
  return count <= kSamples ? picked : picked * (count - 1) / (kSamples - 1);
}

etcd::KeyEntry ToEntry(const mvcc::Record& record) {
  return {.key = std::string(record.key),
          .value = std::string(record.value),
          .create_revision = record.create_revision,
          .mod_revision = record.revision.main,
          .version = record.version,
          .lease = record.lease};
}

// leasepb.Lease: 1 is its id, 2 the time that it was given, 3 what was left of that when a leader
// last wrote it down (0: never). An etcd that becomes leader counts from there.
Seconds LifeOf(std::string_view value) {
  std::int64_t granted = 0;
  std::int64_t remaining = 0;
  mvcc::WireReader field(value);
  while (field.Next()) {
    if (field.number() == 2) granted = field.integer();
    if (field.number() == 3) remaining = field.integer();
  }
  return Seconds(remaining > 0 ? remaining : granted);
}

Status OtherThan(const etcd::KeyEntry& expected, const std::string& what) {
  return {Code::kDataLoss, "the key " + mvcc::PrintableKey(expected.key) + " " + what};
}

}  // namespace

Result<std::vector<etcd::KeyEntry>> SampleKeys(const mvcc::KeySpace& keys, std::int64_t revision,
                                               const std::stop_token& stop) {
  WARDEN_ASSIGN_OR_RETURN(const mvcc::VisibleRecords visible,
                          mvcc::FindVisible(keys, revision, stop));
  std::vector<etcd::KeyEntry> samples;
  std::uint64_t alive = 0;
  std::uint64_t picked = 0;
  std::size_t bytes = 0;
  WARDEN_RETURN_IF_ERROR(keys.ForEach(
      [&](const mvcc::Entry& entry) {
        if (!visible.Contains(entry.number)) return true;
        if (alive++ != Place(picked, visible.count())) return true;
        ++picked;
        const mvcc::Record& record = entry.record;
        if (bytes + record.value.size() <= kSampleBytesMax) {
          bytes += record.value.size();
          samples.push_back(ToEntry(record));
        }
        return picked < kSamples;
      },
      stop));
  return samples;
}

Result<std::vector<Seconds>> LeaseLives(const mvcc::KeySpace& keys, const std::stop_token& stop) {
  bbolt::Findings findings;
  bbolt::PageSet seen(keys.database().meta().page_count);
  bbolt::TreeWalker walker(
      {.database = keys.database(), .findings = findings, .seen = seen, .stop = stop});
  std::vector<Seconds> lives;
  for (const bbolt::Bucket& bucket : walker.ReadBuckets()) {
    if (bucket.name != kLeaseBucket) continue;
    walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId /*page*/) {
      for (std::uint32_t i = 0; i < leaf.count(); ++i) lives.push_back(LifeOf(leaf[i].value));
      return true;
    });
  }
  WARDEN_RETURN_IF_ERROR(mvcc::ToStatus(findings));
  if (stop.stop_requested()) return Status(Code::kCancelled, "cancelled");
  std::ranges::sort(lives);
  return lives;
}

Status CheckLeases(const std::vector<Seconds>& lives, std::uint64_t found, Nanoseconds uptime) {
  const auto first_alive = std::ranges::upper_bound(lives, uptime, std::less<Nanoseconds>());
  const auto alive = static_cast<std::uint64_t>(lives.end() - first_alive);
  if (alive <= found && found <= lives.size()) return {};
  return {Code::kDataLoss, "it has " + std::to_string(found) + " leases, the backup has " +
                               std::to_string(lives.size()) + ", of which " +
                               std::to_string(alive) + " cannot have expired yet"};
}

Status CheckSamples(const std::vector<etcd::KeyEntry>& expected,
                    const std::vector<std::optional<etcd::KeyEntry>>& found) {
  if (found.size() != expected.size()) {
    return {Code::kInternal, "of " + std::to_string(expected.size()) + " keys " +
                                 std::to_string(found.size()) + " were answered"};
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!found[i]) return OtherThan(expected[i], "is missing");
    if (found[i]->value != expected[i].value) return OtherThan(expected[i], "has another value");
    if (*found[i] != expected[i]) {
      return OtherThan(expected[i], "has other revisions, or another version or lease");
    }
  }
  return {};
}

}  // namespace warden::restore
