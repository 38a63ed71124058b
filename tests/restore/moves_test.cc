// What changes places with what, for every way in which data and log can lie.
#include "exporter/restore/moves.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/restore/planned.h"

namespace warden::restore {
namespace {

using testing::MemoryFiles;

const std::string kId = "20261123T101500042Z-3fa9c1d2";

struct Case {
  std::string name;
  MemberPlace place;
  OldData old;
  std::vector<std::string> files;  // that are there
  std::vector<Move> moves;
};

std::vector<Case> Cases() {
  const OldData there{.is_there = true, .wal_is_there = true};
  const OldData mounted{.is_there = true, .inside = true, .wal_is_there = true};
  const OldData both{.is_there = true, .inside = true, .wal_is_there = true, .wal_inside = true};
  const std::string staged = ".restore-" + kId;
  const std::string kept = ".pre-restore-20261123T101500042Z";
  return {
      {"a directory",
       {"a", "/d/etcd", {}},
       there,
       {"/d/etcd/member/snap/db"},
       {{"/d/etcd", "/d/etcd" + kept}, {"/d/etcd" + staged, "/d/etcd"}}},
      {"nothing", {"a", "/d/etcd", {}}, {}, {}, {{"/d/etcd" + staged, "/d/etcd"}}},
      {"a log apart",
       {"a", "/d/etcd", "/w/log"},
       there,
       {"/d/etcd/member/snap/db", "/w/log/0.wal"},
       {{"/d/etcd", "/d/etcd" + kept},
        {"/w/log", "/w/log" + kept},
        {"/d/etcd" + staged, "/d/etcd"},
        {"/w/log" + staged, "/w/log"}}},
      {"a log inside goes with the directory",
       {"a", "/d/etcd", "/d/etcd/log"},
       there,
       {"/d/etcd/log/0.wal"},
       {{"/d/etcd", "/d/etcd" + kept}, {"/d/etcd" + staged, "/d/etcd"}}},
      {"a mount point",
       {"a", "/d/etcd", {}},
       mounted,
       {"/d/etcd/member/snap/db", "/d/etcd/lost+found/x"},
       {{"/d/etcd/member", "/d/etcd/member" + kept},
        {"/d/etcd/restore-" + kId + "/member", "/d/etcd/member"}}},
      {"an empty mount point",
       {"a", "/d/etcd", {}},
       mounted,
       {"/d/etcd/lost+found/x"},
       {{"/d/etcd/restore-" + kId + "/member", "/d/etcd/member"}}},
      {"a log inside a mount point",
       {"a", "/d/etcd", "/d/etcd/log"},
       mounted,
       {"/d/etcd/member/snap/db", "/d/etcd/log/0.wal"},
       {{"/d/etcd/member", "/d/etcd/member" + kept},
        {"/d/etcd/log", "/d/etcd/log" + kept},
        {"/d/etcd/restore-" + kId + "/member", "/d/etcd/member"},
        {"/d/etcd/restore-" + kId + "/log", "/d/etcd/log"}}},
      {"two mount points",
       {"a", "/d/etcd", "/w/log"},
       both,
       {"/d/etcd/member/snap/db", "/w/log/0.wal", "/w/log/1.tmp", "/w/log/lost+found/x"},
       {{"/d/etcd/member", "/d/etcd/member" + kept},
        {"/w/log/0.wal", "/w/log/" + kept.substr(1) + "/0.wal"},
        {"/w/log/1.tmp", "/w/log/" + kept.substr(1) + "/1.tmp"},
        {"/d/etcd/restore-" + kId + "/member", "/d/etcd/member"},
        {"/w/log/restore-" + kId + "/0000000000000000-0000000000000000.wal",
         "/w/log/0000000000000000-0000000000000000.wal"}}},
  };
}

std::string Text(const std::vector<Move>& moves) {
  std::string text;
  for (const Move& move : moves) text += move.from.string() + " -> " + move.to.string() + "\n";
  return text;
}

TEST(Moves, AreThoseOfThePlace) {
  for (const Case& each : Cases()) {
    MemoryFiles files;
    for (const std::string& file : each.files) Put(files, file, "old");
    const auto moves = PlanMoves(files, kId, each.place, each.old);
    ASSERT_TRUE(moves.ok()) << each.name;
    EXPECT_EQ(Text(*moves), Text(each.moves)) << each.name;
  }
}

// There and back: what was there is there again, what was new is where it was written.
TEST(Moves, AreMadeAndTakenBack) {
  for (const Case& each : Cases()) {
    MemoryFiles files;
    ASSERT_TRUE(files.MakeDirectories("/d").ok());
    for (const std::string& file : each.files) Put(files, file, "old");
    for (const Move& move : each.moves) {
      // What is placed comes from the staging.
      if (move.from.string().find(kId) == std::string::npos) continue;
      Put(files, move.from.extension() == ".wal" ? move.from : move.from / "file", "new");
    }
    const auto before = TreeOf(files, "/");
    Journal journal{.id = kId, .member = "a", .data_dir = each.place.data_dir};
    journal.inside = each.old.inside;
    journal.staging = StagingOf(kId, each.place, each.old);
    journal.moves = each.moves;
    ASSERT_TRUE(MakeMoves(files, journal).ok()) << each.name;
    EXPECT_EQ(journal.moved, each.moves.size());
    for (const Move& move : each.moves) {
      EXPECT_TRUE(files.Stat(move.to).ok()) << each.name << ": " << move.to;
    }
    ASSERT_TRUE(TakeBackMoves(files, journal).ok()) << each.name;
    auto after = TreeOf(files, "/");
    std::erase_if(after, [](const auto& file) { return file.first.ends_with(".json"); });
    EXPECT_TRUE(after == before) << each.name;
  }
}

// An etcd that ran on a log of its own mount point has made further files, and purged the first.
TEST(Moves, TakeAwayTheLogThatWasWrittenSince) {
  MemoryFiles files;
  const OldData old{.is_there = true, .wal_is_there = true, .wal_inside = true};
  const MemberPlace place{.name = "a", .data_dir = "/d/etcd", .wal_dir = "/w/log"};
  Put(files, "/d/etcd/member/snap/db", "old");
  Put(files, "/w/log/0.wal", "old");
  Put(files, "/w/log/0.tmp", "old");
  Journal journal{.id = kId, .member = "a", .data_dir = "/d/etcd"};
  journal.wal_dir = "/w/log";
  journal.staging = StagingOf(kId, place, old);
  Put(files, journal.staging.data_dir / "member" / "snap" / "db", "new");
  Put(files, *journal.staging.wal_dir / "0000000000000000-0000000000000000.wal", "new");
  journal.moves = *PlanMoves(files, kId, place, old);
  ASSERT_TRUE(MakeMoves(files, journal).ok());
  ASSERT_TRUE(files.Remove("/w/log/0000000000000000-0000000000000000.wal").ok());
  Put(files, "/w/log/0000000000000001-0000000000000009.wal", "new");
  Put(files, "/w/log/0.tmp", "new");
  ASSERT_TRUE(AdoptLog(files, journal).ok());
  ASSERT_TRUE(TakeBackMoves(files, journal).ok());
  EXPECT_EQ(*files.ReadAll("/w/log/0.wal", 10), "old");
  EXPECT_EQ(*files.ReadAll("/w/log/0.tmp", 10), "old");
  EXPECT_FALSE(files.Stat("/w/log/0000000000000001-0000000000000009.wal").ok());
  EXPECT_EQ(*files.ReadAll(*journal.staging.wal_dir / "0.tmp", 10), "new");
  EXPECT_EQ(*files.ReadAll("/d/etcd/member/snap/db", 10), "old");
}

TEST(Moves, ReplaceNothing) {
  MemoryFiles files;
  Put(files, "/d/new/file", "new");
  Put(files, "/d/etcd/file", "somebody else's");
  Journal journal{.id = kId, .member = "a", .data_dir = "/d/etcd"};
  journal.moves = {{"/d/new", "/d/etcd"}};
  EXPECT_EQ(MakeMoves(files, journal).code(), Code::kAlreadyExists);
  EXPECT_EQ(*files.ReadAll("/d/etcd/file", 100), "somebody else's");
  journal.moves = {{"/d/nowhere", "/d/neither"}};
  EXPECT_EQ(MakeMoves(files, journal).code(), Code::kDataLoss);
}

}  // namespace
}  // namespace warden::restore
