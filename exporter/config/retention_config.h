// How long the backups of a cluster, or their copies at a destination, stay.
// backup/retention.h decides by it and says what each number means to the backup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/config/time_zone.h"

namespace warden::config {

// What is kept of one class of backups; each number keeps what it keeps, whatever the others say.
struct RetentionRule {
  std::string backup_class;  // empty: every class without a rule of its own, each by itself
  int keep_last = 0;         // the newest backups
  // Those not older than this before the newest one (not before now, so that a clock that jumps
  // ahead removes nothing), and the newest one that is older.
  Seconds keep_within{0};
  // The newest backup of each hour (day, ...), for as many hours as have one. Until there are that
  // many, the oldest backup stays as well.
  int hourly = 0;
  int daily = 0;
  int weekly = 0;  // ISO weeks, which begin on Monday
  int monthly = 0;
  int yearly = 0;
  // The oldest of what the above keep go until the class fits into this; 0: no limit.
  std::uint64_t max_bytes = 0;

  // Whether any number but max_bytes says what is kept; if none does, all are kept up to max_bytes.
  bool KeepsSome() const {
    return keep_last > 0 || keep_within > Seconds(0) || hourly > 0 || daily > 0 || weekly > 0 ||
           monthly > 0 || yearly > 0;
  }
  // Whether it says nothing at all: the configuration refuses such a rule.
  bool KeepsNothing() const { return !KeepsSome() && max_bytes == 0; }

  friend bool operator==(const RetentionRule&, const RetentionRule&) = default;
};

struct RetentionConfig {
  std::vector<RetentionRule> rules;  // a class without a rule is kept for ever
  // This many of the newest verified backups of all classes stay, whatever the rules say; at
  // least 1.
  int keep_verified_min = 2;
  int keep_quarantined = 5;  // so many of the newest in quarantine stay as evidence
  TimeZone time_zone;        // in which hours, days, weeks, months and years begin

  friend bool operator==(const RetentionConfig&, const RetentionConfig&) = default;
};

}  // namespace warden::config
