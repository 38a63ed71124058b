// Backups are taken and pruned in turns, as the daemon does it.

#include <algorithm>

#include "exporter/base/text.h"
#include "tests/retention/properties.h"

namespace warden::retention {
namespace {

using backup::Candidate;
using backup::Decision;

constexpr std::chrono::hours kYear{365 * 24};

bool IsVerified(const Candidate& backup) {
  return backup.verified && !backup.quarantined;
}

class Life {
 public:
  explicit Life(Dice& dice) : dice_(dice), scale_(DrawScale(dice)) {
    state_.now = DrawStart(dice);
    state_.retention = DrawRetention(dice, scale_);
  }

  void PassTime() {
    state_.now += dice_.UpTo(2 * scale_);
    // A clock that is set wrong, and one that is set right again.
    if (dice_.OneIn(30)) state_.now += dice_.UpTo(10 * kYear) - 5 * kYear;
  }

  void Take() {
    Candidate backup = DrawBackup(dice_, state_.now);
    // What is taken is newer than what was taken at the same moment.
    backup.id = std::to_string(1'000'000 + taken_++);
    if (IsVerified(backup)) ++due_;
    newest_ = IsVerified(backup) ? backup.id : "";
    state_.backups.push_back(std::move(backup));
  }

  // Something happens to a backup that is there.
  void Meddle() {
    if (state_.backups.empty()) return;
    Candidate& backup = state_.backups[dice_.Below(state_.backups.size())];
    const bool before = IsVerified(backup);
    switch (dice_.Below(4)) {
      case 0:
        backup.pinned = true;
        break;
      case 1:
        backup.pinned = false;
        break;
      case 2:
        backup.verified = true;
        break;
      default:
        backup.quarantined = true;
        backup.verified = false;
    }
    if (before && !IsVerified(backup)) due_ = std::max(due_ - 1, 0);
    if (!before && IsVerified(backup)) ++due_;
    if (backup.id == newest_ && !IsVerified(backup)) newest_.clear();
  }

  std::string Prune() {
    const History before = state_;
    const std::string newest_verified = NewestVerified();
    for (const Decision& decision : DecideRetention(state_.backups, state_.retention, state_.now)) {
      if (decision.keep) continue;
      const auto gone = std::ranges::find(state_.backups, decision.id, &Candidate::id);
      if (gone->pinned) return "a pinned one goes\n" + Describe(before);
      if (gone->created > state_.now) return "one of the future goes\n" + Describe(before);
      if (gone->id == newest_) return "the one just taken goes\n" + Describe(before);
      if (gone->id == newest_verified) return "the newest verified goes\n" + Describe(before);
      state_.backups.erase(gone);
    }
    // As many as were ever verified and are not in quarantine, up to the minimum.
    due_ = std::min(due_, std::max(state_.retention.keep_verified_min, 1));
    if (std::ranges::count_if(state_.backups, IsVerified) < due_) {
      return "fewer than " + std::to_string(due_) + " verified are left\n" + Describe(before);
    }
    return "";
  }

 private:
  std::string NewestVerified() const {
    const Candidate* newest = nullptr;
    for (const Candidate& backup : state_.backups) {
      if (!IsVerified(backup)) continue;
      const bool is_newer = newest == nullptr || backup.created > newest->created ||
                            (backup.created == newest->created && backup.id > newest->id);
      if (is_newer) newest = &backup;
    }
    return newest == nullptr ? "" : newest->id;
  }

  Dice& dice_;
  Nanoseconds scale_;
  History state_;
  int taken_ = 0;
  int due_ = 0;         // so many verified ones must be there
  std::string newest_;  // the id of the one just taken, if it is verified
};

std::vector<std::string> KeptIds(const History& history) {
  std::vector<std::string> ids;
  for (const Decision& decision :
       DecideRetention(history.backups, history.retention, history.now)) {
    if (decision.keep) ids.push_back(decision.id);
  }
  return ids;
}

}  // namespace

std::string CheckLife(Dice& dice, Tally& tally) {
  Life life(dice);
  for (int i = dice.Between(1, 30); i > 0; --i) {
    life.PassTime();
    life.Take();
    if (dice.OneIn(4)) life.Meddle();
    // Sometimes it is not running.
    if (dice.OneIn(5)) continue;
    ++tally["prunes"];
    if (std::string wrong = life.Prune(); !wrong.empty()) return wrong;
  }
  return "";
}

std::string CheckPruningInSteps(Dice& dice, Tally& tally) {
  const Nanoseconds scale = DrawScale(dice);
  History whole;
  whole.now = DrawStart(dice);
  whole.retention = DrawRetention(dice, scale);
  // By bytes, a large backup pushes out what a small one in its place would have left.
  for (config::RetentionRule& rule : whole.retention.rules) rule.max_bytes = 0;
  History pruned = whole;
  for (int i = dice.Between(1, 30); i > 0; --i) {
    whole.now += dice.UpTo(2 * scale) + Milliseconds(1);
    Candidate backup = DrawBackup(dice, whole.now);
    backup.verified = true;
    backup.quarantined = backup.pinned = false;
    whole.backups.push_back(backup);
    pruned.backups.push_back(std::move(backup));
    pruned.now = whole.now;
    if (dice.OneIn(3)) continue;
    ++tally["prunes"];
    const std::vector<std::string> kept = KeptIds(pruned);
    std::erase_if(pruned.backups, [&](const Candidate& one) {
      return std::ranges::find(kept, one.id) == kept.end();
    });
  }
  if (KeptIds(pruned) == KeptIds(whole)) return "";
  return "pruned once:\n" + Describe(whole) + "pruned in steps:\n" + Describe(pruned);
}

}  // namespace warden::retention
