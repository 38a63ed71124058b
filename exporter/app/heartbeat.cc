#include "exporter/app/heartbeat.h"

#include <optional>

#include "exporter/backup/catalogue.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

constexpr std::size_t kFileBytesMax = 4096;
constexpr Seconds kStoredEvery{30};

// In the first backup directory there is.
std::optional<Files::Path> FileOf(const Runtime& runtime) {
  for (const auto& cluster : runtime.clusters()) {
    if (cluster->worker) return cluster->worker->directory() / backup::kHeartbeatName;
  }
  return std::nullopt;
}

std::optional<WallTime> Load(Files& files, const Files::Path& file) {
  const Result<std::string> text = files.ReadAll(file, kFileBytesMax);
  const Result<ParsedJson> json = text.ok() ? ParseJson(*text) : Result<ParsedJson>(text.error());
  return json.ok() ? FindTime(*json, "last_heartbeat") : std::nullopt;
}

}  // namespace

void NoteHeartbeat(Runtime& runtime) {
  const Env& env = runtime.env();
  const WallTime now = env.clock.Now();
  runtime.instruments().HeartbeatReceived(now);
  const auto file = FileOf(runtime);
  if (!file) return;
  const auto stored = Load(env.files, *file);
  if (stored && *stored <= now && now - *stored < kStoredEvery) return;
  const Json json{{"last_heartbeat", FormatTime(now)}};
  if (const Status saved = WriteAtomically(env.files, *file, DumpJson(json) + "\n"); !saved.ok()) {
    env.log.Log(LogLevel::kWarn, "cannot store when the heartbeat came", {{"error", saved}});
  }
}

void RestoreHeartbeat(Runtime& runtime) {
  const auto file = FileOf(runtime);
  const auto stored = file ? Load(runtime.env().files, *file) : std::nullopt;
  if (stored) runtime.instruments().HeartbeatReceived(*stored);
}

}  // namespace warden::app
