#include "exporter/restore/drill_choice.h"

#include <algorithm>
#include <utility>

#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr std::string_view kLatest = "latest";
constexpr int kCopyTurn = 1;
constexpr int kLeastRecentTurn = 3;

const backup::Manifest* NewestVerified(const std::vector<backup::Manifest>& backups) {
  const auto found = std::ranges::find_if(backups, &backup::Manifest::verified);
  return found == backups.end() ? nullptr : &*found;
}

int NextTurn(const std::vector<DrillReceipt>& receipts) {
  for (const DrillReceipt& receipt : receipts) {
    if (receipt.turn >= 0) return (receipt.turn + 1) % kDrillTurns;
  }
  return 0;
}

// How many receipts are newer than the last one that `matches`: the more, the longer ago it was.
template <typename Matches>
std::size_t Recency(const std::vector<DrillReceipt>& receipts, const Matches& matches) {
  return static_cast<std::size_t>(std::ranges::find_if(receipts, matches) - receipts.begin());
}

// The verified backup, other than the newest, whose last drill was longest ago; of those that had
// none the oldest. nullptr if there is no other.
const backup::Manifest* LeastRecent(const std::vector<backup::Manifest>& backups,
                                    const std::vector<DrillReceipt>& receipts) {
  const backup::Manifest* newest = NewestVerified(backups);
  const backup::Manifest* best = nullptr;
  std::size_t best_recency = 0;
  for (const backup::Manifest& each : backups) {
    if (&each == newest || !each.verified()) continue;
    const std::size_t recency = Recency(receipts, [&](const DrillReceipt& receipt) {
      return receipt.backup_id == each.id && receipt.destination.empty();
    });
    // Among equals the later one in the list, which is the older backup.
    if (best == nullptr || recency >= best_recency) {
      best = &each;
      best_recency = recency;
    }
  }
  return best;
}

// Of the destination with a verified copy from which the last drill was longest ago, the newest.
std::optional<ChosenBackup> LeastRecentCopy(const std::vector<DestinationCopies>& destinations,
                                            const std::vector<DrillReceipt>& receipts) {
  std::optional<ChosenBackup> best;
  std::size_t best_recency = 0;
  for (const DestinationCopies& each : destinations) {
    const backup::Manifest* copy = NewestVerified(each.copies);
    if (copy == nullptr) continue;
    const std::size_t recency = Recency(receipts, [&](const DrillReceipt& receipt) {
      return receipt.destination == each.destination;
    });
    if (!best || recency > best_recency) {
      best = {.backup = *copy, .destination = each.destination, .choice = DrillChoice::kCopy};
      best_recency = recency;
    }
  }
  return best;
}

// nullptr: none of that id, or, for "latest", no verified one.
const backup::Manifest* Find(const std::vector<backup::Manifest>& backups, const std::string& id) {
  if (id == kLatest) return NewestVerified(backups);
  const auto found = std::ranges::find(backups, id, &backup::Manifest::id);
  return found == backups.end() ? nullptr : &*found;
}

Status NotFound(const std::string& id, const std::string& where) {
  return {Code::kNotFound, id == kLatest
                               ? "there is no verified backup " + where
                               : "there is no backup " + ToSingleLine(id, 64) + " " + where};
}

}  // namespace

Result<ChosenBackup> ChooseForSchedule(const std::vector<backup::Manifest>& backups,
                                       const std::vector<DrillReceipt>& receipts,
                                       const std::vector<DestinationCopies>& destinations) {
  const int turn = NextTurn(receipts);
  const backup::Manifest* newest = NewestVerified(backups);
  if (turn == kCopyTurn || newest == nullptr) {
    if (auto copy = LeastRecentCopy(destinations, receipts)) {
      copy->turn = turn;
      return *std::move(copy);
    }
  }
  if (turn == kLeastRecentTurn) {
    if (const backup::Manifest* other = LeastRecent(backups, receipts)) {
      return ChosenBackup{
          .backup = *other, .destination = {}, .choice = DrillChoice::kLeastRecent, .turn = turn};
    }
  }
  if (newest == nullptr) return NotFound(std::string(kLatest), "in the catalogue");
  return ChosenBackup{
      .backup = *newest, .destination = {}, .choice = DrillChoice::kNewest, .turn = turn};
}

Result<ChosenBackup> ChooseNamed(const std::vector<backup::Manifest>& backups,
                                 const std::string& id) {
  const backup::Manifest* found = Find(backups, id);
  if (found == nullptr) return NotFound(id, "in the catalogue");
  return ChosenBackup{.backup = *found,
                      .destination = {},
                      .choice = id == kLatest ? DrillChoice::kNewest : DrillChoice::kNamed};
}

Result<ChosenBackup> ChooseNamedCopy(const DestinationCopies& destination, const std::string& id) {
  const backup::Manifest* found = Find(destination.copies, id);
  if (found == nullptr) {
    return NotFound(id, "known to be at " + destination.destination + "; `backup rebuild` asks it");
  }
  return ChosenBackup{
      .backup = *found, .destination = destination.destination, .choice = DrillChoice::kNamed};
}

bool CanDrillFrom(const config::DestinationConfig& destination) {
  return !destination.put_only;
}

bool CanOpen(const backup::Manifest& copy, const config::DrillConfig& drill) {
  return copy.stored && (copy.stored->encryption != "age" || !drill.age_identity_file.empty());
}

}  // namespace warden::restore
