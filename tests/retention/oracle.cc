#include "tests/retention/oracle.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <set>
#include <utility>

#include "exporter/base/text.h"

namespace warden::retention {
namespace {

using backup::Candidate;
using config::RetentionRule;
using Reasons = std::vector<std::string>;

constexpr std::array<const char*, 5> kPeriods = {"hourly", "daily", "weekly", "monthly", "yearly"};
constexpr std::array<const char*, 5> kFormats = {"%Y-%m-%d %H:00", "%Y-%m-%d", "%G-W%V", "%Y-%m",
                                                 "%Y"};

// The C library's zone while this lives.
class LocalZone {
 public:
  explicit LocalZone(const std::string& name) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    // A path is looked up as it is; a bare "UTC" would do without the database.
    Set(name == "UTC" ? "UTC0" : ":" + name);
  }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;
  ~LocalZone() { Set(before_); }

 private:
  static void Set(const std::string& zone) {
    if (zone.empty()) {
      unsetenv("TZ");
    } else {
      setenv("TZ", zone.c_str(), 1);
    }
    tzset();
  }
  std::string before_;
};

std::string NameOfPeriod(WallTime time, std::size_t period) {
  const std::time_t seconds = std::chrono::floor<Seconds>(time).time_since_epoch().count();
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), kFormats[period], &local);
  std::string name = text.data();
  if (period == 0) {
    std::strftime(text.data(), text.size(), " %z", &local);
    name += std::string(text.data()).insert(4, ":");
  }
  return name;
}

bool IsNewer(const Candidate& a, const Candidate& b) {
  return a.created != b.created ? a.created > b.created : a.id > b.id;
}

std::string Of(std::size_t number, int count) {
  return std::to_string(number) + " of " + std::to_string(count);
}

// A verified backup that takes part, and its peers: those of its class that do as well.
struct Peer {
  const Candidate* backup = nullptr;
  std::array<std::string, 5> periods;
  bool always = false;
};
using Peers = std::vector<Peer>;

template <typename Is>
std::size_t CountNewer(const Peers& peers, const Peer& than, const Is& is) {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers, [&](const Peer& peer) { return IsNewer(*peer.backup, *than.backup) && is(peer); }));
}

std::size_t Rank(const Peers& peers, const Peer& one) {
  return CountNewer(peers, one, [](const Peer&) { return true; });
}

void AddPeriod(const Peers& peers, const Peer& one, std::size_t period, int count,
               Reasons& reasons) {
  const auto name = [period](const Peer& peer) -> const std::string& {
    return peer.periods[period];
  };
  std::set<std::string_view> newer;
  std::set<std::string_view> all;
  bool is_oldest = true;
  for (const Peer& peer : peers) {
    all.insert(name(peer));
    if (IsNewer(*peer.backup, *one.backup)) newer.insert(name(peer));
    is_oldest = is_oldest && !IsNewer(*one.backup, *peer.backup);
  }
  if (!newer.contains(name(one))) {
    if (std::cmp_less(newer.size(), count)) {
      reasons.push_back("newest of " + name(one) + " (" + kPeriods[period] + " " +
                        Of(newer.size() + 1, count) + ")");
    }
  } else if (is_oldest && std::cmp_less(all.size(), count)) {
    reasons.push_back(std::string("oldest (") + kPeriods[period] + " " + Of(all.size(), count) +
                      ")");
  }
}

Reasons AskNumbers(const RetentionRule& rule, const Peers& peers, const Peer& one) {
  const std::array<int, 5> counts = {rule.hourly, rule.daily, rule.weekly, rule.monthly,
                                     rule.yearly};
  if (rule.keep_last == 0 && rule.keep_within == Seconds(0) && counts == std::array<int, 5>{}) {
    return {"all are kept that fit"};
  }
  Reasons reasons;
  const std::size_t rank = Rank(peers, one);
  if (std::cmp_less(rank, rule.keep_last)) {
    reasons.push_back("last " + Of(rank + 1, rule.keep_last));
  }
  if (rule.keep_within > Seconds(0)) {
    WallTime newest = one.backup->created;
    for (const Peer& peer : peers) newest = std::max(newest, peer.backup->created);
    const auto is_before = [&](const Peer& peer) {
      return peer.backup->created < newest - rule.keep_within;
    };
    const std::string length = FormatDuration(rule.keep_within);
    if (!is_before(one)) {
      reasons.push_back("within " + length + " of the newest");
    } else if (CountNewer(peers, one, is_before) == 0) {
      reasons.push_back("newest from before the last " + length);
    }
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) AddPeriod(peers, one, i, counts[i], reasons);
  }
  return reasons;
}

