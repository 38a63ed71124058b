#include "tests/corruption/judge.h"

#include <openssl/sha.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "exporter/mvcc/key_space.h"
#include "tests/support/memory_file.h"

namespace warden::corruption {
namespace {

using testing::MemoryFile;

constexpr std::size_t kTrailerBytes = SHA256_DIGEST_LENGTH;
// What a snapshot's size without its trailer is a multiple of.
constexpr std::size_t kSectorBytes = 512;

// Small files on one of many processes: one thread is the fastest.
const mvcc::InspectOptions kOptions = {.threads = 1};

std::string Sha256(const std::string& bytes) {
  std::string digest(kTrailerBytes, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

struct Snapshot {
  std::string database;
  std::string trailer;
};

Result<Snapshot> ReadSnapshot(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() % kSectorBytes != kTrailerBytes) {
    return Status(Code::kInvalidArgument, "not a snapshot with its digest");
  }
  Snapshot snapshot{.trailer = bytes.substr(bytes.size() - kTrailerBytes)};
  bytes.resize(bytes.size() - kTrailerBytes);
  if (Sha256(bytes) != snapshot.trailer) {
    return Status(Code::kDataLoss, "its digest is another");
  }
  snapshot.database = std::move(bytes);
  return snapshot;
}

Result<mvcc::StatusHash> HashOfAll(const MemoryFile& file) {
  bbolt::Findings warnings;
  WARDEN_ASSIGN_OR_RETURN(const bbolt::Database database,
                          bbolt::Database::Open(file, file.size(), warnings));
  return mvcc::HashForStatus(database, {});
}

std::string FirstOf(const mvcc::FindingList& findings) {
  return std::to_string(findings.count) +
         " findings, the first: " + bbolt::Describe(findings.kept.front());
}

// The records that one of the two hashes covers: those behind the compaction, and of each key the
// newest one that the revision after it sees.
std::vector<Entry> Proven(const std::vector<Entry>& entries, std::int64_t compacted) {
  std::vector<mvcc::Record> records(entries.size());
  std::map<std::string_view, std::size_t> newest;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    // Whoever found the file clean has parsed them all.
    if (!mvcc::ParseRecord(entries[i].key, entries[i].value, records[i]).ok()) return entries;
    if (records[i].revision.main <= compacted + 1) newest[records[i].key] = i;
  }
  std::vector<Entry> proven;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const mvcc::Record& record = records[i];
    const bool is_seen = !record.is_tombstone && newest[record.key] == i;
    if (record.revision.main > compacted || is_seen) proven.push_back(entries[i]);
  }
  return proven;
}

std::size_t PlaceOf(std::string_view bucket) {
  const auto* place = std::ranges::find(kPlaces, bucket);
  return static_cast<std::size_t>(std::min(place, kPlaces.end() - 1) - kPlaces.begin());
}

constexpr std::size_t kKeyPlace = kPlaces.size() - 2;

// The places where the two differ; nullopt if they differ in what the KV hash covers. `why` is told
// the names of the buckets.
std::optional<std::uint16_t> Differences(const Content& before, const Content& after,
                                         std::int64_t compacted, std::string& why) {
  std::set<std::string_view> names;
  for (const Content* each : {&before, &after}) {
    for (const auto& [name, entries] : each->buckets) names.insert(name);
  }
  std::uint16_t places = 0;
  bool is_provable = false;
  for (const std::string_view name : names) {
    const auto old = before.buckets.find(name);
    const auto now = after.buckets.find(name);
    const bool is_in_both = old != before.buckets.end() && now != after.buckets.end();
    if (is_in_both && old->second == now->second) continue;
    why += (why.empty() ? "the content differs in " : ", ") + std::string(name);
    const bool is_key = name == mvcc::kKeyBucket;
    if (is_key &&
        !(is_in_both && Proven(old->second, compacted) == Proven(now->second, compacted))) {
      is_provable = true;
    }
    places |= static_cast<std::uint16_t>(1U << (is_key ? kKeyPlace : PlaceOf(name)));
  }
  return is_provable ? std::nullopt : std::optional(places);
}

}  // namespace

Result<std::unique_ptr<Original>> Original::Load(const std::string& path,
                                                 const std::string& earlier_path) {
  std::unique_ptr<Original> original(new Original());  // NOLINT: the constructor is private
  WARDEN_ASSIGN_OR_RETURN(Snapshot snapshot, ReadSnapshot(path));
  original->path_ = path;
  original->database_ = std::move(snapshot.database);
  original->trailer_ = std::move(snapshot.trailer);
  if (!earlier_path.empty()) {
    WARDEN_ASSIGN_OR_RETURN(snapshot, ReadSnapshot(earlier_path));
    original->earlier_ = std::move(snapshot.database);
  }
  WARDEN_RETURN_IF_ERROR(original->Learn());
  return original;
}

