// What the fault loops share: the faults, and a catalogue with backups from before.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "tests/backup/backups.h"
#include "tests/support/faulty_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/recording_logger.h"

namespace warden::backup {

using Ids = std::vector<std::string>;

// One operation fails, or it and all that follow, as if the process had ended there; then the
// machine may lose power, and the disk keeps what it keeps of the changes that were not synced.
struct Fault {
  std::string name;
  Code code = Code::kResourceExhausted;
  bool ends_the_process = false;
  std::function<bool(std::size_t)> survives;  // null: the power stays
};

inline std::vector<Fault> AllFaults() {
  std::vector<Fault> faults = {{.name = "ENOSPC"}, {.name = "EIO", .code = Code::kUnknown}};
  faults.push_back({.name = "killed", .code = Code::kUnknown, .ends_the_process = true});
  const auto cut = [&](const std::string& kept, const std::function<bool(std::size_t)>& survives) {
    faults.push_back({"power cut, " + kept + " survives", Code::kUnknown, true, survives});
    faults.push_back(
        {"EIO, then a power cut, " + kept + " survives", Code::kUnknown, false, survives});
  };
  cut("nothing", [](std::size_t) { return false; });
  cut("everything", [](std::size_t) { return true; });
  cut("every other", [](std::size_t i) { return i % 2 == 0; });
  cut("every other from the second", [](std::size_t i) { return i % 2 == 1; });
  for (std::size_t count = 1; count <= 3; ++count) {
    cut("the first " + std::to_string(count), [count](std::size_t i) { return i < count; });
    cut("all but the first " + std::to_string(count),
        [count](std::size_t i) { return i >= count; });
  }
  return faults;
}

inline bool Writes(testing::FileOperation operation) {
  using testing::FileOperation;
  return operation == FileOperation::kCreate || operation == FileOperation::kAppend ||
         operation == FileOperation::kSync || operation == FileOperation::kClose ||
         operation == FileOperation::kRename || operation == FileOperation::kSyncDirectory ||
         operation == FileOperation::kMakeDirectories;
}

// Hits every operation of `act` in turn, on a disk of its own that `prepare` has filled, until none
// is left to hit. `check` looks at the disk afterwards; `ok` is what `act` said.
struct FaultLoop {
  std::function<void(Files&)> prepare;
  std::function<Status(Files&)> act;
  std::function<void(Files&, bool ok, const std::string& when)> check;

  // Every fault; returns how many operations there were at the least.
  int RunAll() const {
    int least = std::numeric_limits<int>::max();
    for (const Fault& fault : AllFaults()) least = std::min(least, Run(fault));
    return least;
  }
  int Run(const Fault& fault) const {
    for (int n = 1;; ++n) {
      testing::MemoryFiles disk;
      prepare(disk);
      testing::FaultyFiles faulty(disk, fault.code);
      faulty.FailWhere([&, left = n](testing::FileOperation operation, const Files::Path&) mutable {
        // A full disk can be read.
        if (fault.code == Code::kResourceExhausted && !Writes(operation)) return false;
        return --left == 0 || (fault.ends_the_process && left < 0);
      });
      const Status status = act(faulty);
      if (fault.survives) disk.CutPower(fault.survives);
      check(disk, status.ok(),
            fault.name + " at operation " + std::to_string(n) + " (" + status.message() + ")");
      if (!faulty.failed() || ::testing::Test::HasFatalFailure()) return n - 1;
    }
  }
};

// A verified backup, the greater n the newer, and all of them older than the tests' clock.
inline Manifest StoreVerified(Files& files, const Files::Path& directory, int n) {
  const std::string file = SnapshotFile(static_cast<std::uint32_t>(n), 1024);
  Manifest manifest = MakeManifest(MakeId(kNow - std::chrono::hours(100 - n), 7), file);
  manifest.created = kNow - std::chrono::hours(100 - n);
  manifest.backup_class = config::kManualClass;
  manifest.verification_level = 2;
  manifest.revision = 4000 + n;
  EXPECT_TRUE(files.MakeDirectories(directory).ok());
  EXPECT_TRUE(WriteSynced(files, directory / manifest.file, file).ok());
  EXPECT_TRUE(files.SyncDirectory(directory).ok());
  EXPECT_TRUE(WriteManifest(files, directory, manifest).ok());
  return manifest;
}

// Opens the catalogue, as the next start does, and looks at all that is there then: what is listed
// is whole, nothing is damaged, and nothing is left over. Returns what is listed, newest first.
inline Ids OpenAndLookAround(Files& files, const Files::Path& directory, const std::string& when) {
  testing::RecordingLogger log;
  const Result<Catalogue> catalogue = Catalogue::Open(files, directory, log);
  EXPECT_TRUE(catalogue.ok()) << when << ": " << catalogue.status().message();
  const Result<Listing> listing = ListBackups(files, directory);
  if (!listing.ok()) return {};
  for (const Stranger& stranger : listing->strangers) {
    // What stands for a file that is being replaced is neither lost nor in the way.
    if (stranger.name.ends_with(kPartialSuffix)) continue;
    ADD_FAILURE() << when << ": " << stranger.name << ": " << stranger.reason;
  }
  const std::vector<DirectoryEntry> entries = *files.List(directory);
  for (const DirectoryEntry& entry : entries) {
    const bool left = entry.name.find(".db.partial") != std::string::npos ||
                      entry.name.find(kDeletedSuffix) != std::string::npos;
    EXPECT_FALSE(left) << when << ": left " << entry.name;
  }
  return WholeBackups(files, directory);
}

inline bool Has(const Ids& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace warden::backup
