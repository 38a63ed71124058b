// A run of the static-pod procedure on a node in memory, whose data is a file with one word.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/restore/kubeadm.h"
#include "exporter/restore/moves.h"
#include "tests/restore/kubeadm_manifests.h"
#include "tests/restore/kubeadm_node.h"
#include "tests/support/faulty_files.h"

namespace warden::restore {

class NoResolver final : public Resolver {
 public:
  Result<std::vector<IpAddress>> Resolve(const std::string& host, SteadyTime /*at*/) override {
    return Status(Code::kNotFound, host);
  }
};

class KubeadmNodeTest : public ::testing::Test {
 protected:
  KubeadmNodeTest() { options.until.reset(); }

  // One process after the other, so each call is one.
  Status Run() {
    said.clear();
    return RunKubeadm(RunOptions{.plan = plan,
                                 .member = "cp-1",
                                 .snapshot = "/snapshot.db",
                                 .tool = {},
                                 .owner = {},
                                 .ignored = {}},
                      options, Tools());
  }
  Status UndoNewest() {
    Journal journal = NewestJournal();
    return UndoKubeadm(journal, options, Tools());
  }
  Journal NewestJournal() {
    const auto journals = FindJournals(disk, "/var/lib/etcd");
    EXPECT_TRUE(journals.ok() && !journals->empty()) << journals.status().message();
    return journals.ok() && !journals->empty() ? journals->front() : Journal();
  }

  // Every manifest is in its place and as it was, its pod runs, and nothing was left over.
  void ExpectAllRunOn(const std::string& data) {
    node.Sync();
    EXPECT_EQ(node.running().size(), 4U);
    for (const auto& [name, content] : FakeNode::Manifests()) {
      EXPECT_EQ(node.Read(kManifests / (name + ".yaml")), content) << name;
    }
    EXPECT_EQ(disk.List("/etc/kubernetes")->size(), 1U);
    EXPECT_EQ(disk.List(kManifests)->size(), 4U);
    EXPECT_EQ(node.Read(kDatabase), data);
  }
  // Whether any line says that.
  bool Said(const std::string& part) const {
    return std::ranges::any_of(
        said, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  KubeadmTools Tools() {
    return {.run = {.files = files,
                    .clock = clock,
                    .resolver = resolver,
                    .say = [this](const std::string& line) { said.push_back(line); },
                    .stop = stop.get_token(),
                    .progress = nullptr},
            .node = node,
            .ask = [this](const std::string& question) -> Result<KubeadmAnswer> {
              asked.push_back(question);
              return question.starts_with(answered) ? answer : KubeadmAnswer::kGoOn;
            },
            .steps = {.prepare = [this](const RunOptions& run, const RunTools& tools) {
              return PrepareOneWord(run, tools);
            }}};
  }

  // What Prepare does, with one word for a database.
  Result<Journal> PrepareOneWord(const RunOptions& run, const RunTools& tools) {
    const MemberPlace place = *run.plan.PlaceOf(run.member);
    WARDEN_ASSIGN_OR_RETURN(const auto journals, FindJournals(tools.files, place.data_dir));
    if (!journals.empty() && !journals.front().is_over()) return journals.front();
    WARDEN_ASSIGN_OR_RETURN(const OldData old, FindOldData(tools.files, place));
    clock.Advance(Seconds(1));
    Journal journal{.id = backup::MakeId(clock.Now(), 7),
                    .plan_id = run.plan.id,
                    .plan_digest = DigestOf(run.plan),
                    .member = run.member,
                    .state = RunState::kReady,
                    .data_dir = place.data_dir,
                    .wal_dir = {},
                    .snapshot = run.snapshot,
                    .writer = "test",
                    .staging = {},
                    .moves = {},
                    .started = clock.Now(),
                    .ended = {},
                    .verification = {},
                    .error = {},
                    .procedure = {}};
    journal.staging = StagingOf(journal.id, place, old);
    const DirectoryLayout layout = LayoutOf(OptionsOf(run.plan, run.member, journal.staging));
    for (const Files::Path& file : {layout.database_file, layout.wal_file}) {
      WARDEN_RETURN_IF_ERROR(tools.files.MakeDirectories(file.parent_path()));
      if (tools.files.Stat(file).ok()) continue;
      WARDEN_RETURN_IF_ERROR(WriteAtomically(tools.files, file, "new"));
    }
    WARDEN_RETURN_IF_ERROR(SaveJournal(tools.files, journal));
    return journal;
  }

  testing::MemoryFiles disk;
  testing::FaultyFiles files{disk, Code::kUnknown};
  testing::FakeClock clock;
  NoResolver resolver;
  FakeNode node{disk, clock};
  Plan plan = ThreeNodePlan();
  KubeadmOptions options;
  std::stop_source stop;
  std::vector<std::string> said;
  std::vector<std::string> asked;
  std::string answered = "(nothing)";  // how the step begins that is answered otherwise
  KubeadmAnswer answer = KubeadmAnswer::kGoOn;
};

// What the kubelet sees of a run that goes well.
inline const std::vector<std::string> kForward = {"stop kube-apiserver",
                                                  "stop kube-controller-manager",
                                                  "stop kube-scheduler",
                                                  "stop etcd",
                                                  "start etcd on new",
                                                  "start kube-apiserver",
                                                  "start kube-controller-manager",
                                                  "start kube-scheduler"};

}  // namespace warden::restore