// Of those that the numbers keep or that stay anyway: do this one and all newer ones fit?
bool Fits(const RetentionRule& rule, const Peers& peers, const std::vector<Reasons>& reasons,
          const Peer& one) {
  if (rule.max_bytes == 0 || one.always || Rank(peers, one) == 0) return true;
  std::uint64_t left = rule.max_bytes;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Peer& peer = peers[i];
    if (IsNewer(*one.backup, *peer.backup)) continue;
    if (reasons[i].empty() && !peer.always && Rank(peers, peer) > 0) continue;
    if (peer.backup->size_bytes > left) return false;
    left -= peer.backup->size_bytes;
  }
  return true;
}

bool HasOwnRule(const History& history, const std::string& backup_class) {
  return std::ranges::count(history.retention.rules, backup_class, &RetentionRule::backup_class) >
         0;
}

bool Applies(const History& history, const RetentionRule& rule, const std::string& backup_class) {
  return rule.backup_class == backup_class ||
         (rule.backup_class.empty() && !HasOwnRule(history, backup_class));
}

bool HasRule(const History& history, const Candidate& backup) {
  return std::ranges::any_of(history.retention.rules, [&](const RetentionRule& rule) {
    return Applies(history, rule, backup.backup_class);
  });
}

std::string ReasonAgainstTakingPart(const History& history, const Candidate& backup) {
  if (backup.pinned) return "pinned";
  if (backup.created > history.now) {
    return "created in the future, at " + FormatTime(backup.created) + ": a clock was wrong";
  }
  if (!backup.quarantined && !backup.verified) return "not verified, so no rule applies";
  if (backup.quarantined && !HasRule(history, backup)) {
    return "no rule for class " + backup.backup_class;
  }
  return "";
}

void JudgeClass(const History& history, const Peers& peers, std::map<std::string, Reasons>& all) {
  const int minimum = std::max(history.retention.keep_verified_min, 1);
  for (const Peer& peer : peers) {
    Reasons& reasons = all[peer.backup->id];
    if (peer.always && minimum == 1) reasons.push_back("the newest verified");
    if (peer.always && minimum > 1) {
      reasons.push_back("one of the " + std::to_string(minimum) + " newest verified");
    }
    if (!HasRule(history, *peer.backup)) {
      reasons.push_back("no rule for class " + peer.backup->backup_class);
    }
  }
  for (const RetentionRule& rule : history.retention.rules) {
    if (!Applies(history, rule, peers.front().backup->backup_class)) continue;
    std::vector<Reasons> asked;
    for (const Peer& peer : peers) asked.push_back(AskNumbers(rule, peers, peer));
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (!Fits(rule, peers, asked, peers[i])) continue;
      std::ranges::copy(asked[i], std::back_inserter(all[peers[i].backup->id]));
    }
  }
}

}  // namespace

std::map<std::string, Reasons> ReasonsToKeep(const History& history) {
  const LocalZone zone(history.retention.time_zone.name());
  std::map<std::string, Reasons> reasons;
  Peers verified;
  Peers quarantined;
  for (const Candidate& backup : history.backups) {
    if (std::string why = ReasonAgainstTakingPart(history, backup); !why.empty()) {
      reasons[backup.id] = {std::move(why)};
      continue;
    }
    Peer peer{.backup = &backup};
    for (std::size_t i = 0; i < kPeriods.size(); ++i) {
      peer.periods[i] = NameOfPeriod(backup.created, i);
    }
    (backup.quarantined ? quarantined : verified).push_back(std::move(peer));
  }
  for (Peer& peer : verified) {
    peer.always =
        std::cmp_less(Rank(verified, peer), std::max(history.retention.keep_verified_min, 1));
  }
  std::map<std::string, Peers> classes;
  for (const Peer& peer : verified) classes[peer.backup->backup_class].push_back(peer);
  for (const auto& [name, peers] : classes) JudgeClass(history, peers, reasons);
  for (const Peer& peer : quarantined) {
    const std::size_t rank = Rank(quarantined, peer);
    const int count = history.retention.keep_quarantined;
    reasons[peer.backup->id] = {};
    if (std::cmp_less(rank, count)) {
      reasons[peer.backup->id].push_back("in quarantine, newest " + Of(rank + 1, count));
    }
  }
  return reasons;
}

}  // namespace warden::retention
