#include "exporter/restore/foreign_tool.h"

#include <utility>

#include "exporter/base/process.h"
#include "exporter/base/text.h"
#include "exporter/etcd/view.h"

namespace warden::restore {
namespace {

constexpr std::size_t kVersionBytesMax = 4096;

Status Cannot(std::string what) {
  return {Code::kFailedPrecondition, std::move(what)};
}

// What stands behind the label, up to the end of the line.
std::string After(const std::string& text, std::string_view label) {
  const std::size_t at = text.find(label);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + label.size();
  return std::string(Trim(std::string_view(text).substr(begin, text.find('\n', begin) - begin)));
}

bool CanRaiseRevisions(const std::string& version) {
  return etcd::VersionAtLeast(version, 3, 5) ? etcd::VersionAtLeast(version, 3, 5, 10)
                                             : etcd::VersionAtLeast(version, 3, 4, 27);
}

}  // namespace

Result<ForeignTool> FindTool(const Files::Path& program, const Deadline& deadline) {
  std::string output;
  Command command;
  command.argv = {program.string(), "version"};
  command.environment = {"ETCDCTL_API=3"};  // etcdctl up to 3.3 speaks another one
  command.sink = [&](std::span<const std::byte> bytes) -> Status {
    if (output.size() < kVersionBytesMax) {
      output.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return {};
  };
  WARDEN_ASSIGN_OR_RETURN(const Ended ended, RunProgram(command, deadline));
  ForeignTool tool{.program = program, .version = After(output, "etcdutl version:")};
  if (tool.version.empty()) {
    tool.version = After(output, "etcdctl version:");
    tool.is_etcdctl = true;
  }
  if (!ended.succeeded() || tool.version.empty()) {
    return Status(Code::kInvalidArgument,
                  program.string() + " does not say that it is etcdutl or etcdctl");
  }
  return tool;
}

Status CheckTool(const ForeignTool& tool, const Plan& plan) {
  const std::string who = tool.program.string() + " (" + ToSingleLine(tool.version, 32) + ")";
  if (tool.is_etcdctl && etcd::VersionAtLeast(tool.version, 3, 6)) {
    return Cannot(who + " restores no more, since 3.6 that is etcdutl's; give its path");
  }
  const Result<Target> own = ParseTarget(tool.version);
  if (!own.ok()) return Cannot(who + " is of no version that is known here");
  const int distance = static_cast<int>(*own) - static_cast<int>(plan.target);
  const bool fits = distance >= -1 && distance <= 1;
  if (!fits || (*own == Target::k34 && plan.target >= Target::k36)) {
    return Cannot(who + " makes directories that etcd " + plan.etcd_version +
                  " may not start with; use the tool of " + std::string(TargetName(plan.target)) +
                  ", or leave --with-tool out");
  }
  if (plan.bump && !CanRaiseRevisions(tool.version)) {
    return Cannot(who + " cannot raise the revision; 3.4.27, 3.5.10 and newer can");
  }
  return {};
}

std::vector<std::string> ToolCommand(const Files::Path& program, const Plan& plan,
                                     const MemberPlace& paths, const std::string& snapshot,
                                     bool has_trailer) {
  const NewMember* member = plan.cluster.Find(paths.name);
  std::vector<std::string> command = {
      program.string(),
      "snapshot",
      "restore",
      snapshot,
      "--name=" + paths.name,
      "--initial-cluster=" + plan.InitialCluster(),
      "--initial-cluster-token=" + plan.cluster.token,
      "--initial-advertise-peer-urls=" + (member == nullptr ? "" : Join(member->peer_urls, ",")),
      "--data-dir=" + paths.data_dir.string()};
  if (paths.wal_dir) command.push_back("--wal-dir=" + paths.wal_dir->string());
  if (plan.bump) {
    command.push_back("--bump-revision=" + std::to_string(plan.bump->by));
    command.push_back("--mark-compacted");
  }
  if (!has_trailer) command.push_back("--skip-hash-check=true");
  return command;
}

Status RunTool(const std::vector<std::string>& argv, const Deadline& deadline) {
  Command command;
  command.argv = argv;
  command.environment = {"ETCDCTL_API=3"};
  WARDEN_ASSIGN_OR_RETURN(const Ended ended, RunProgram(command, deadline));
  return ended.ToStatus();
}

}  // namespace warden::restore