Status Original::Learn() {
  const MemoryFile file(database_);
  WARDEN_ASSIGN_OR_RETURN(inspection_, mvcc::Inspect(file, file.size(), kOptions));
  for (const mvcc::FindingList* findings :
       {&inspection_.structure, &inspection_.meaning, &inspection_.warnings}) {
    if (findings->count > 0) return Status(Code::kDataLoss, FirstOf(*findings));
  }
  const mvcc::Compaction compaction = inspection_.contents.compaction();
  if (!compaction.is_finished) {
    return Status(Code::kFailedPrecondition, "its compaction is under way");
  }
  WARDEN_ASSIGN_OR_RETURN(kv_hashes_, KvHashes(file));
  WARDEN_ASSIGN_OR_RETURN(status_hash_, HashOfAll(file));
  std::optional<Content> content = ReadContent(database_);
  if (!content) return Status(Code::kInternal, "the campaign's own reader cannot read it");
  content_ = *std::move(content);
  return {};
}

// At the original's revision and compaction, whatever the file says.
Result<std::array<std::uint32_t, 2>> Original::KvHashes(const MemoryFile& file) const {
  const std::int64_t revision = inspection_.revision();
  const std::int64_t compacted = inspection_.contents.compaction().revision;
  WARDEN_ASSIGN_OR_RETURN(const mvcc::KeySpace keys, mvcc::KeySpace::Open(file, file.size()));
  std::array<std::uint32_t, 2> hashes{};
  WARDEN_ASSIGN_OR_RETURN(hashes[0], mvcc::HashKv(keys, revision, compacted, {}));
  WARDEN_ASSIGN_OR_RETURN(hashes[1],
                          mvcc::HashKv(keys, std::min(compacted + 1, revision), compacted, {}));
  return hashes;
}

std::string Original::Summary() const {
  std::vector<std::size_t> used = content_.used_pages;
  std::ranges::sort(used);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  return "revision " + std::to_string(inspection_.revision()) + ", compacted at " +
         std::to_string(inspection_.contents.compaction().revision) + ", " +
         std::to_string(inspection_.census.records()) + " records, " +
         std::to_string(database_.size() / content_.page_size) + " pages of which " +
         std::to_string(used.size()) + " are used";
}

Verdict Original::Judge(std::string damaged, std::string* explanation) const {
  Verdict verdict;
  std::string why;
  verdict.digest_differs = Sha256(damaged) != trailer_;
  MemoryFile file(std::move(damaged));
  const Result<mvcc::Inspection> inspected = mvcc::Inspect(file, file.size(), kOptions);
  if (!inspected.ok()) {
    verdict.noticed_by = Class::kNoDatabase;
    why = inspected.error().message();
  } else if (inspected->structure.count > 0) {
    verdict.noticed_by = Class::kStructure;
    why = FirstOf(inspected->structure);
  } else if (inspected->meaning.count > 0) {
    verdict.noticed_by = Class::kMeaning;
    why = FirstOf(inspected->meaning);
  } else if (inspected->warnings.count > 0) {
    verdict.noticed_by = Class::kWarning;
    why = FirstOf(inspected->warnings);
  } else {
    verdict.noticed_by = Compare(file, *inspected, verdict.places, why);
  }
  if (explanation != nullptr) *explanation = std::move(why);
  return verdict;
}

Class Original::Compare(MemoryFile& file, const mvcc::Inspection& inspection, std::uint16_t& places,
                        std::string& why) const {
  const std::int64_t compacted = inspection_.contents.compaction().revision;
  const auto kv_hashes = KvHashes(file);
  if (!kv_hashes.ok() || *kv_hashes != kv_hashes_) {
    why = kv_hashes.ok() ? "the KV hash differs" : kv_hashes.error().message();
    const bool is_second = kv_hashes.ok() && kv_hashes->front() == kv_hashes_.front();
    return is_second ? Class::kSecondHash : Class::kKvHash;
  }
  const mvcc::Compaction compaction = inspection.contents.compaction();
  if (inspection.revision() != inspection_.revision() || compaction.revision != compacted ||
      !compaction.is_finished) {
    why = "it says that it is of revision " + std::to_string(inspection.revision()) +
          " and compacted at " + std::to_string(compaction.revision) +
          (compaction.is_finished ? "" : ", not yet to the end");
    return Class::kRevision;
  }
  const std::optional<Content> content = ReadContent(file.content());
  const Result<mvcc::StatusHash> all = HashOfAll(file);
  if (!content || !all.ok()) {
    why = content ? all.error().message() : "the campaign's own reader cannot read it";
    return Class::kMissed;
  }
  const std::optional<std::uint16_t> differences = Differences(content_, *content, compacted, why);
  if (!differences) return Class::kMissed;
  places = *differences;
  if (places != 0) return Class::kUnprovable;
  if (all->hash == status_hash_.hash && all->entries == status_hash_.entries) {
    return Class::kNothing;
  }
  why = "the content is the same, the hash over all buckets is not";
  return Class::kMissed;
}

}  // namespace warden::corruption
