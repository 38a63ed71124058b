// What holds for every history of backups, whatever the rules.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/retention/history.h"

namespace warden::retention {

// What was seen of each kind, so that nobody trusts histories in which nothing happened.
using Tally = std::map<std::string, std::uint64_t>;

// Each draws a history and says what is wrong with what is decided of it; empty if nothing is.
std::string CheckDecisions(Dice& dice, Tally& tally);
// Takes backups and prunes them in turns while the clock jumps, proofs and pins come and go.
std::string CheckLife(Dice& dice, Tally& tally);
// Where time only goes forward and all is verified, pruning again and again ends where pruning
// once at the end does.
std::string CheckPruningInSteps(Dice& dice, Tally& tally);

// All of them, of that number of the seed.
std::string CheckNumber(std::uint64_t seed, std::uint64_t number, Tally& tally);

}  // namespace warden::retention
