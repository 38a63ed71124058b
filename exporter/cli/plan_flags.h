// The flags from which a restore is planned, for `restore plan`, and for `restore run` of a cluster
// of one member without a plan in a file.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/cli/command.h"
#include "exporter/restore/plan.h"

namespace warden::cli {

class PlanFlags {
 public:
  // The object outlives the parsing.
  void Declare(CLI::App& app);
  // Whether a snapshot is named.
  bool given() const { return !snapshot_.empty(); }
  // kInvalidArgument names a flag that was given although there is a plan.
  Status CheckUnused() const;
  // Verifies the snapshot, showing how far it has come. kInvalidArgument is about the flags.
  Result<restore::Plan> Make(Console& console, Files& files, const Clock& clock) const;

 private:
  struct Source;
  Result<Source> FindSource(Files& files) const;
  Result<restore::Plan> MakeFrom(Files& files, const Source& source, Console& console,
                                 const Clock& clock) const;

  const CLI::App* app_ = nullptr;
  std::string snapshot_;
  std::string config_file_;
  std::string cluster_;
  std::string initial_cluster_;
  std::string initial_cluster_file_;
  std::string token_;
  std::string etcd_version_;
  std::vector<std::string> data_dirs_;
  std::vector<std::string> wal_dirs_;
  std::string bump_ = "as-needed";
  bool mark_compacted_ = false;
  std::int64_t highest_revision_ = 0;
  std::string profile_ = "auto";
  bool keep_alarms_ = false;
  std::string quota_ = "2GiB";
};

// Of a file that `restore plan` wrote.
Result<restore::Plan> LoadPlan(Files& files, const Files::Path& path);

}  // namespace warden::cli
