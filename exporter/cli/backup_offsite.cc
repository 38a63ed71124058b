// The commands on copies: make them, learn of them, bring one back.
#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/text.h"
#include "exporter/cli/backup_target.h"
#include "exporter/cli/output.h"
#include "exporter/offsite/copier.h"
#include "exporter/offsite/fetch.h"

namespace warden::cli {
namespace {

struct Flags {
  BackupFlags target;
  std::string destination;
  std::string id;
  std::string identity;
  std::string timeout = "1h";
};

// A command's parts: each is loaded before it runs.
struct Offsite {
  BackupTarget target;
  offsite::CopySource source;
  Deadline deadline;
};

Result<Offsite> Prepare(const Flags& flags, BackupTools& tools) {
  WARDEN_ASSIGN_OR_RETURN(BackupTarget target, LoadTarget(flags.target));
  WARDEN_ASSIGN_OR_RETURN(const Milliseconds timeout, ParseDuration(flags.timeout));
  offsite::CopySource source{.cluster = target.cluster->name,
                             .directory = target.backup().directory};
  return Offsite{.target = std::move(target),
                 .source = std::move(source),
                 .deadline = {.at = tools.clock().Steady() + timeout, .stop = {}}};
}

int RunBackupCopy(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto offsite = Prepare(flags, tools);
  if (!offsite.ok()) return Fail(console, kUsage, offsite.error());
  const config::ClusterConfig& cluster = *offsite->target.cluster;
  std::vector<const config::DestinationConfig*> chosen;
  if (flags.destination.empty()) {
    for (const config::DestinationConfig& each : cluster.backup->destinations) {
      chosen.push_back(&each);
    }
  }
  if (chosen.empty()) {
    const auto named = ChooseDestination(cluster, flags.destination);
    if (!named.ok()) return Fail(console, kUsage, named.error());
    chosen.push_back(*named);
  }
  int exit_code = kSuccess;
  for (const config::DestinationConfig* destination : chosen) {
    offsite::DestinationCopier copier(offsite->source, *destination, tools.ForCopies());
    if (const Status copied = copier.CopyPending(offsite->deadline); !copied.ok()) {
      const bool busy = copied.code() == Code::kFailedPrecondition;
      exit_code = Fail(console, kFailed,
                       busy ? Status(copied.code(), "destination " + destination->name +
                                                        ": another process is copying there")
                            : copied.WithContext("destination " + destination->name));
      continue;
    }
    const auto copies = copier.store().List();
    if (!copies.ok()) return Fail(console, kFailed, copies.error());
    console.out << destination->name << ": " << copies->size() << " backups\n";
  }
  return exit_code;
}

int RunBackupFetch(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto offsite = Prepare(flags, tools);
  if (!offsite.ok()) return Fail(console, kUsage, offsite.error());
  const auto destination = ChooseDestination(*offsite->target.cluster, flags.destination);
  if (!destination.ok()) return Fail(console, kUsage, destination.error());
  std::string id = flags.id;
  if (id == "latest") {
    const offsite::DestinationStore store(tools.files(), offsite->source.directory,
                                          (*destination)->name);
    const auto copies = store.List();
    if (!copies.ok()) return Fail(console, kFailed, copies.error());
    if (copies->empty()) {
      return Fail(console, kFailed,
                  Status(Code::kNotFound, "no copy is known to be at " + (*destination)->name +
                                              "; `backup rebuild` asks it"));
    }
    id = copies->front().id;
  }
  if (!backup::IsId(id)) {
    return Fail(console, kUsage, Status(Code::kInvalidArgument, "that is no id of a backup"));
  }
  const auto fetched = offsite::FetchBackup(offsite->source, id, **destination, flags.identity,
                                            tools.ForCopies(), offsite->deadline);
  if (!fetched.ok()) return Fail(console, kFailed, fetched.error());
  console.out << (offsite->source.directory / fetched->file).string() << "\n";
  return kSuccess;
}

int RunBackupRebuild(Console& console, const Flags& flags) {
  BackupTools tools(console);
  const auto offsite = Prepare(flags, tools);
  if (!offsite.ok()) return Fail(console, kUsage, offsite.error());
  const auto destination = ChooseDestination(*offsite->target.cluster, flags.destination);
  if (!destination.ok()) return Fail(console, kUsage, destination.error());
  const auto rebuilt =
      offsite::RebuildStore(offsite->source, **destination, tools.ForCopies(), offsite->deadline);
  if (!rebuilt.ok()) return Fail(console, kFailed, rebuilt.error());
  console.out << (*destination)->name << ": " << rebuilt->found << " backups, "
              << rebuilt->learnt.size() << " of them new, " << rebuilt->forgotten.size()
              << " gone\n";
  for (const std::string& complaint : rebuilt->complaints) {
    Fail(console, kFailed, Status(Code::kDataLoss, complaint));
  }
  return rebuilt->complaints.empty() ? kSuccess : kFailed;
}

void DeclareCommon(CLI::App& app, Flags& flags, const char* destination_help) {
  flags.target.Declare(app);
  app.add_option("--destination", flags.destination, destination_help)->type_name("NAME");
  app.add_option("--command-timeout", flags.timeout, "How long the command may take")
      ->capture_default_str();
}

}  // namespace

Run DeclareBackupCopy(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  DeclareCommon(app, *flags, "Only to this destination");
  app.footer(
      "Copies what the destinations do not have yet, as the daemon does after each backup. Each\n"
      "copy is proven as the configuration says.");
  return [flags](Console& console) { return RunBackupCopy(console, *flags); };
}

Run DeclareBackupFetch(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("id", flags->id, "The backup, or \"latest\"")->required()->type_name("ID");
  DeclareCommon(app, *flags, "From there; needed if there are several");
  app.add_option("--identity", flags->identity,
                 "The age private key that opens encrypted copies; it is not kept")
      ->type_name("FILE");
  app.footer(
      "Downloads, opens and verifies a copy and puts it back into the catalogue, where retention\n"
      "leaves it alone for 7 days.");
  return [flags](Console& console) { return RunBackupFetch(console, *flags); };
}

Run DeclareBackupRebuild(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  DeclareCommon(app, *flags, "Of this destination; needed if there are several");
  app.footer(
      "Asks the destination what it has, on a new machine for example, and remembers it;\n"
      "`backup list --destination` shows it and `backup fetch` brings it back.");
  return [flags](Console& console) { return RunBackupRebuild(console, *flags); };
}

}  // namespace warden::cli
