// A disk in memory with a snapshot, a plan made of it, and a member's old data to be replaced.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "exporter/restore/facts.h"
#include "exporter/restore/plan_maker.h"
#include "exporter/restore/run.h"
#include "tests/restore/restored.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_files.h"

namespace warden::restore {

inline const Files::Path kSnapshotPath = "/backups/snapshot.db";
inline const Files::Path kDataDir = "/disk/etcd";

// Nobody has an address, so nobody answers.
class NoResolver final : public Resolver {
 public:
  Result<std::vector<IpAddress>> Resolve(const std::string& /*host*/,
                                         SteadyTime /*deadline*/) override {
    return Status(Code::kNotFound, "no such name");
  }
};

inline void Put(Files& files, const Files::Path& path, const std::string& content) {
  ASSERT_TRUE(files.MakeDirectories(path.parent_path()).ok());
  const auto file = files.Create(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_TRUE((*file)->Append(std::as_bytes(std::span(content))).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->Close().ok());
  ASSERT_TRUE(files.SyncDirectory(path.parent_path()).ok());
}

// Every file below the directory, with its content.
inline std::map<std::string, std::string> TreeOf(Files& files, const Files::Path& top) {
  std::map<std::string, std::string> tree;
  const auto entries = files.List(top);
  if (!entries.ok()) return tree;
  for (const DirectoryEntry& entry : *entries) {
    const Files::Path path = top / entry.name;
    if (entry.is_directory) {
      tree.merge(TreeOf(files, path));
    } else {
      tree[path.string()] = *files.ReadAll(path, 1ULL << 30);
    }
  }
  return tree;
}

inline PlanWishes WishesFor(const std::string& members) {
  PlanWishes wishes;
  wishes.initial_cluster = members;
  wishes.data_dirs.usual = kDataDir;
  return wishes;
}

class PlannedTest : public ::testing::Test {
 protected:
  PlannedTest() {
    Put(disk_, kSnapshotPath, testing::BoltFile(testing::EtcdBuckets(), {}).bytes());
    const auto facts = GatherFacts(disk_, kSnapshotPath, std::nullopt, {});
    EXPECT_TRUE(facts.ok()) << facts.status().message();
    facts_ = *facts;
    plan_ = *MakePlan(facts_, WishesFor("a=http://a:2380,b=http://b:2380,c=http://c:2380"),
                      clock_.Now());
  }
  void AddOldData() {
    Put(disk_, kDataDir / "member" / "snap" / "db", "the old database");
    Put(disk_, kDataDir / "member" / "wal" / "0.wal", "the old log");
    old_ = TreeOf(disk_, kDataDir);
  }
  RunOptions Options() const { return {.plan = plan_, .member = "b", .snapshot = kSnapshotPath}; }
  RunTools Tools(Files& files) {
    return {.files = files,
            .clock = clock_,
            .resolver = resolver_,
            .say = [this](const std::string& line) { said_.push_back(line); },
            .stop = {},
            .progress = {}};
  }
  // All three steps.
  Result<Journal> Run(Files& files, const RunOptions& options) {
    const RunTools tools = Tools(files);
    WARDEN_ASSIGN_OR_RETURN(Journal journal, Prepare(options, tools));
    WARDEN_RETURN_IF_ERROR(Swap(journal, options.plan, tools));
    WARDEN_RETURN_IF_ERROR(Finish(journal, tools));
    return journal;
  }
  // The new data is in its place and proven, and the old beside it.
  void ExpectRestored(const Journal& journal) {
    EXPECT_EQ(journal.state, RunState::kDone);
    const testing::MemoryFile snapshot(*disk_.ReadAll(kSnapshotPath, 1ULL << 30));
    const auto verification = VerifyDirectory(disk_, SnapshotOf(snapshot),
                                              OptionsOf(plan_, "b", *plan_.PlaceOf("b")), {});
    ASSERT_TRUE(verification.ok()) << verification.status().message();
    EXPECT_TRUE(verification->ok()) << verification->FirstProblem();
    ExpectOldDataIsAt(KeptPath(journal));
    EXPECT_FALSE(disk_.Stat(journal.staging.data_dir).ok());
  }
  Files::Path KeptPath(const Journal& journal) const {
    return kDataDir.string() + ".pre-restore-" + journal.id.substr(0, 19);
  }
  void ExpectOldDataIsAt(const Files::Path& path) {
    std::map<std::string, std::string> expected;
    for (const auto& [name, content] : old_) {
      expected[path.string() + name.substr(kDataDir.string().size())] = content;
    }
    // Without the bytes in the message: a log has 64 MB.
    EXPECT_TRUE(TreeOf(disk_, path) == expected) << path << " does not have the old data";
  }
  bool WasSaid(const std::string& part) const {
    return std::ranges::any_of(
        said_, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  testing::MemoryFiles disk_;
  testing::FakeClock clock_;
  NoResolver resolver_;
  ReadFacts facts_;
  Plan plan_;
  std::map<std::string, std::string> old_;  // what was in the data directory
  std::vector<std::string> said_;
};

}  // namespace warden::restore
