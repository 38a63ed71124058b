// The write-ahead log of a cluster's first moment: one log entry for each member, all committed.
//
// A record is a frame of eight bytes (the length, and in the top byte 0x80 and the number of zeros
// behind the record that fill up to a multiple of eight, if any), then a walpb.Record with its
// type, a CRC-32C of all data in the file so far, and its data. Format: etcd's server/storage/wal,
// and raftpb; the differences between the versions are said in wal.cc. Written byte by byte as
// `snapshot restore` of the target's version writes it, which the tests compare.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/restore/membership.h"
#include "exporter/restore/target.h"

namespace warden::restore {

// In `member/wal/`, mode 0600: sequence number and first raft index of the file.
inline constexpr std::string_view kWalFileName = "0000000000000000-0000000000000000.wal";

// What etcd makes the file long in advance, so that an append changes no metadata: behind the
// records stand zeros. A shorter file is accepted as well, and grows.
inline constexpr std::uint64_t kWalFileBytes = 64'000'000;

// Where raft stands with it: `consistent_index` and `term` of the database, and the index and term
// of the .snap file, say the same.
inline constexpr std::uint64_t kFirstTerm = 1;
inline std::uint64_t LastIndex(const NewCluster& cluster) {
  return cluster.members.size();
}

// The records of the file of `self`, one of the cluster's members; the members' files differ in
// nothing but whose they are.
std::string WalBytes(const NewCluster& cluster, const NewMember& self, Target target);

}  // namespace warden::restore
