// Hostile manifests: one that is accepted names no file but its own, and what is written of it can
// be read again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/backup/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warden::backup;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = ParseManifest(text);
  if (!manifest.ok()) return 0;
  if (!IsId(manifest->id) || manifest->file != SnapshotName(manifest->id)) std::abort();
  const auto again = ParseManifest(warden::DumpJson(ToJson(*manifest)));
  if (!again.ok() || again->id != manifest->id) std::abort();
  return 0;
}
