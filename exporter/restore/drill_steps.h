// What a drill does, step by step; drill.h says what each one is for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/restore/data_directory.h"
#include "exporter/restore/drill.h"
#include "exporter/restore/drill_choice.h"
#include "exporter/restore/drill_scratch.h"

namespace warden::restore {

// One drill. For one thread; each step once, in order, up to the first that fails.
class DrillSteps {
 public:
  // What it found, in a few words; nullopt: there was nothing to do.
  using Found = std::optional<std::string>;
  struct Step {
    std::string_view name;
    Result<Found> (DrillSteps::*run)();
    // Data that is lost here is the backup's own.
    bool proves_backup = false;
  };
  static std::span<const Step> All();

  // All are there for as long as this is. The steps fill in the receipt.
  DrillSteps(const DrillRequest& request, const DrillTools& tools, const DrillStore& store,
             const Deadline& deadline, DrillReceipt& receipt)
      : request_(request), tools_(tools), store_(store), deadline_(deadline), receipt_(receipt) {}

  // What etcd and the probe have said, for whoever looks into a failure.
  std::string Evidence() const;
  // Ends the etcd and removes what was made, whatever step it came to. Not bound by the deadline.
  Status CleanUp();

 private:
  Result<Found> Choose();
  Result<Found> FindSpace();
  Result<Found> Fetch();
  Result<Found> Verify();
  Result<Found> Write();
  Result<Found> VerifyWritten();
  Result<Found> Start();
  Result<Found> CompareHash();
  Result<Found> CompareCounts();
  Result<Found> CompareSamples();
  Result<Found> Probe();
  Result<Found> Stop();
  Result<Found> Remove();

  Result<ChosenBackup> ChooseBackup();
  std::vector<DestinationCopies> Destinations();
  Result<DestinationCopies> CopiesOf(const std::string& destination);
  const config::DestinationConfig* FindDestination(const std::string& name) const;
  Status OpenFile(std::uint64_t database_bytes);
  Status ChooseProgram();
  Nanoseconds Since(SteadyTime time) const { return tools_.clock.Steady() - time; }
  SnapshotFile Snapshot() const { return {.file = *file_, .database_bytes = database_bytes_}; }
  const mvcc::Contents& contents() const { return inspection_->contents; }

  const DrillRequest& request_;
  const DrillTools& tools_;
  const DrillStore& store_;
  const Deadline& deadline_;
  DrillReceipt& receipt_;

  ChosenBackup chosen_;
  std::optional<DrillScratch> scratch_;
  Files::Path path_;  // of the snapshot
  std::unique_ptr<ReadableFile> file_;
  std::uint64_t database_bytes_ = 0;
  std::optional<mvcc::Inspection> inspection_;
  std::optional<mvcc::KeySpace> keys_;
  Result<EtcdProgram> program_ = Status(Code::kUnknown, "not looked for");
  DirectoryOptions options_;
  SteadyTime began_to_restore_{};
  SteadyTime etcd_started_{};
  std::unique_ptr<RestoredEtcd> etcd_;
  std::string probe_output_;
};

}  // namespace warden::restore
