// Hostile web configuration text: the loader answers with success or with lines that name their
// place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/base/text.h"
#include "exporter/config/web.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const warden::Status status = warden::config::CheckWebConfigText("/f", text);
  if (status.ok()) return 0;
  for (const std::string_view line : warden::Split(status.message(), '\n')) {
    if (!line.starts_with("/f:") || warden::ToSingleLine(line, line.size()) != line) std::abort();
  }
  return 0;
}
