// What changed between two snapshots: keys added, changed and removed.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/mvcc/visible.h"

namespace warden::mvcc {

enum class Change { kAdded, kChanged, kRemoved };

// Is told of each key that differs, in no particular order; `bytes` are those of key and value, of
// the value after the change where there is one.
using ChangeVisitor = std::function<void(Change change, std::string_view key, std::uint64_t bytes)>;

// Compares the newest values of all live keys. Keys and values are told apart by hashes of 128 and
// 64 bits. Memory is bounded: more keys than `keys_at_once` take further passes. Fails as
// KeySpace::ForEach does, with "the first snapshot" or "the second snapshot" before it.
Status Diff(const KeySpace& before, const KeySpace& after, const ChangeVisitor& visitor,
            const std::stop_token& stop, std::size_t keys_at_once = kKeysAtOnce);

}  // namespace warden::mvcc
