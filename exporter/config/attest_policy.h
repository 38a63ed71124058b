// Who is asked whether a snapshot equals what the cluster holds.
#pragma once

#include <optional>
#include <string_view>

namespace warden::config {

// A member's writes wait while it answers.
enum class AttestPolicy { kOff, kFollowers, kAll };
// "off", "followers", "all"; nullopt for anything else.
std::optional<AttestPolicy> ParseAttestPolicy(std::string_view text);

}  // namespace warden::config
