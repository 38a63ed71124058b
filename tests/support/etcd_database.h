// What a member of view_builder.h's cluster holds: a database that passes every check, at its
// revision, with its members.
#pragma once

#include <cstdint>
#include <string>

namespace warden::testing {

// Of exactly `size` bytes, a multiple of 1024 and at least 8 KiB; other seeds give other bytes, in
// pages that are free.
std::string MakeEtcdDatabase(std::size_t size, std::uint32_t seed = 1);

// The revision of its last record, that of MakeStatus.
inline constexpr std::int64_t kDatabaseRevision = 4242;

// What a member with that database answers to HashKV at its revision; it was never compacted.
std::uint32_t HashOfEtcdDatabase();

}  // namespace warden::testing
