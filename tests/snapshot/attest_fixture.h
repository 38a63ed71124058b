// A snapshot of EtcdBuckets and three voters that are asked about it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/crc32c.h"
#include "exporter/snapshot/attest.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/memory_file.h"

namespace warden::snapshot {

using config::AttestPolicy;
using testing::BoltBuckets;
using testing::HostOf;
using testing::MakeView;
using testing::RevisionKey;
using Calls = std::vector<std::pair<std::string, std::int64_t>>;

// That of the records of EtcdBuckets.
inline constexpr std::int64_t kRevision = 6;
inline constexpr std::uint32_t kOtherHash = 0xbad;

inline std::string UrlOf(int n) {
  return HostOf(n) + ":2379";
}

// What a member answers that still has these entries of `key`, and no others.
inline std::uint32_t HashOf(const std::vector<std::string>& keys) {
  const BoltBuckets buckets = testing::EtcdBuckets();
  Crc32c crc;
  crc.Add("key");
  for (const std::string& key : keys) crc.Add(key).Add(buckets.at("key").values.at(key));
  return crc.value();
}
inline std::uint32_t WholeHash() {
  return HashOf(
      {RevisionKey(2), RevisionKey(3), RevisionKey(4), testing::TombstoneKey(5), RevisionKey(6)});
}
// Of a member that has compacted up to 3, 4 and 5: of /a/x only what it is at the revision stays,
// and the tombstone of /a/y goes with the compaction at its own revision.
inline std::uint32_t HashCompactedAt(std::int64_t compacted) {
  if (compacted == 3) return HashOf({RevisionKey(4), testing::TombstoneKey(5), RevisionKey(6)});
  if (compacted == 4) return HashOf({testing::TombstoneKey(5), RevisionKey(6)});
  return HashOf({RevisionKey(6)});
}

// Member 1 leads; lists are sorted by id, which puts member 3 first.
class AttestTest : public ::testing::Test {
 protected:
  AttestTest() { UseFile(testing::EtcdBuckets()); }

  void UseFile(const BoltBuckets& buckets) {
    file_ = std::make_unique<testing::MemoryFile>(testing::BoltFile(buckets).bytes());
    keys_.emplace(*mvcc::KeySpace::Open(*file_, file_->size()));
  }
  // The snapshot is of a member that had compacted up to there.
  void UseFileCompactedAt(std::int64_t revision) {
    BoltBuckets buckets = testing::EtcdBuckets();
    auto& meta = buckets["meta"].values;
    meta["scheduledCompactRev"] = meta["finishedCompactRev"] = RevisionKey(revision);
    UseFile(buckets);
  }
  // What member n answers; it was never compacted and is of 3.6 unless a test says otherwise.
  static etcd::KvHash Answer(int n, std::uint32_t hash, std::int64_t compacted = -1) {
    return {.cluster_id = testing::kClusterId,
            .member_id = testing::kMemberIds.at(static_cast<std::size_t>(n)),
            .hash = hash,
            .compact_revision = compacted,
            .revision = kRevision,
            .current_revision = kRevision};
  }
  void Say(int n, const etcd::KvHash& answer) {
    etcd::RpcOutcome<etcd::KvHash> outcome;
    outcome.value = answer;
    cluster_.SetHash(UrlOf(n), outcome);
  }
  void SayAll(std::uint32_t hash, std::int64_t compacted = -1) {
    for (int n = 1; n <= 4; ++n) Say(n, Answer(n, hash, compacted));
  }
  void Refuse(int n, const std::string& message, etcd::Reason reason = etcd::Reason::kOther) {
    etcd::RpcOutcome<etcd::KvHash> outcome;
    outcome.error = etcd::RpcError{reason, Code::kUnknown, message};
    cluster_.SetHash(UrlOf(n), outcome);
  }
  Attestation Ask(AttestPolicy policy = AttestPolicy::kFollowers) {
    return Attest({cluster_, clock_, policy, testing::kClusterId}, *keys_, kRevision,
                  {.at = clock_.Steady() + std::chrono::minutes(10), .stop = stop_.get_token()});
  }
  // The members asked since then, in order: "3 2 1".
  std::string Asked(std::size_t since = 0) const {
    std::string text;
    const Calls calls = cluster_.hashed();
    for (std::size_t i = since; i < calls.size(); ++i) {
      for (int n = 1; n <= 4; ++n) {
        if (calls[i].first == UrlOf(n)) text += (text.empty() ? "" : " ") + std::to_string(n);
      }
    }
    return text;
  }

  testing::FakeCluster cluster_;
  testing::FakeClock clock_;
  std::stop_source stop_;
  std::unique_ptr<testing::MemoryFile> file_;
  std::optional<mvcc::KeySpace> keys_;
};

}  // namespace warden::snapshot
