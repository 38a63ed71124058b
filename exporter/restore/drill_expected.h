// What a restored etcd has to answer, told from the snapshot's file alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/etcd/reads.h"
#include "exporter/mvcc/key_space.h"

namespace warden::restore {

// Keys that are read and compared, and the bytes that their values have together at most: larger
// ones are passed over.
inline constexpr std::size_t kSamples = 50;
inline constexpr std::size_t kSampleBytesMax = 16UL << 20;

// Keys that are alive at the revision, spread evenly over the records from the first to the last.
// Fails as mvcc::FindVisible does.
Result<std::vector<etcd::KeyEntry>> SampleKeys(const mvcc::KeySpace& keys, std::int64_t revision,
                                               const std::stop_token& stop);

// How long each lease of the file lives on when an etcd starts on it, in ascending order.
Result<std::vector<Seconds>> LeaseLives(const mvcc::KeySpace& keys, const std::stop_token& stop);

// kDataLoss if an etcd that has run for `uptime` cannot have that many leases left: more than there
// were, or fewer than live on. Pure.
Status CheckLeases(const std::vector<Seconds>& lives, std::uint64_t found, Nanoseconds uptime);

// kDataLoss names the first key that is not as it was; never a value. `found` is in the order of
// `expected`. Pure.
Status CheckSamples(const std::vector<etcd::KeyEntry>& expected,
                    const std::vector<std::optional<etcd::KeyEntry>>& found);

}  // namespace warden::restore
