#include "exporter/config/attest_policy.h"

namespace warden::config {

std::optional<AttestPolicy> ParseAttestPolicy(std::string_view text) {
  if (text == "off") return AttestPolicy::kOff;
  if (text == "followers") return AttestPolicy::kFollowers;
  if (text == "all") return AttestPolicy::kAll;
  return std::nullopt;
}

}  // namespace warden::config
