// Which backup a drill is of: a rota that comes round to every kind.
#include "exporter/restore/drill_choice.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/backup/backups.h"

namespace warden::restore {
namespace {

backup::Manifest Backup(int n, int level = 2, const std::string& quarantined = "") {
  backup::Manifest manifest;
  manifest.id = backup::IdOfBackup(n);
  manifest.verification_level = level;
  manifest.quarantined = quarantined;
  return manifest;
}

// Goes through that many scheduled drills, each with its receipt; "3" is backup 3 of the catalogue,
// "s3/3" the copy.
class Rota {
 public:
  std::string Next(const std::vector<backup::Manifest>& backups,
                   const std::vector<DestinationCopies>& destinations = {}) {
    const auto chosen = ChooseForSchedule(backups, receipts_, destinations);
    if (!chosen.ok()) return chosen.error().message();
    receipts_.insert(receipts_.begin(), DrillReceipt{.id = {},
                                                     .cluster = {},
                                                     .backup_id = chosen->backup.id,
                                                     .destination = chosen->destination,
                                                     .choice = chosen->choice,
                                                     .turn = chosen->turn});
    if (receipts_.size() > kDrillReceiptsKept) receipts_.pop_back();
    for (int n = 1; n < 10; ++n) {
      if (chosen->backup.id != backup::IdOfBackup(n)) continue;
      return (chosen->destination.empty() ? "" : chosen->destination + "/") + std::to_string(n);
    }
    return "?";
  }
  std::vector<std::string> Next(int count, const std::vector<backup::Manifest>& backups,
                                const std::vector<DestinationCopies>& destinations = {}) {
    std::vector<std::string> drilled;
    for (int i = 0; i < count; ++i) drilled.push_back(Next(backups, destinations));
    return drilled;
  }
  void AddByHand(int n) {
    receipts_.insert(receipts_.begin(),
                     DrillReceipt{.id = {}, .cluster = {}, .backup_id = backup::IdOfBackup(n)});
  }

 private:
  std::vector<DrillReceipt> receipts_;
};

using Drilled = std::vector<std::string>;

TEST(DrillChoice, ComesRoundToEverything) {
  const std::vector<backup::Manifest> backups = {Backup(4), Backup(3), Backup(2), Backup(1)};
  const std::vector<DestinationCopies> destinations = {
      {.destination = "s3", .copies = {Backup(3), Backup(2)}},
      {.destination = "nas", .copies = {Backup(2)}}};
  Rota rota;
  EXPECT_EQ(rota.Next(20, backups, destinations), (Drilled{"4", "s3/3",  "4", "1",  //
                                                           "4", "nas/2", "4", "2",  //
                                                           "4", "s3/3",  "4", "3",  //
                                                           "4", "nas/2", "4", "1",  //
                                                           "4", "s3/3",  "4", "2"}));
}

TEST(DrillChoice, StaysWithTheNewestWhereThereIsNothingElse) {
  Rota rota;
  EXPECT_EQ(rota.Next(5, {Backup(1)}), (Drilled{"1", "1", "1", "1", "1"}));
  EXPECT_EQ(rota.Next(4, {Backup(2), Backup(1)}, {{.destination = "s3", .copies = {}}}),
            (Drilled{"2", "2", "1", "2"}));
}

TEST(DrillChoice, TakesOnlyWhatIsVerified) {
  const std::vector<backup::Manifest> backups = {Backup(5, 1), Backup(4, 3, "mismatch"), Backup(3),
                                                 Backup(2, 1), Backup(1)};
  Rota rota;
  EXPECT_EQ(rota.Next(8, backups,
                      {{.destination = "s3", .copies = {Backup(4, 3, "damaged"), Backup(2)}}}),
            (Drilled{"3", "s3/2", "3", "1", "3", "s3/2", "3", "1"}));
  EXPECT_EQ(rota.Next({Backup(5, 1)}), "there is no verified backup in the catalogue");
}

TEST(DrillChoice, TakesACopyWhereTheCatalogueHasNone) {
  Rota rota;
  EXPECT_EQ(rota.Next(2, {}, {{.destination = "s3", .copies = {Backup(2)}}}),
            (Drilled{"s3/2", "s3/2"}));
}

TEST(DrillChoice, CountsWhatWasDrilledByHandButNotAsATurn) {
  const std::vector<backup::Manifest> backups = {Backup(3), Backup(2), Backup(1)};
  Rota rota;
  rota.AddByHand(1);
  EXPECT_EQ(rota.Next(3, backups), (Drilled{"3", "3", "3"}));
  rota.AddByHand(3);
  EXPECT_EQ(rota.Next(backups), "2") << "the fourth turn, and backup 1 had its drill";
}

TEST(DrillChoice, GoesOnForEverThoughReceiptsDoNot) {
  const std::vector<backup::Manifest> backups = {Backup(2), Backup(1)};
  Rota rota;
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[rota.Next(backups)];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"1", 100}, {"2", 300}}));
}

TEST(DrillChoice, FindsWhatIsNamed) {
  const std::vector<backup::Manifest> backups = {Backup(3, 1), Backup(2), Backup(1, 2, "damaged")};
  EXPECT_EQ(ChooseNamed(backups, "latest")->backup.id, backup::IdOfBackup(2));
  EXPECT_EQ(ChooseNamed(backups, "latest")->choice, DrillChoice::kNewest);
  // Whoever names it knows what it is.
  for (const int n : {1, 3}) {
    const auto chosen = ChooseNamed(backups, backup::IdOfBackup(n));
    ASSERT_TRUE(chosen.ok());
    EXPECT_EQ(chosen->choice, DrillChoice::kNamed);
    EXPECT_EQ(chosen->turn, -1);
  }
  EXPECT_EQ(ChooseNamed(backups, backup::IdOfBackup(9)).status().code(), Code::kNotFound);
  const DestinationCopies copies = {.destination = "s3", .copies = backups};
  EXPECT_EQ(ChooseNamedCopy(copies, "latest")->destination, "s3");
  EXPECT_EQ(ChooseNamedCopy(copies, backup::IdOfBackup(9)).status().message(),
            "there is no backup " + backup::IdOfBackup(9) +
                " known to be at s3; `backup rebuild` asks it");
}

TEST(DrillChoice, LeavesOutCopiesThatCannotBeRead) {
  config::DestinationConfig destination;
  EXPECT_TRUE(CanDrillFrom(destination));
  destination.put_only = true;
  EXPECT_FALSE(CanDrillFrom(destination));
  config::DrillConfig drill;
  backup::Manifest copy = Backup(1);
  EXPECT_FALSE(CanOpen(copy, drill)) << "it is no copy";
  copy.stored = backup::StoredForm{.encryption = "none"};
  EXPECT_TRUE(CanOpen(copy, drill));
  copy.stored->encryption = "age";
  EXPECT_FALSE(CanOpen(copy, drill));
  drill.age_identity_file = "identity";
  EXPECT_TRUE(CanOpen(copy, drill));
}

}  // namespace
}  // namespace warden::restore
