#include "exporter/restore/kept.h"

#include <algorithm>
#include <set>

#include "exporter/base/crc32c.h"
#include "exporter/base/text.h"
#include "exporter/mvcc/contents.h"
#include "exporter/mvcc/record.h"
#include "exporter/restore/encode.h"
#include "exporter/restore/entries.h"

namespace warden::restore {
namespace {

constexpr std::size_t kRevisionBytes = 17;

// Digests bucket after bucket, as their entries come.
class Digester {
 public:
  void Begin(const std::string& bucket) {
    digest_ = &digests_[bucket];
    crc_ = {};
  }
  void Add(const bbolt::Element& entry) {
    crc_.Add(LittleEndian64(entry.key.size())).Add(entry.key);
    crc_.Add(LittleEndian64(entry.value.size())).Add(entry.value);
    *digest_ = {.entries = digest_->entries + 1, .crc = crc_.value()};
  }
  EntryDigests Take() { return std::move(digests_); }

 private:
  EntryDigests digests_;
  EntryDigest* digest_ = nullptr;
  Crc32c crc_;
};

std::string NameOf(const BucketEntry& put) {
  return put.bucket + " entry " + mvcc::PrintableKey(put.key);
}

}  // namespace

Result<KeptOfSnapshot> ReadSnapshot(const bbolt::Database& snapshot, const BucketEdits& edits,
                                    const std::stop_token& stop) {
  Digester digester;
  mvcc::Revision last;
  const EntryVisitor visitor{
      .bucket = [&](const bbolt::Bucket& bucket) -> Status {
        digester.Begin(bucket.name);
        return {};
      },
      .entry = [&](std::string_view bucket, const bbolt::Element& entry) -> Status {
        if (bucket == mvcc::kKeyBucket) {
          WARDEN_ASSIGN_OR_RETURN(last, mvcc::ParseRevision(entry.key.substr(0, kRevisionBytes)));
        }
        if (edits.FateOf(bucket, entry.key) == Fate::kKeep) digester.Add(entry);
        return {};
      }};
  WARDEN_RETURN_IF_ERROR(ForEachEntry(snapshot, visitor, stop, nullptr));
  return KeptOfSnapshot{.kept = digester.Take(), .last_revision = last.main};
}

Result<KeptOfRestored> ReadRestored(const bbolt::Database& restored, const BucketEdits& edits,
                                    const std::stop_token& stop) {
  Digester digester;
  std::set<const BucketEntry*> missing;
  for (const BucketEntry& put : edits.puts) missing.insert(&put);
  KeptOfRestored found;
  const EntryVisitor visitor{
      .bucket = [&](const bbolt::Bucket& bucket) -> Status {
        digester.Begin(bucket.name);
        return {};
      },
      .entry = [&](std::string_view bucket, const bbolt::Element& entry) -> Status {
        const auto put = std::ranges::find_if(edits.puts, [&](const BucketEntry& each) {
          return each.key == entry.key && each.bucket == bucket;
        });
        if (put == edits.puts.end()) {
          digester.Add(entry);
          return {};
        }
        missing.erase(&*put);
        if (put->value != entry.value) {
          found.put_problems.push_back(NameOf(*put) + " is not as planned");
        }
        return {};
      }};
  WARDEN_RETURN_IF_ERROR(ForEachEntry(restored, visitor, stop, nullptr));
  for (const BucketEntry& put : edits.puts) {
    if (missing.contains(&put)) found.put_problems.push_back(NameOf(put) + " is missing");
  }
  found.kept = digester.Take();
  return found;
}

std::vector<std::string> Compare(const EntryDigests& snapshot, const EntryDigests& restored,
                                 const BucketEdits& edits) {
  EntryDigests expected = snapshot;
  for (const BucketEntry& put : edits.puts) expected.try_emplace(put.bucket);
  std::vector<std::string> problems;
  const auto add = [&](std::string_view bucket, const std::string& what) {
    problems.push_back("bucket \"" + ToSingleLine(bucket, 64) + "\": " + what);
  };
  for (const auto& [bucket, digest] : expected) {
    const auto found = restored.find(bucket);
    if (found == restored.end()) {
      add(bucket, "it is missing");
    } else if (found->second.entries != digest.entries) {
      add(bucket, std::to_string(found->second.entries) + " entries besides the new ones, " +
                      std::to_string(digest.entries) + " were to be kept");
    } else if (found->second != digest) {
      add(bucket, "an entry is not the snapshot's");
    }
  }
  for (const auto& [bucket, digest] : restored) {
    if (!expected.contains(bucket)) add(bucket, "the snapshot has no such bucket");
  }
  return problems;
}

}  // namespace warden::restore
