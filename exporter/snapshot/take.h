// One snapshot: choose the member, receive its database, and ask the others whether it is theirs.
#pragma once

#include "exporter/snapshot/receive.h"

namespace warden::snapshot {

// Receives from the best member of the cluster into the new file `path`, as Receive does, then asks
// the voters to attest it. A member whose stream fails, stalls or takes longer than
// StreamTimeLimit, whose database is damaged, or whose data the voters contradict is left for the
// next best, up to three; a failure to write, a refusal of our credentials and the deadline end it
// at once. If the voters contradict the last one, it is taken all the same: whether it is kept is
// the caller's affair. The caller renames the file and syncs its directory.
TakeOutcome Take(const Tools& tools, const Files::Path& path, const Deadline& deadline);

// The same from this member and no other.
TakeOutcome TakeFrom(const Tools& tools, const Source& source, const Files::Path& path,
                     const Deadline& deadline);

// The members to take from, the best first: RankSources of a fresh view, those behind the newest
// backup last. kUnavailable with each endpoint's own reason if there is none, kFailedPrecondition
// if they belong to another cluster than `tools.cluster_id`.
Result<std::vector<Source>> FindSources(const Tools& tools, const Deadline& deadline);

// What is wrong with a member as the source of a snapshot; empty for a healthy one. Each is a note.
std::vector<std::string> FlawsOf(const Tools& tools, const Source& source);

}  // namespace warden::snapshot
