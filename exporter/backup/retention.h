// Which backups stay and which go: a decision and nothing else, so that it can be tested with any
// history and shown before it is carried out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/retention_config.h"

namespace warden::backup {

// What retention looks at: what a backup's manifest says of it, never a file's name or time.
struct Candidate {
  std::string id;  // unique; sorts by time
  std::string backup_class;
  WallTime created;
  std::int64_t revision = 0;  // orders nothing: after a restore it may be lower than before
  std::uint64_t size_bytes = 0;
  bool verified = false;  // to level 2 or above, and not in quarantine
  bool quarantined = false;
  bool pinned = false;
};

struct Decision {
  std::string id;
  bool keep = true;
  // For people, one line: "newest of 2026-W48 (weekly 3 of 4)", "pinned"; every reason that keeps a
  // backup, separated by "; ", or why it goes.
  std::string reason;
};

// One decision per candidate, newest first (by `created`, then by id). Pure: whatever the order of
// the candidates, the decisions are the same, and asked again about what it kept, it keeps all.
//
// What is kept and takes part in nothing, so that it uses up no number and no byte of a rule and
// pushes nothing out:
// - a pinned backup;
// - one created after `now`: some clock was wrong, and it is not known which;
// - one that is neither verified nor in quarantine, such as one fetched or rebuilt: whoever
//   verifies it makes it subject to the rules;
// - one that is not verified, of a class without a rule.
//
// What is in quarantine satisfies no rule. The `keep_quarantined` newest of it stay.
//
// All others are verified. The `keep_verified_min` newest of them (at least one) always stay, over
// all classes, also those of classes without a rule. Then each class is asked for by itself, by the
// rule that names it, else by the rule that names none; without either, it stays. A number in a
// rule keeps what it keeps, whatever the others say:
// - keep_last: the newest.
// - keep_within: those not older than that before the newest of the class, and the newest one that
//   is older, so that there is always one from before the window.
// - hourly, daily, weekly, monthly, yearly: the newest of each period, for so many periods that
//   have one; days without a backup do not count. As long as there are fewer, the oldest of the
//   class stays as well, so that a young installation does not lose its oldest. An hour that is
//   repeated when summer time ends is two hours.
// - max_bytes: the oldest of what is kept go until the rest fits. The newest of the class and those
//   that always stay do count, and do not go.
//
// If several rules name the same class, what one of them keeps is kept. A rule without any number
// keeps all. A clock that was years ahead and has been corrected leaves backups from the future,
// which stay until they are deleted by hand. While it is ahead, a backup taken is the newest of its
// class, and keep_within is measured from there: give keep_last or daily beside it.
std::vector<Decision> DecideRetention(std::vector<Candidate> candidates,
                                      const config::RetentionConfig& retention, WallTime now);

}  // namespace warden::backup
