// A restore rehearsed: a backup becomes a data directory in scratch space, a real etcd is started
// on it, and what that answers is compared with the backup. Everything is removed in the end, but
// for the receipt.
//
// The steps, in their order; a receipt names them so:
//   choose            the backup
//   space             room for all of it that leaves enough for the next backup
//   fetch             a copy from its destination (only then)
//   verify            levels 0 to 2, and the digest of the manifest
//   write             the data directory of a cluster of one, for the etcd that is found for it
//   verify-directory  what was written, to the last byte
//   start             the etcd, and its first linearizable read: the time to restore ends here
//   hash              HashKV at the backup's revision is what the file says
//   keys              as many keys and leases as in the file
//   samples           keys from everywhere in it, byte by byte
//   probe             the user's own program (only if there is one)
//   stop              the etcd
//   remove            what was made
// Without an etcd that could run it, `start` to `stop` are left out, and the drill did not succeed.
//
// It never asks or changes the live cluster. The restored etcd listens on sockets in a directory
// that only its owner may enter, has no user names (authentication is turned off in the copy), one
// processor, and the lowest priorities.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/log.h"
#include "exporter/base/result.h"
#include "exporter/config/backup_config.h"
#include "exporter/metrics/instruments.h"
#include "exporter/restore/drill_etcd.h"
#include "exporter/restore/drill_receipt.h"

namespace warden::restore {

struct DrillRequest {
  std::string cluster;          // the configured name
  config::BackupConfig backup;  // whose directory and destinations are looked at
  config::DrillConfig drill;    // backup.drill, or what the command line made of it
  metrics::Trigger trigger = metrics::Trigger::kManual;  // or kSchedule
  // By hand: an id, or "latest", the newest good one. With a schedule it is empty, and the rota of
  // drill_choice.h decides.
  std::string backup_id;
  std::string destination;  // by hand: a copy from there; empty: from the catalogue
};

// All outlive the drill.
struct DrillTools {
  Files& files;
  const Clock& clock;
  Logger& log;
  // Told of each step when it is over, on the calling thread; may be empty.
  std::function<void(const DrillStep&)> on_step;
  EtcdStarter start = StartEtcd;  // another one in tests only
};

// Runs one drill to its end or to the time-out of its configuration, whichever is first, and saves
// its receipt. Whatever goes wrong is in the receipt. Fails only if there was no drill:
// kFailedPrecondition while another one of the cluster runs, kCancelled if it was stopped from
// outside (nothing is written down then, and everything is removed), or what the directory of
// receipts says. A backup that proves damaged is put into quarantine, unless it was a copy. Logged
// is only what is found of earlier drills: what came of this one is told by whoever asked for it.
Result<DrillReceipt> RunDrill(const DrillRequest& request, const DrillTools& tools,
                              const std::stop_token& stop);

}  // namespace warden::restore
