#include "exporter/restore/drill_programs.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "exporter/base/environment.h"
#include "exporter/base/process.h"
#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr std::string_view kDefaultProgram = "etcd";
constexpr std::string_view kVersionPrefix = "etcd Version:";
// What a program says that is no etcd is not read to its end.
constexpr std::size_t kOutputBytesMax = 4096;
// Enough for a slow disk; a program that is no etcd may wait for ever.
constexpr Seconds kAnswerTime{15};

Result<std::string> AskForVersion(const std::filesystem::path& path, const Deadline& deadline) {
  std::string output;
  Command command;
  // Without our environment, since ETCD_VERSION=true and the like are flags of etcd's.
  command.argv = {"env", "-i", path.string(), "--version"};
  command.sink = [&output](std::span<const std::byte> bytes) -> Status {
    const std::size_t room = kOutputBytesMax - output.size();
    output.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
    return {};
  };
  const SteadyTime at = std::min(deadline.at, SystemClock().Steady() + kAnswerTime);
  WARDEN_ASSIGN_OR_RETURN(const Ended ended,
                          RunProgram(command, {.at = at, .stop = deadline.stop}));
  WARDEN_RETURN_IF_ERROR(ended.ToStatus());
  return ParseEtcdVersion(output);
}

Result<EtcdProgram> Ask(const std::filesystem::path& candidate, const Deadline& deadline) {
  const std::optional<std::filesystem::path> path = FindProgram(candidate.string());
  if (!path) return Status(Code::kNotFound, "is not installed, or not in PATH");
  EtcdProgram program{.path = std::filesystem::absolute(*path), .version = {}};
  WARDEN_ASSIGN_OR_RETURN(program.version, AskForVersion(program.path, deadline));
  WARDEN_ASSIGN_OR_RETURN(program.target, ParseTarget(program.version));
  return program;
}

}  // namespace

Result<std::string> ParseEtcdVersion(std::string_view output) {
  for (const std::string_view line : Split(output, '\n')) {
    if (!line.starts_with(kVersionPrefix)) continue;
    const std::string_view version = Trim(line.substr(kVersionPrefix.size()));
    if (!version.empty() && HasOnly(version, ".-+")) return std::string(version);
  }
  return Status(Code::kInvalidArgument, "does not say that it is etcd, and which version");
}

EtcdPrograms FindEtcdPrograms(const std::vector<std::filesystem::path>& candidates,
                              const Deadline& deadline) {
  const std::vector<std::filesystem::path> usual = {kDefaultProgram};
  EtcdPrograms programs;
  for (const std::filesystem::path& candidate : candidates.empty() ? usual : candidates) {
    Result<EtcdProgram> program = Ask(candidate, deadline);
    if (program.ok()) {
      programs.found.push_back(*std::move(program));
    } else {
      programs.complaints.push_back(candidate.string() + ": " + program.error().message());
    }
  }
  return programs;
}

Result<EtcdProgram> ChooseEtcd(const EtcdPrograms& programs, Target minimum) {
  const EtcdProgram* best = nullptr;
  std::vector<std::string> others = programs.complaints;
  for (const EtcdProgram& program : programs.found) {
    if (program.target < minimum) {
      others.push_back(program.path.string() + " is " + program.version);
    } else if (best == nullptr || program.target < best->target) {
      best = &program;
    }
  }
  if (best != nullptr) return *best;
  return Status(Code::kNotFound, "no etcd " + std::string(TargetName(minimum)) +
                                     " or newer is here to start (" + Join(others, "; ") + ")");
}

}  // namespace warden::restore
