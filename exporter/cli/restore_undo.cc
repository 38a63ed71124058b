#include <algorithm>
#include <memory>
#include <ostream>
#include <string>

#include "exporter/base/interruption.h"
#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/restore_kubeadm.h"
#include "exporter/restore/run.h"

namespace warden::cli {
namespace {

struct Flags {
  KubeadmFlags kubeadm;
  std::string data_dir = "/var/lib/etcd";
  std::string id;
};

Files::Path DataDir(const Flags& flags) {
  const Files::Path absolute = std::filesystem::absolute(flags.data_dir).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

// The newest restore that is not undone, or the one that is named.
Result<restore::Journal> Choose(const std::vector<restore::Journal>& journals, const Flags& flags) {
  // What is not over goes first, then what was done last: one restore lies upon the other.
  const restore::Journal* found = nullptr;
  for (const restore::Journal& journal : journals) {
    if (journal.state == restore::RunState::kUndone) continue;
    if (found == nullptr || (found->is_over() && !journal.is_over())) found = &journal;
  }
  if (found == nullptr) {
    return Status(Code::kNotFound, "no restore of " + flags.data_dir + " is to be undone");
  }
  if (flags.id.empty() || flags.id == found->id) return *found;
  return Status(Code::kFailedPrecondition, "restore " + flags.id + " is not the last one; " +
                                               found->id + " is, and has to be undone first");
}

// A kill may have come when the data was back and the manifests were not: the journal says undone
// then, and its procedure is not. Does nothing where nothing is left.
Status EndProcedures(std::vector<restore::Journal>& journals, const Flags& flags,
                     const restore::RunTools& tools) {
  for (restore::Journal& journal : journals) {
    if (journal.state != restore::RunState::kUndone || journal.procedure.is_null()) continue;
    WARDEN_RETURN_IF_ERROR(UndoRestoreKubeadm(flags.kubeadm, journal, tools));
  }
  return {};
}

int RunRestoreUndo(Console& console, const Flags& flags) {
  const Interruption interruption;
  PosixFiles files;
  const SystemClock clock;
  SystemResolver resolver(clock);
  const restore::RunTools tools{
      .files = files,
      .clock = clock,
      .resolver = resolver,
      .say = [&](const std::string& line) { console.out << line << std::endl; },
      .stop = interruption.token(),
      .progress = {}};
  const auto lock = restore::LockRuns(files, DataDir(flags));
  if (!lock.ok()) return Fail(console, kFailed, lock.error());
  Result<std::vector<restore::Journal>> journals = restore::FindJournals(files, DataDir(flags));
  if (!journals.ok()) return Fail(console, kFailed, journals.error());
  if (const Status ended = EndProcedures(*journals, flags, tools); !ended.ok()) {
    return Fail(console, kFailed, ended);
  }
  Result<restore::Journal> journal = Choose(*journals, flags);
  if (!journal.ok()) return Fail(console, kFailed, journal.error());
  const Status undone = journal->procedure.is_null()
                            ? restore::Undo(*journal, tools)
                            : UndoRestoreKubeadm(flags.kubeadm, *journal, tools);
  if (!undone.ok()) return Fail(console, kFailed, undone);
  console.out << "restore " << journal->id << " of member " << journal->member
              << " is undone: " << journal->data_dir.string() << " is what it was before\n";
  return kSuccess;
}

}  // namespace

Run DeclareRestoreUndo(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--data-dir", flags->data_dir, "The data directory that was restored")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--id", flags->id, "The restore, as its journal names it; the last if not given")
      ->type_name("ID");
  flags->kubeadm.DeclareForUndo(app);
  app.footer(
      "Puts back the data directory that was there before the last restore. What was restored "
      "stays\n"
      "beside it, as DIR.restore-ID. The etcd must be down.");
  return [flags](Console& console) { return RunRestoreUndo(console, *flags); };
}

}  // namespace warden::cli
