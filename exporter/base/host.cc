#include "exporter/base/host.h"

#include <unistd.h>

#include <array>

namespace warden {

std::string ProcessName() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

}  // namespace warden
