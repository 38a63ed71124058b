// The process_* families that every Prometheus exporter offers, read from /proc (see proc(5)).
#pragma once

#include <optional>
#include <string_view>

#include "exporter/base/files.h"
#include "exporter/metrics/page.h"

namespace warden::metrics {

// What could not be read is nullopt and absent from the page.
struct ProcessStats {
  std::optional<double> cpu_seconds;  // user and system
  std::optional<double> virtual_bytes;
  std::optional<double> resident_bytes;
  std::optional<double> start_unix_seconds;
  std::optional<double> open_fds;
  std::optional<double> max_fds;  // the soft limit; infinity if there is none
};

// Asks the kernel about this process.
ProcessStats ReadProcess(Files& files);

// Adds the families under their standard names, without the prefix "etcdwarden_".
void RenderProcess(Page& page, const ProcessStats& stats);

// CPU time from /proc/self/stat, whose command name may hold blanks and parentheses.
std::optional<double> ParseCpuSeconds(std::string_view stat);
// Start time from the same file, and `btime` of /proc/stat.
std::optional<double> ParseStartTime(std::string_view stat, std::string_view system_stat);
// "VmRSS:    1234 kB" of /proc/self/status, in bytes.
std::optional<double> ParseMemory(std::string_view status, std::string_view field);
// The soft limit in the line "Max open files" of /proc/self/limits.
std::optional<double> ParseMaxFds(std::string_view limits);

}  // namespace warden::metrics
