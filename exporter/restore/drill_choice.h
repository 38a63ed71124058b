// Which backup a drill is of.
//
// Scheduled drills go round in a rota of four: the newest verified backup, a copy, the newest
// again, and the one whose last drill was longest ago. What there is none of is replaced by the
// newest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"
#include "exporter/restore/drill_receipt.h"

namespace warden::restore {

inline constexpr int kDrillTurns = 4;

struct DestinationCopies {
  std::string destination;
  std::vector<backup::Manifest> copies;  // newest first
};

struct ChosenBackup {
  backup::Manifest backup;  // of a copy: as the destination has it
  std::string destination;  // empty: from the catalogue
  DrillChoice choice = DrillChoice::kNamed;
  int turn = -1;
};

// Of the scheduled drill to come. `receipts` are the newest first. `destinations` are those whose
// copies can be opened. kNotFound: there is no verified backup at all. Pure.
Result<ChosenBackup> ChooseForSchedule(const std::vector<backup::Manifest>& backups,
                                       const std::vector<DrillReceipt>& receipts,
                                       const std::vector<DestinationCopies>& destinations);

// By hand: "latest", the newest verified one, or an id. kNotFound says where it is not. Pure.
Result<ChosenBackup> ChooseNamed(const std::vector<backup::Manifest>& backups,
                                 const std::string& id);
Result<ChosenBackup> ChooseNamedCopy(const DestinationCopies& destination, const std::string& id);

// Whether a scheduled drill may begin with a copy from there: it may be read, not only written to.
// Whether the private key is there to open them is known of each copy.
bool CanDrillFrom(const config::DestinationConfig& destination);
bool CanOpen(const backup::Manifest& copy, const config::DrillConfig& drill);

}  // namespace warden::restore
