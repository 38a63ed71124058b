// What is known about one backup: the JSON file beside it, which is written last and makes it one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/json.h"
#include "exporter/base/result.h"
#include "exporter/metrics/instruments.h"
#include "exporter/snapshot/take.h"

namespace warden::backup {

// Why a backup was taken.
struct Trigger {
  metrics::Trigger kind = metrics::Trigger::kManual;
  std::string alertname;
  std::string fingerprint;
  std::string starts_at;  // as Alertmanager wrote it
  std::string rule;       // the rule's matchers
  std::string schedule;   // its name
  std::string tick;       // RFC 3339: the time that the schedule meant

  friend bool operator==(const Trigger&, const Trigger&) = default;
};

// Keeps a backup from retention. One without an end lasts until somebody takes it off.
struct Hold {
  std::string by;  // "manual", or what asked for it, as "alert etcdNoLeader"
  WallTime since{};
  std::optional<WallTime> until;
  std::string reason;

  bool IsActive(WallTime now) const { return !until || now < *until; }
  friend bool operator==(const Hold&, const Hold&) = default;
};

// What a copy at a destination is made of.
struct StoredForm {
  std::string file;         // its name there
  std::string compression;  // "none", "zstd"
  std::string encryption;   // "none", "age"
  std::uint64_t size_bytes = 0;
  std::string sha256;  // of the bytes that are stored
  std::string proof;   // how it was proven to be there: "hash", "full", or "" if it was not
};

struct Manifest {
  std::string id;  // sorts by time; names the files
  std::string job_id;
  std::string cluster_name;  // as configured
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::string member_name;
  std::string endpoint;
  std::string role;             // "follower", "learner", "leader"
  std::string etcd_version;     // of the member's binary
  std::string storage_version;  // 3.6+, else empty
  // The member's state just before the stream opened: the snapshot holds at least this much.
  std::int64_t revision_before = 0;
  std::uint64_t raft_index_before = 0;
  std::uint64_t raft_term = 0;
  std::string file;  // name in the catalogue's directory
  std::uint64_t size_bytes = 0;
  std::string sha256;           // of the file
  std::string database_sha256;  // of the file without its trailer
  int verification_level = 0;   // as snapshot::Level
  snapshot::Attestation attestation;
  // The revision that the snapshot is of; nullopt in manifests older than level 2.
  std::optional<std::int64_t> revision;
  // Why the backup is not to be trusted: then it satisfies no rule, and is kept all the same.
  std::string quarantined;
  Json contents;                   // as snapshot::ContentsToJson; null if unknown
  std::vector<std::string> notes;  // what whoever restores it has to know
  WallTime started{};              // of the stream
  WallTime created{};              // when the backup was complete
  Nanoseconds duration{};
  Trigger trigger;
  std::string backup_class;  // what retention goes by; "manual" in manifests that do not say
  std::vector<Hold> holds;
  std::optional<StoredForm> stored;  // only in the manifests of copies
  Json unknown;                      // fields that a newer version wrote, kept as they are

  // Whether it may stand for the cluster: proven to level 2, and not in quarantine.
  bool verified() const { return verification_level >= 2 && quarantined.empty(); }
  bool pinned(WallTime now) const {
    return std::ranges::any_of(holds, [&](const Hold& hold) { return hold.IsActive(now); });
  }
};

// "20261123T101500042Z-3fa9c1d2": the time in UTC to the millisecond and 32 random bits.
std::string MakeId(WallTime now, std::uint32_t random);
bool IsId(std::string_view text);
std::string SnapshotName(std::string_view id);  // "<id>.db"
std::string ManifestName(std::string_view id);  // "<id>.json"

// What `taken` says of itself; the caller adds ids, cluster name, file, times and trigger.
Manifest DescribeTaken(const snapshot::Taken& taken);

// Ids of 64 bits are hex strings, sizes and revisions are numbers, times are RFC 3339.
Json ToJson(const Manifest& manifest);
Json ToJson(const Trigger& trigger);

// kInvalidArgument names the field that is missing or wrong; unknown fields are kept, a `schema`
// newer than ours is refused.
Result<Manifest> ParseManifest(std::string_view text);
Trigger TriggerFromJson(const ParsedJson& json);

}  // namespace warden::backup
