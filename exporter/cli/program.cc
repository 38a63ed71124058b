#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <map>
#include <string>

#include "exporter/cli/command.h"

namespace warden::cli {
namespace {

constexpr std::array<Command, 27> kCommands = {{
    {"serve", "Run the exporter and the alert-triggered backups", DeclareServe},
    {"check-config", "Check a configuration file and every file it names", DeclareCheckConfig},
    {"members", "List the members of a cluster", DeclareMembers},
    {"status", "Ask every member for its status and mark the faulty ones", DeclareStatus},
    {"health", "Prove that a linearizable read goes through each endpoint", DeclareHealth},
    {"snapshot save", "Save a snapshot that is proven: its bytes, its records, and by the voters",
     DeclareSnapshotSave},
    {"snapshot verify", "Prove snapshot files: digest, pages, records", DeclareSnapshotVerify},
    {"snapshot status", "What etcd's own tools say of a snapshot, and what is in it",
     DeclareSnapshotStatus},
    {"snapshot keys", "List the keys in a snapshot", DeclareSnapshotKeys},
    {"snapshot get", "Print the value of a key in a snapshot", DeclareSnapshotGet},
    {"snapshot diff", "What changed between two snapshots", DeclareSnapshotDiff},
    {"backup list", "List the backups in the catalogue", DeclareBackupList},
    {"backup take", "Take a backup now, through a running daemon where there is one",
     DeclareBackupTake},
    {"backup show", "All that is known of one backup", DeclareBackupShow},
    {"backup verify", "Read backups again and prove them", DeclareBackupVerify},
    {"backup pin", "Hold a backup against retention", DeclareBackupPin},
    {"backup unpin", "Take every hold off a backup", DeclareBackupUnpin},
    {"backup prune", "Delete what retention does not keep, or say what that would be",
     DeclareBackupPrune},
    {"backup copy", "Copy backups to their destinations", DeclareBackupCopy},
    {"backup fetch", "Bring a backup back from a destination", DeclareBackupFetch},
    {"backup rebuild", "Learn what a destination has", DeclareBackupRebuild},
    {"restore plan", "Plan the restore of a cluster: what, into which members, at what risk",
     DeclareRestorePlan},
    {"restore run", "Restore one member by a plan: written beside, proven, swapped, kept",
     DeclareRestoreRun},
    {"restore undo", "Put back the data directory of before a restore", DeclareRestoreUndo},
    {"restore check", "Compare a restored cluster with its plan, once it was started",
     DeclareRestoreCheck},
    {"drill", "Rehearse a restore: a real etcd, started on a backup and compared with it",
     DeclareDrill},
    {"version", "Print what this binary is", DeclareVersion},
}};

constexpr const char* kDescription =
    "etcd-warden: a Prometheus exporter and backup sidecar for etcd.\n"
    "\n"
    "Ask a cluster by hand, with etcdctl's flags:\n"
    "  etcd-warden status --endpoints https://10.0.0.11:2379 --cacert ca.crt --cert c.crt --key "
    "c.key\n"
    "Run the daemon that Prometheus scrapes and Alertmanager triggers:\n"
    "  etcd-warden serve --config.file etcd-warden.yaml\n"
    "\n"
    "Exit codes: 0 success; 1 the operation failed, or something is unhealthy; 2 wrong usage or\n"
    "configuration.\n";

}  // namespace

Program::Program() : root_(kDescription, "etcd-warden") {
  root_.require_subcommand(1);
  std::map<std::string, CLI::App*> groups;
  for (const Command& command : kCommands) {
    CLI::App* parent = &root_;
    std::string name(command.name);
    if (const std::size_t blank = name.find(' '); blank != std::string::npos) {
      const std::string group = name.substr(0, blank);
      name = name.substr(blank + 1);
      CLI::App*& app = groups[group];
      if (app == nullptr) {
        app = root_.add_subcommand(group, "Commands on " + group + "s")->require_subcommand(1);
      }
      parent = app;
    }
    CLI::App* app = parent->add_subcommand(name, std::string(command.summary));
    runs_.emplace_back(app, command.declare(*app));
  }
}

std::string Program::Complaint(const std::string& words) const {
  const CLI::App* chosen = &root_;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  const bool is_group = !chosen->get_subcommands([](const CLI::App*) { return true; }).empty();
  const std::vector<std::string> unknown = root_.remaining(true);
  const std::string complaint =
      is_group && !unknown.empty() ? "unknown command: " + unknown.front() : words;
  return complaint + "; run with --help for more";
}

int Program::RunChosen(Console& console) {
  for (const auto& [app, run] : runs_) {
    if (app->parsed()) return run(console);
  }
  return kUsage;
}

}  // namespace warden::cli
