// One member's restore, from the preflight to the receipt and back again; with every call to the
// file system failing, and the power going, around the swap.
#include "exporter/restore/run.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "exporter/restore/preflight.h"
#include "tests/restore/planned.h"
#include "tests/support/faulty_files.h"

namespace warden::restore {
namespace {

using testing::BoltFile;
using testing::EtcdBuckets;
using testing::FaultyFiles;
using testing::FileOperation;
using Path = Files::Path;

constexpr int kOperationsMax = 300;

class RunTest : public PlannedTest {
 protected:
  // Nothing of the old data is lost, wherever it is by now.
  void ExpectOldDataIsSomewhere(const Journal& journal) {
    if (disk_.Stat(KeptPath(journal)).ok()) {
      ExpectOldDataIsAt(KeptPath(journal));
    } else {
      ExpectOldDataIsAt(kDataDir);
    }
  }
  // A machine that is restored on anew, and how far: all of it, or up to the swap.
  void Reset() {
    ASSERT_TRUE(RemoveAll("/disk").ok());
    disk_.CutPower([](std::size_t) { return true; });
    AddOldData();
  }
  Status RemoveAll(const Path& top) {
    const auto entries = disk_.List(top);
    if (!entries.ok()) return {};
    for (const DirectoryEntry& entry : *entries) {
      if (entry.is_directory) WARDEN_RETURN_IF_ERROR(RemoveAll(top / entry.name));
      WARDEN_RETURN_IF_ERROR(entry.is_directory ? disk_.RemoveDirectory(top / entry.name)
                                                : disk_.Remove(top / entry.name));
    }
    return {};
  }
};

TEST_F(RunTest, PutsTheNewDataInPlaceAndKeepsTheOld) {
  AddOldData();
  const Result<Journal> journal = Run(disk_, Options());
  ASSERT_TRUE(journal.ok()) << journal.status().message();
  ExpectRestored(*journal);
  EXPECT_TRUE(WasSaid("verified hash"));
  EXPECT_TRUE(WasSaid("receipt in " + JournalPath(*journal).string()));
  const auto receipts = FindJournals(disk_, kDataDir);
  ASSERT_EQ(receipts->size(), 1U);
  EXPECT_EQ(ParsedJson(ToJson(receipts->front())), ParsedJson(ToJson(*journal)));
  EXPECT_TRUE(receipts->front().ended.has_value());
  EXPECT_TRUE(ParsedJson(receipts->front().verification).at("ok").get<bool>());
}

TEST_F(RunTest, WorksWhereThereWasNothing) {
  ASSERT_TRUE(disk_.MakeDirectories("/disk").ok());
  const Result<Journal> journal = Run(disk_, Options());
  ASSERT_TRUE(journal.ok()) << journal.status().message();
  ExpectRestored(*journal);
  EXPECT_EQ(journal->moves.size(), 1U);
}

TEST_F(RunTest, IsDoneOnceUnlessAskedAgain) {
  AddOldData();
  const Result<Journal> first = Run(disk_, Options());
  ASSERT_TRUE(first.ok());
  const Result<Journal> second = Run(disk_, Options());
  EXPECT_EQ(second.status().code(), Code::kAlreadyExists);
  EXPECT_NE(second.status().message().find("--again"), std::string::npos);
  ExpectRestored(*first);
  clock_.Advance(Seconds(1));
  RunOptions again = Options();
  again.again = true;
  again.ignored = {std::string(kOtherCluster)};
  const Result<Journal> third = Run(disk_, again);
  ASSERT_TRUE(third.ok()) << third.status().message();
  ExpectOldDataIsAt(KeptPath(*first));
  EXPECT_TRUE(disk_.Stat(KeptPath(*third)).ok()) << "what the first had put there is kept, too";
}

TEST_F(RunTest, TakesNoOtherFileThanThePlans) {
  AddOldData();
  auto buckets = EtcdBuckets();
  buckets["key"].values[testing::RevisionKey(6)] = testing::KeyValue({"/a/x", 2, 6, 3, "FOUR"});
  const std::string other = BoltFile(buckets, {}).bytes();
  Put(disk_, "/backups/other.db", other);
  Put(disk_, "/backups/short.db", other.substr(0, other.size() - 512));
  for (const char* path : {"/backups/other.db", "/backups/short.db", "/backups/none.db"}) {
    RunOptions options = Options();
    options.snapshot = path;
    const Result<Journal> journal = Run(disk_, options);
    EXPECT_FALSE(journal.ok()) << path;
    ExpectOldDataIsAt(kDataDir);
    for (const DirectoryEntry& entry : *disk_.List("/disk")) {
      EXPECT_TRUE(entry.name == "etcd" || entry.name.ends_with(".json")) << entry.name;
    }
  }
  EXPECT_TRUE(Run(disk_, Options()).ok()) << "none of them stands in the way";
}

TEST_F(RunTest, RefusesToSwapUnderARunningEtcd) {
  AddOldData();
  auto lock = disk_.Lock(kDataDir / "member" / "snap" / "db");
  Result<Journal> journal = Prepare(Options(), Tools(disk_));
  ASSERT_TRUE(journal.ok()) << "an etcd may run while the new data is written";
  const Status swapped = Swap(*journal, plan_, Tools(disk_));
  EXPECT_EQ(swapped.code(), Code::kFailedPrecondition);
  EXPECT_NE(swapped.message().find("stop it first"), std::string::npos);
  ExpectOldDataIsAt(kDataDir);
  lock = Status(Code::kUnknown, "released");
  ASSERT_TRUE(Swap(*journal, plan_, Tools(disk_)).ok());
  lock = disk_.Lock(kDataDir / "member" / "snap" / "db");
  EXPECT_EQ(Undo(*journal, Tools(disk_)).code(), Code::kFailedPrecondition);
}

TEST_F(RunTest, RefusesTheDataOfAnotherCluster) {
  auto buckets = EtcdBuckets();
  buckets["members"].values = {{"5", R"({"id":5,"peerURLs":["http://x:2380"],"name":"x"})"}};
  Put(disk_, kDataDir / "member" / "snap" / "db", BoltFile(buckets, {}).bytes());
  const Result<Journal> refused = Run(disk_, Options());
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("another cluster"), std::string::npos);
  RunOptions options = Options();
  options.ignored = {std::string(kOtherCluster)};
  EXPECT_TRUE(Run(disk_, options).ok());
}

TEST_F(RunTest, KnowsItsOwnClusterByIdOrByUrl) {
  for (const char* member : {R"({"id":26,"peerURLs":["http://moved:2380"],"name":"a"})",
                             R"({"id":99,"peerURLs":["http://c:2380"],"name":"c"})"}) {
    Reset();
    auto buckets = EtcdBuckets();
    buckets["members"].values = {{"1a", member}};
    ASSERT_TRUE(disk_.Remove(kDataDir / "member" / "snap" / "db").ok());
    Put(disk_, kDataDir / "member" / "snap" / "db", BoltFile(buckets, {}).bytes());
    EXPECT_TRUE(Run(disk_, Options()).ok()) << member;
  }
}

TEST_F(RunTest, IsNotDoneForTwoMembersInOnePlace) {
  AddOldData();
  ASSERT_TRUE(Run(disk_, Options()).ok());
  RunOptions other = Options();
  other.member = "a";
  const Result<Journal> refused = Run(disk_, other);
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("member b"), std::string::npos);
}

TEST_F(RunTest, SwapsNothingInThatIsNotThereAnyMore) {
  AddOldData();
  Result<Journal> journal = Prepare(Options(), Tools(disk_));
  ASSERT_TRUE(journal.ok());
  ASSERT_TRUE(disk_.Remove(journal->staging.data_dir / "member" / "snap" / "db").ok());
  EXPECT_FALSE(Swap(*journal, plan_, Tools(disk_)).ok());
  ExpectOldDataIsAt(kDataDir);
  EXPECT_TRUE(Undo(*journal, Tools(disk_)).ok());
}

// A journal that somebody has edited, or that came with a volume from elsewhere.
TEST_F(RunTest, TrustsNoJournalOfAnotherPlace) {
  AddOldData();
  Result<Journal> journal = Prepare(Options(), Tools(disk_));
  ASSERT_TRUE(journal.ok());
  Journal edited = *journal;
  edited.staging.data_dir = kDataDir;
  EXPECT_EQ(Undo(edited, Tools(disk_)).code(), Code::kDataLoss);
  ExpectOldDataIsAt(kDataDir);
  Put(disk_, "/disk/other.restore-" + journal->id + ".json", DumpJson(ToJson(*journal)));
  EXPECT_EQ(FindJournals(disk_, "/disk/other").status().code(), Code::kDataLoss);
}

TEST_F(RunTest, NeedsRoom) {
  AddOldData();
  disk_.SetFreeBytes(100ULL << 20);
  const Result<Journal> journal = Run(disk_, Options());
  EXPECT_EQ(journal.status().code(), Code::kResourceExhausted);
  EXPECT_NE(journal.status().message().find("/disk"), std::string::npos);
  ExpectOldDataIsAt(kDataDir);
  EXPECT_TRUE(FindJournals(disk_, kDataDir)->empty());
}

TEST_F(RunTest, GoesNoFurtherBesideAnotherRestore) {
  AddOldData();
  Result<Journal> begun = Prepare(Options(), Tools(disk_));
  ASSERT_TRUE(begun.ok());
  RunOptions other = Options();
  other.plan = *MakePlan(facts_, WishesFor("a=http://a:2380,b=http://b:2380"), clock_.Now());
  const Result<Journal> refused = Run(disk_, other);
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("restore undo"), std::string::npos);
  ASSERT_TRUE(Undo(*begun, Tools(disk_)).ok());
  EXPECT_TRUE(Run(disk_, other).ok());
}

TEST_F(RunTest, IsUndoneFromEveryState) {
  for (const RunState state : {RunState::kReady, RunState::kSwapped, RunState::kDone}) {
    Reset();
    const RunTools tools = Tools(disk_);
    Result<Journal> journal = Prepare(Options(), tools);
    ASSERT_TRUE(journal.ok());
    if (state >= RunState::kSwapped) {
      ASSERT_TRUE(Swap(*journal, plan_, tools).ok());
    }
    if (state == RunState::kDone) {
      ASSERT_TRUE(Finish(*journal, tools).ok());
    }
    ASSERT_EQ(journal->state, state);
    ASSERT_TRUE(Undo(*journal, tools).ok());
    EXPECT_EQ(journal->state, RunState::kUndone);
    ExpectOldDataIsAt(kDataDir);
    EXPECT_FALSE(disk_.Stat(KeptPath(*journal)).ok());
    EXPECT_EQ(disk_.Stat(journal->staging.data_dir).ok(), state >= RunState::kSwapped)
        << "what was in place may have been written to, and stays";
    ASSERT_TRUE(Undo(*journal, tools).ok()) << "nothing is left to do";
    EXPECT_TRUE(Run(disk_, Options()).ok()) << "and it can be done again";
  }
}

// The first part of a run: nothing may happen to the old data, whatever fails.
TEST_F(RunTest, LeavesTheOldDataAloneWhateverFailsBeforeTheSwap) {
  AddOldData();
  FaultyFiles files(disk_, Code::kUnknown);
  std::set<RunState> seen;
  // Every call is made to fail in data_directory_trouble_test.cc; here every third.
  for (int n = 1; n < kOperationsMax; n += 3) {
    files.FailNth(n);
    const Result<Journal> journal = Prepare(Options(), Tools(files));
    const bool failed = files.failed();
    files.FailNever();
    if (journal.ok() && !failed) return;
    ExpectOldDataIsAt(kDataDir);
    for (Journal& left : *FindJournals(disk_, kDataDir)) seen.insert(left.state);
    // One that succeeded all the same is ready.
    if (journal.ok()) {
      Journal newest = FindJournals(disk_, kDataDir)->front();
      ASSERT_TRUE(Undo(newest, Tools(disk_)).ok());
    }
    clock_.Advance(Milliseconds(1));
  }
  FAIL() << "more operations than expected";
}

// Where a step ends: with the call that fails, and with every later one as after a SIGKILL.
enum class End { kFails, kKilled, kNothingSurvives, kEverySecondSurvives };

class SwapTest : public RunTest, public ::testing::WithParamInterface<End> {
 protected:
  void Interrupt(FaultyFiles& files, int n) const {
    if (GetParam() == End::kFails) {
      files.FailNth(n);
    } else {
      files.FailFrom(n);
    }
  }
  void Restart(FaultyFiles& files) {
    files.FailNever();
    if (GetParam() == End::kNothingSurvives) disk_.CutPower([](std::size_t) { return false; });
    if (GetParam() == End::kEverySecondSurvives) {
      disk_.CutPower([](std::size_t number) { return number % 2 == 0; });
    }
  }
  // Every second operation, and the others where it ends otherwise: each run writes a log of 64 MB.
  int First() const { return GetParam() == End::kFails || GetParam() == End::kKilled ? 1 : 2; }
  // As another process finds it.
  Journal Newest() { return FindJournals(disk_, kDataDir)->front(); }
};

TEST_P(SwapTest, IsGoneOnWithByTheNextRun) {
  FaultyFiles files(disk_, Code::kUnknown);
  for (int n = First(); n < kOperationsMax; n += 2) {
    Reset();
    Result<Journal> journal = Prepare(Options(), Tools(disk_));
    ASSERT_TRUE(journal.ok()) << journal.status().message();
    Interrupt(files, n);
    Status status = Swap(*journal, plan_, Tools(files));
    if (status.ok()) status = Finish(*journal, Tools(files));
    const bool failed = files.failed();
    Restart(files);
    ExpectOldDataIsSomewhere(*journal);
    if (status.ok()) {
      ExpectRestored(Newest());
    } else {
      const Result<Journal> again = Run(disk_, Options());
      // The receipt may be there although it was not known to be durable.
      const bool is_done = again.status().code() == Code::kAlreadyExists;
      ASSERT_TRUE(again.ok() || is_done) << n << ": " << again.status().message();
      EXPECT_EQ(Newest().id, journal->id) << "it went on";
      ExpectRestored(Newest());
    }
    if (!failed) return;
  }
  FAIL() << "more operations than expected";
}

TEST_P(SwapTest, IsUndoneFromWhereverItWas) {
  FaultyFiles files(disk_, Code::kUnknown);
  for (int n = First(); n < kOperationsMax; n += 2) {
    Reset();
    Result<Journal> journal = Prepare(Options(), Tools(disk_));
    Interrupt(files, n);
    (void)Swap(*journal, plan_, Tools(files));
    const bool failed = files.failed();
    Restart(files);
    Journal found = Newest();
    const Status undone = Undo(found, Tools(disk_));
    ASSERT_TRUE(undone.ok()) << n << ": " << undone.message();
    ExpectOldDataIsAt(kDataDir);
    EXPECT_EQ(Newest().state, RunState::kUndone);
    if (!failed) return;
  }
  FAIL() << "more operations than expected";
}

TEST_P(SwapTest, UndoIsGoneOnWith) {
  FaultyFiles files(disk_, Code::kUnknown);
  for (int n = First(); n < kOperationsMax; n += 2) {
    Reset();
    Result<Journal> journal = Run(disk_, Options());
    ASSERT_TRUE(journal.ok());
    Interrupt(files, n);
    const Status status = Undo(*journal, Tools(files));
    const bool failed = files.failed();
    Restart(files);
    ExpectOldDataIsSomewhere(*journal);
    if (!status.ok()) {
      Journal found = Newest();
      const Status undone = Undo(found, Tools(disk_));
      ASSERT_TRUE(undone.ok()) << n << ": " << undone.message();
    }
    ExpectOldDataIsAt(kDataDir);
    EXPECT_EQ(Newest().state, RunState::kUndone);
    if (!failed) return;
  }
  FAIL() << "more operations than expected";
}

INSTANTIATE_TEST_SUITE_P(Ends, SwapTest,
                         ::testing::Values(End::kFails, End::kKilled, End::kNothingSurvives,
                                           End::kEverySecondSurvives));

}  // namespace
}  // namespace warden::restore
