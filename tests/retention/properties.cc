#include "tests/retention/properties.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "exporter/base/text.h"
#include "tests/retention/oracle.h"

namespace warden::retention {
namespace {

using backup::Candidate;
using backup::Decision;
using config::RetentionConfig;
using config::RetentionRule;
using Ids = std::set<std::string>;

std::vector<Decision> Decide(const History& history) {
  return DecideRetention(history.backups, history.retention, history.now);
}

Ids Kept(const History& history) {
  Ids kept;
  for (const Decision& decision : Decide(history)) {
    if (decision.keep) kept.insert(decision.id);
  }
  return kept;
}

bool IsSubset(const Ids& part, const Ids& whole) {
  return std::ranges::includes(whole, part);
}

// "newest of 2026-W48 (weekly 3 of 4)" is of the kind "newest of (weekly)".
std::string KindOf(std::string_view reason) {
  static constexpr std::string_view kKinds[] = {"pinned",
                                                "created in the future",
                                                "not verified",
                                                "no rule for class",
                                                "in quarantine, newest",
                                                "in quarantine, and",
                                                "the newest verified",
                                                "one of the",
                                                "last ",
                                                "within ",
                                                "newest from before",
                                                "all are kept that fit",
                                                "not kept by any rule",
                                                "exceeds the "};
  for (const std::string_view kind : kKinds) {
    if (reason.starts_with(kind)) return std::string(Trim(kind));
  }
  const std::string_view what = reason.starts_with("oldest") ? "oldest" : "newest of";
  for (const std::string_view period : {"hourly", "daily", "weekly", "monthly", "yearly"}) {
    const std::string inside = "(" + std::string(period) + " ";
    if (reason.find(inside) == std::string_view::npos) continue;
    return std::string(what) + " (" + std::string(period) + ")";
  }
  return "unknown: " + std::string(reason);
}

void Count(const std::vector<Decision>& decisions, Tally& tally) {
  for (const Decision& decision : decisions) {
    ++tally[decision.keep ? "kept" : "deleted"];
    if (!decision.keep) {
      ++tally[KindOf(decision.reason)];
      continue;
    }
    for (std::string_view rest = decision.reason; !rest.empty();) {
      const std::size_t end = std::min(rest.find("; "), rest.size());
      ++tally[KindOf(rest.substr(0, end))];
      rest.remove_prefix(std::min(end + 2, rest.size()));
    }
  }
}

std::string CheckOracle(const History& history, const std::vector<Decision>& decisions) {
  const auto expected = ReasonsToKeep(history);
  if (decisions.size() != history.backups.size()) return "not one decision each";
  for (const Decision& decision : decisions) {
    const auto found = expected.find(decision.id);
    if (found == expected.end()) return decision.id + " is decided and not there";
    const std::string reasons = Join(found->second, "; ");
    if (decision.keep ? decision.reason == reasons : reasons.empty()) continue;
    return decision.id + ": the oracle says '" + reasons + "'";
  }
  return "";
}

// What is promised without regard to any rule.
std::string CheckPromises(const History& history, const Ids& kept) {
  std::vector<const Candidate*> verified;
  for (const Candidate& backup : history.backups) {
    const bool stays = kept.contains(backup.id);
    if (backup.pinned && !stays) return "a pinned one goes: " + backup.id;
    if (backup.created > history.now && !stays) return "one of the future goes: " + backup.id;
    if (!backup.verified && !backup.quarantined && !stays) {
      return "one goes that nobody has verified: " + backup.id;
    }
    if (backup.verified && !backup.quarantined) verified.push_back(&backup);
  }
  std::ranges::sort(verified, [](const Candidate* a, const Candidate* b) {
    return a->created != b->created ? a->created > b->created : a->id > b->id;
  });
  const int minimum = std::max(history.retention.keep_verified_min, 1);
  for (std::size_t i = 0; i < verified.size() && std::cmp_less(i, minimum); ++i) {
    if (kept.contains(verified[i]->id)) continue;
    return verified[i]->id + " goes, number " + std::to_string(i + 1) + " of the newest verified";
  }
  return "";
}

std::string CheckOrder(const History& history, const std::vector<Decision>& decisions, Dice& dice) {
  const auto same = [](const Decision& a, const Decision& b) {
    return a.id == b.id && a.keep == b.keep && a.reason == b.reason;
  };
  History other = history;
  dice.Shuffle(other.backups);
  return std::ranges::equal(Decide(other), decisions, same) ? ""
                                                            : "the order of candidates matters";
}

std::string CheckAgain(const History& history, const Ids& kept) {
  History other = history;
  std::erase_if(other.backups, [&](const Candidate& backup) { return !kept.contains(backup.id); });
  return Kept(other) == kept ? "" : "deciding again about what is left deletes more";
}

// What proves nothing, or is pinned or from the future, pushes nothing out.
std::string CheckNoise(const History& history, const Ids& kept, Dice& dice) {
  History other = history;
  for (int i = dice.Between(1, 6); i > 0; --i) {
    const WallTime any = other.backups.empty() ? other.now : dice.Any(other.backups).created;
    Candidate noise = DrawBackup(dice, any);
    switch (dice.Below(4)) {
      case 0:
        noise.verified = noise.quarantined = false;
        break;
      case 1:
        noise.quarantined = true;
        break;
      case 2:
        noise.pinned = true;
        break;
      default:
        noise.created = history.now + Milliseconds(1);
    }
    other.backups.push_back(std::move(noise));
  }
  const Ids kept_then = Kept(other);
  for (const Candidate& backup : history.backups) {
    if (!backup.quarantined && kept.contains(backup.id) && !kept_then.contains(backup.id)) {
      return backup.id + " is pushed out by what proves nothing";
    }
  }
  return "";
}

// A pin gives its slot back. (A limit of bytes may then meet a larger one in it.)
std::string CheckPin(const History& history, Dice& dice) {
  if (history.backups.empty()) return "";
  History other = history;
  for (RetentionRule& rule : other.retention.rules) rule.max_bytes = 0;
  const Ids kept = Kept(other);
  other.backups[dice.Below(other.backups.size())].pinned = true;
  return IsSubset(kept, Kept(other)) ? "" : "a pin makes another one go";
}

int Larger(Dice& dice, int count) {
  return dice.OneIn(2) ? count : count + dice.Between(1, 3);
}

std::string CheckLarger(const History& history, const Ids& kept, Dice& dice) {
  History other = history;
  for (RetentionRule& rule : other.retention.rules) {
    if (rule.max_bytes > 0) rule.max_bytes += dice.Below(500);
  }
  const Ids kept_of_more_bytes = Kept(other);
  if (!IsSubset(kept, kept_of_more_bytes)) return "more bytes keep less";
  for (RetentionRule& rule : other.retention.rules) rule.max_bytes = 0;
  const Ids kept_of_all_bytes = Kept(other);
  if (!IsSubset(kept_of_more_bytes, kept_of_all_bytes)) return "no limit of bytes keeps less";
  for (RetentionRule& rule : other.retention.rules) {
    // One without a number keeps all, and its first number would restrict it.
    if (!rule.KeepsSome()) continue;
    rule.keep_last = Larger(dice, rule.keep_last);
    rule.keep_within += std::chrono::floor<Seconds>(dice.UpTo(std::chrono::hours(48)));
    rule.hourly = Larger(dice, rule.hourly);
    rule.daily = Larger(dice, rule.daily);
    rule.weekly = Larger(dice, rule.weekly);
    rule.monthly = Larger(dice, rule.monthly);
    rule.yearly = Larger(dice, rule.yearly);
  }
  other.retention.keep_verified_min = Larger(dice, other.retention.keep_verified_min);
  other.retention.keep_quarantined = Larger(dice, other.retention.keep_quarantined);
  return IsSubset(kept_of_all_bytes, Kept(other)) ? "" : "larger numbers keep less";
}

}  // namespace

std::string CheckDecisions(Dice& dice, Tally& tally) {
  const History history = DrawHistory(dice);
  const std::vector<Decision> decisions = Decide(history);
  const Ids kept = Kept(history);
  Count(decisions, tally);
  for (const std::string& wrong : {CheckOracle(history, decisions), CheckPromises(history, kept),
                                   CheckOrder(history, decisions, dice), CheckAgain(history, kept),
                                   CheckNoise(history, kept, dice), CheckPin(history, dice),
                                   CheckLarger(history, kept, dice)}) {
    if (!wrong.empty()) return wrong + "\n" + Describe(history);
  }
  return "";
}

std::string CheckNumber(std::uint64_t seed, std::uint64_t number, Tally& tally) {
  Dice dice(seed, number);
  ++tally["histories"];
  for (const auto check : {CheckDecisions, CheckLife, CheckPruningInSteps}) {
    if (std::string wrong = check(dice, tally); !wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace warden::retention
