// Hostile job files: one that is accepted has an id that is no path, and what is written of it can
// be read again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/backup/jobs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warden::backup;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto job = ParseJob(text);
  if (!job.ok()) return 0;
  if (!IsId(job->id)) std::abort();
  const auto again = ParseJob(warden::DumpJson(ToJson(*job)));
  if (!again.ok() || again->id != job->id) std::abort();
  return 0;
}
