// The kinds of damage, each drawn at random over a database.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "tests/corruption/content.h"

namespace warden::corruption {

using Random = std::mt19937_64;

// What is damaged. `content` is that of `database`.
struct Target {
  std::string_view database;
  std::string_view earlier;  // the same database some transactions before; may be empty
  const Content& content;
};

// Damages `database`, which is a copy of the target's, and says how. It may come to nothing: then
// draw again.
using Draw = std::string (*)(const Target& target, Random& random, std::string& database);

struct Kind {
  std::string_view name;
  Draw draw;
};

// One byte: half of them anywhere, half of them where a reader looks.
extern const Kind kByteKind;
// One page or two, chosen likewise.
extern const std::array<Kind, 10> kPageKinds;

}  // namespace warden::corruption
