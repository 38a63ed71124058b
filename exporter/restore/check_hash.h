// What a member of a restored cluster answers to HashKV for the revision that the cluster began
// with, if it has all the snapshot had.
//
// After a bump a member has compacted up to that revision, so that of the snapshot's records it
// hashes those that are alive, and behind them the one that raised the revision (the same from 3.4
// to 3.7; tried by tests/integration/restore_check_test.py).
#pragma once

#include <cstdint>
#include <stop_token>

#include "exporter/base/result.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/restore/check.h"

namespace warden::restore {

// From the facts alone: one hash, for one compaction. kFailedPrecondition for all else says what
// would help.
Result<std::uint32_t> HashInFacts(const ExpectedCluster& expected, std::int64_t compact_revision);

// From the snapshot, which is read once or twice. Fails as mvcc::HashKv does.
Result<std::uint32_t> HashOfSnapshot(const mvcc::KeySpace& keys, const ExpectedCluster& expected,
                                     std::int64_t compact_revision, const std::stop_token& stop);

}  // namespace warden::restore
