// What has to be so on a member's machine before its data directory is replaced. Nothing is
// changed, but for a file that is made and removed to see that one can be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/files.h"
#include "exporter/base/resolver.h"
#include "exporter/base/result.h"
#include "exporter/restore/journal.h"
#include "exporter/restore/plan.h"

namespace warden::restore {

struct PreflightCheck {
  std::string name;   // "space", "owner", ...
  std::string found;  // in a few words, also if it failed
  Status status;      // why it did
  bool can_be_ignored = false;
};

struct Preflight {
  std::vector<PreflightCheck> checks;
  // The failure of the first check that is not among `ignored`; success if there is none. One that
  // cannot be ignored fails whatever is asked for.
  Status Verdict(const std::vector<std::string>& ignored) const;
};

// Names of the checks that may be ignored, for --ignore.
inline constexpr std::string_view kOtherCluster = "cluster";
inline constexpr std::string_view kPeersDown = "peers-down";
bool CanBeIgnored(std::string_view check);

// Where the old data is, as it is found.
struct OldData {
  bool is_there = false;  // the data directory, empty or not
  bool inside = false;    // it is a mount point, which cannot be renamed
  bool wal_is_there = false;
  bool wal_inside = false;
  FileOwner owner;  // whose the new data is to be
};
// kInvalidArgument if something else than a directory stands there.
Result<OldData> FindOldData(Files& files, const MemberPlace& place);

// All that the writing needs: room, rights, that the directory is the same cluster's.
Preflight CheckBeforeWriting(Files& files, const Plan& plan, const MemberPlace& place,
                             const OldData& old, const FileOwner& owner);

// That the etcd of this member is down: nobody holds the database, nobody listens at its peer URLs.
struct PeerTools {
  Files& files;
  Resolver& resolver;
  const Clock& clock;
  std::stop_token stop;
};
Status CheckIsDown(const Plan& plan, const std::string& member, const Files::Path& data_dir,
                   const PeerTools& tools);

// Which peer URLs are answered by somebody: those of the snapshot's members and of the plan's,
// without those of `except`, a member of the plan ("" for none). What cannot be resolved answers
// nobody.
std::vector<std::string> FindListeners(const Plan& plan, const std::string& except,
                                       const PeerTools& tools);

}  // namespace warden::restore
