// What is known of a snapshot's content, as JSON: the same in manifests and on the command line.
#pragma once

#include "exporter/base/json.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/snapshot/attest.h"
#include "exporter/snapshot/verify.h"

namespace warden::snapshot {

// Revisions, keys, leases, members, users and roles by name, alarms, the largest prefixes (the
// last, without a prefix, stands for the rest). Ids of 64 bits are hex strings. Never a value, nor
// a password's hash.
Json ContentsToJson(const mvcc::Inspection& inspection);

// The level, and what stands in the way of a higher one.
Json ToJson(const Verification& verification);
Json ToJson(const Attestation& attestation);

// The prefixes that a report lists before it counts the rest together.
inline constexpr std::size_t kPrefixesShown = 50;

}  // namespace warden::snapshot
