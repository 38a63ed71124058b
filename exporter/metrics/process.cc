#include "exporter/metrics/process.h"

#include <charconv>
#include <limits>
#include <string>
#include <vector>

#include "exporter/base/text.h"

namespace warden::metrics {
namespace {

// The unit of times in /proc: the kernel's USER_HZ, part of its interface and 100 on every machine
// that etcd supports.
constexpr double kTicksPerSecond = 100;

// Positions in /proc/self/stat, counted as proc(5) does: pid is 1, the command name 2.
constexpr std::size_t kUserTime = 14;
constexpr std::size_t kSystemTime = 15;
constexpr std::size_t kStartTime = 22;

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(text, ' ')) {
    if (!Trim(word).empty()) words.push_back(Trim(word));
  }
  return words;
}

// The field at a position behind the command name, which ends at the last parenthesis.
std::optional<double> StatField(std::string_view stat, std::size_t position) {
  constexpr std::size_t kFirst = 3;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string_view> words = Words(stat.substr(name_end + 1));
  if (position - kFirst >= words.size()) return std::nullopt;
  return ParseNumber(words[position - kFirst]);
}

// What follows `key` on the line that starts with it.
std::optional<std::string_view> LineAfter(std::string_view text, std::string_view key) {
  for (const std::string_view line : Split(text, '\n')) {
    if (line.starts_with(key)) return Trim(line.substr(key.size()));
  }
  return std::nullopt;
}

std::string ReadText(Files& files, const char* path) {
  constexpr std::size_t kBytesMax = 4 << 20;  // /proc/stat grows with processors and interrupts
  const Result<std::string> text = files.ReadAll(path, kBytesMax);
  return text.ok() ? *text : "";
}

void AddFamily(Page& page, prometheus::MetricType type, const char* name, const char* help,
               std::optional<double> value) {
  if (!value) return;
  prometheus::ClientMetric metric;
  metric.gauge.value = *value;
  metric.counter.value = *value;
  page.Add({{name, help, type, {metric}}});
}

}  // namespace

std::optional<double> ParseCpuSeconds(std::string_view stat) {
  const std::optional<double> user = StatField(stat, kUserTime);
  const std::optional<double> system = StatField(stat, kSystemTime);
  if (!user || !system) return std::nullopt;
  return (*user + *system) / kTicksPerSecond;
}

std::optional<double> ParseStartTime(std::string_view stat, std::string_view system_stat) {
  const std::optional<double> ticks = StatField(stat, kStartTime);
  const std::optional<std::string_view> boot = LineAfter(system_stat, "btime ");
  const std::optional<double> boot_seconds = boot ? ParseNumber(*boot) : std::nullopt;
  if (!ticks || !boot_seconds) return std::nullopt;
  return *boot_seconds + *ticks / kTicksPerSecond;
}

std::optional<double> ParseMemory(std::string_view status, std::string_view field) {
  const std::optional<std::string_view> line = LineAfter(status, std::string(field) + ":");
  if (!line || !line->ends_with(" kB")) return std::nullopt;
  const std::optional<double> kibibytes = ParseNumber(line->substr(0, line->size() - 3));
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<double> ParseMaxFds(std::string_view limits) {
  const std::optional<std::string_view> line = LineAfter(limits, "Max open files");
  const std::string_view soft = line ? line->substr(0, line->find(' ')) : "";
  if (soft == "unlimited") return std::numeric_limits<double>::infinity();
  return ParseNumber(soft);
}

ProcessStats ReadProcess(Files& files) {
  const std::string stat = ReadText(files, "/proc/self/stat");
  const std::string status = ReadText(files, "/proc/self/status");
  ProcessStats stats;
  stats.cpu_seconds = ParseCpuSeconds(stat);
  stats.virtual_bytes = ParseMemory(status, "VmSize");
  stats.resident_bytes = ParseMemory(status, "VmRSS");
  stats.start_unix_seconds = ParseStartTime(stat, ReadText(files, "/proc/stat"));
  stats.max_fds = ParseMaxFds(ReadText(files, "/proc/self/limits"));
  const Result<std::vector<DirectoryEntry>> open = files.List("/proc/self/fd");
  // The listing holds one descriptor itself.
  if (open.ok() && !open->empty()) stats.open_fds = static_cast<double>(open->size() - 1);
  return stats;
}

void RenderProcess(Page& page, const ProcessStats& stats) {
  using prometheus::MetricType;
  AddFamily(page, MetricType::Counter, "process_cpu_seconds_total",
            "User and system CPU time spent by this process.", stats.cpu_seconds);
  AddFamily(page, MetricType::Gauge, "process_virtual_memory_bytes",
            "Address space of this process.", stats.virtual_bytes);
  AddFamily(page, MetricType::Gauge, "process_resident_memory_bytes",
            "Memory of this process that is in RAM.", stats.resident_bytes);
  AddFamily(page, MetricType::Gauge, "process_start_time_seconds",
            "When this process started, in seconds since the Unix epoch.",
            stats.start_unix_seconds);
  AddFamily(page, MetricType::Gauge, "process_open_fds",
            "File descriptors that this process has open.", stats.open_fds);
  AddFamily(page, MetricType::Gauge, "process_max_fds",
            "File descriptors that this process may have open.", stats.max_fds);
}

}  // namespace warden::metrics
