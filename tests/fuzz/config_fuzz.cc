// Hostile configuration text: the loader answers with lines that name their place, or with success,
// and then what is shown reads the same again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/base/text.h"
#include "exporter/config/loader.h"
#include "exporter/config/shown.h"

namespace {

// What is shown of a configuration is one itself, and shows itself the same.
void CheckShown(std::string_view text) {
  using warden::config::ReadYaml;
  using warden::config::ShowYaml;
  warden::config::Problems problems;
  const std::string shown = ShowYaml(*ReadYaml(text, problems));
  const auto again = ReadYaml(shown, problems);
  if (again == nullptr || !problems.empty() || ShowYaml(*again) != shown) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const warden::Status status = warden::config::Loader("/f").CheckText(text);
  if (status.ok()) {
    CheckShown(text);
    return 0;
  }
  for (const std::string_view line : warden::Split(status.message(), '\n')) {
    if (!line.starts_with("/f:") || warden::ToSingleLine(line, line.size()) != line) std::abort();
  }
  return 0;
}
