#include "exporter/restore/check_hash.h"

#include <algorithm>
#include <string>

#include "exporter/base/crc32c.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/restore/encode.h"

namespace warden::restore {

Result<std::uint32_t> HashInFacts(const ExpectedCluster& expected, std::int64_t compact_revision) {
  const SnapshotFacts& facts = expected.snapshot;
  // -1 and 0 both say that nothing was ever compacted.
  const std::int64_t compacted = std::max<std::int64_t>(compact_revision, 0);
  const bool is_own = compacted == std::max<std::int64_t>(facts.compact_revision, 0);
  if (facts.hash && is_own && !expected.is_bumped) return *facts.hash;
  return Status(Code::kFailedPrecondition,
                "it has compacted to " + std::to_string(compacted) +
                    ", and the hash for that needs the snapshot itself; name it with --snapshot");
}

Result<std::uint32_t> HashOfSnapshot(const mvcc::KeySpace& keys, const ExpectedCluster& expected,
                                     std::int64_t compact_revision, const std::stop_token& stop) {
  const std::int64_t revision = expected.snapshot.revision;
  if (!expected.is_bumped) return mvcc::HashKv(keys, revision, compact_revision, stop);
  if (compact_revision != expected.revision) {
    return Status(Code::kFailedPrecondition,
                  "it has compacted to " + std::to_string(compact_revision) + ", and not to " +
                      std::to_string(expected.revision) + ", as the bump made it");
  }
  WARDEN_ASSIGN_OR_RETURN(const std::uint32_t alive, mvcc::HashKv(keys, revision, revision, stop));
  const std::string bump =
      BigEndian64(static_cast<std::uint64_t>(expected.revision)) + "_" + BigEndian64(0);
  return Crc32c(alive).Add(bump).value();
}

}  // namespace warden::restore
