// The command line as a table: one entry and one file per command.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace warden::cli {

// Exit codes: an operation that failed never exits 0.
inline constexpr int kSuccess = 0;
inline constexpr int kFailed = 1;  // the operation failed, or what was asked about is unhealthy
inline constexpr int kUsage = 2;   // wrong flags, a bad configuration, or a start that cannot be

// Where a command writes: results to `out`, everything else to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
};

using Run = std::function<int(Console&)>;

struct Command {
  std::string_view name;  // "snapshot save": the words that choose it
  std::string_view summary;
  // Declares its flags and arguments on `app`; the result runs once they are parsed.
  Run (*declare)(CLI::App& app);
};

Run DeclareBackupCopy(CLI::App& app);
Run DeclareBackupFetch(CLI::App& app);
Run DeclareBackupList(CLI::App& app);
Run DeclareBackupPin(CLI::App& app);
Run DeclareBackupPrune(CLI::App& app);
Run DeclareBackupRebuild(CLI::App& app);
Run DeclareBackupShow(CLI::App& app);
Run DeclareBackupTake(CLI::App& app);
Run DeclareBackupUnpin(CLI::App& app);
Run DeclareBackupVerify(CLI::App& app);
Run DeclareCheckConfig(CLI::App& app);
Run DeclareDrill(CLI::App& app);
Run DeclareHealth(CLI::App& app);
Run DeclareMembers(CLI::App& app);
Run DeclareRestoreCheck(CLI::App& app);
Run DeclareRestorePlan(CLI::App& app);
Run DeclareRestoreRun(CLI::App& app);
Run DeclareRestoreUndo(CLI::App& app);
Run DeclareServe(CLI::App& app);
Run DeclareSnapshotDiff(CLI::App& app);
Run DeclareSnapshotGet(CLI::App& app);
Run DeclareSnapshotKeys(CLI::App& app);
Run DeclareSnapshotSave(CLI::App& app);
Run DeclareSnapshotStatus(CLI::App& app);
Run DeclareSnapshotVerify(CLI::App& app);
Run DeclareStatus(CLI::App& app);
Run DeclareVersion(CLI::App& app);

// The table, ready to parse arguments. CLI11 throws from `app().parse`; main.cc catches.
class Program {
 public:
  Program();
  CLI::App& app() { return root_; }
  // What was wrong with the arguments, given CLI11's own words for it: an unknown command is named.
  std::string Complaint(const std::string& words) const;
  // Runs the command that the parsed arguments chose; returns the exit code.
  int RunChosen(Console& console);

 private:
  CLI::App root_;
  std::vector<std::pair<CLI::App*, Run>> runs_;
};

}  // namespace warden::cli
