#include "exporter/restore/kubeadm.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/restore/kubeadm_inspect.h"
#include "exporter/restore/kubeadm_peers.h"
#include "exporter/restore/kubeadm_pods.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

constexpr std::array<std::string_view, 3> kStepNames = {"stopped", "swapped", "etcd"};
// Between two looks at whether a peer that is up is one of the new cluster.
constexpr Seconds kNewMemberLook{5};

bool IsSwapped(const Journal& journal) {
  return journal.state == RunState::kSwapped || journal.state == RunState::kDone;
}

// One node with a journal: forward to the end, or back to where it was.
// The step from which on writes may be in the new data.
constexpr std::string_view kHealthy = "etcd healthy";

class NodeRun {
 public:
  NodeRun(Journal& journal, KubeadmProcedure procedure, const KubeadmOptions& options,
          const KubeadmTools& tools)
      : journal_(journal),
        procedure_(std::move(procedure)),
        options_(options),
        tools_(tools),
        pods_(procedure_, journal.data_dir / "member" / "snap" / "db",
              {.files = tools.run.files,
               .clock = tools.run.clock,
               .node = tools.node,
               .say = tools.run.say,
               .stop = tools.run.stop,
               .timeout = options.timeout}) {}
  NodeRun(const NodeRun&) = delete;
  NodeRun& operator=(const NodeRun&) = delete;

  // Whether it was left at somebody's word, which is no failure to undo.
  bool was_left() const { return was_left_; }
  // Whether all of it runs, and only notes on that could not be made.
  bool runs() const { return runs_; }
  // Whether etcd has served the new data, in this run or before: then writes may be in it that an
  // undo would put aside, which is somebody's decision and no consequence of a failure.
  bool has_served() const {
    return has_served_ ||
           std::ranges::count(procedure_.steps, kHealthy, &KubeadmProcedure::Made::step) > 0;
  }
  bool wants_undo() const { return wants_undo_; }

  // To the end, or to `until`.
  Status GoOn(const Plan& plan) {
    if (!IsSwapped(journal_)) WARDEN_RETURN_IF_ERROR(StopAndSwap(plan));
    if (EndsAfter(KubeadmStep::kStopped)) return {};
    if (EndsAfter(KubeadmStep::kSwapped)) return {};
    WARDEN_RETURN_IF_ERROR(StartEtcd());
    if (EndsAfter(KubeadmStep::kEtcd)) return {};
    WARDEN_RETURN_IF_ERROR(WaitUntilHealthy(plan));
    has_served_ = true;
    WARDEN_RETURN_IF_ERROR(StartControlPlane());
    runs_ = true;
    WARDEN_RETURN_IF_ERROR(Record("control plane started"));
    WARDEN_RETURN_IF_ERROR(pods_.RemoveHolding());
    WARDEN_RETURN_IF_ERROR(tools_.steps.finish(journal_, tools_.run));
    Say("done: " + journal_.member + " runs on the data of the snapshot; the old data was kept");
    return {};
  }

  // Nothing of it is done twice, so a second call goes on with the first.
  Status GoBack() {
    // An undo from before the swap has no moves.
    const bool data_was_touched = journal_.state == RunState::kSwapping || IsSwapped(journal_) ||
                                  (journal_.state == RunState::kUndoing && !journal_.moves.empty());
    if (data_was_touched) {
      for (const KubeadmPod& pod : procedure_.InStopOrder()) {
        WARDEN_RETURN_IF_ERROR(pods_.Stop(pod, [] { return Status(); }));
      }
    }
    if (journal_.state != RunState::kUndone) {
      Say(data_was_touched ? "put the old data back"
                           : "remove what was written beside the old data");
      WARDEN_RETURN_IF_ERROR(tools_.steps.undo(journal_, tools_.run));
    }
    for (const KubeadmPod& pod : procedure_.pods) WARDEN_RETURN_IF_ERROR(pods_.PutBack(pod));
    return pods_.RemoveHolding();
  }

  // What stands where, for whoever has to clear up.
  std::string Describe() const {
    std::string text = pods_.Describe() + "; the data of " + journal_.data_dir.string() + " is ";
    if (journal_.state == RunState::kUndone || journal_.state == RunState::kReady ||
        journal_.state == RunState::kWriting) {
      return text + "the old one";
    }
    if (IsSwapped(journal_)) return text + "the new one";
    return text + "half exchanged, as " + JournalPath(journal_).string() + " says";
  }

  Status RemoveHolding() { return pods_.RemoveHolding(); }

 private:
  void Say(const std::string& line) const { tools_.run.say(line); }

  // The journal learns how far it is.
  Status Save() {
    journal_.procedure = ToJson(procedure_);
    return SaveJournal(tools_.run.files, journal_);
  }
  Status Record(const std::string& step) {
    procedure_.steps.push_back({.step = step, .at = tools_.run.clock.Now()});
    return Save();
  }

  Status Ask(const std::string& what) {
    if (tools_.run.stop.stop_requested()) return {Code::kCancelled, "stopped before: " + what};
    Say(what);
    WARDEN_ASSIGN_OR_RETURN(const KubeadmAnswer answer, tools_.ask(what));
    if (answer == KubeadmAnswer::kGoOn) return {};
    was_left_ = answer == KubeadmAnswer::kLeave;
    wants_undo_ = answer == KubeadmAnswer::kUndo;
    return {Code::kAborted, was_left_ ? "left before: " + what : "somebody wants it undone"};
  }

  bool EndsAfter(KubeadmStep step) const {
    if (options_.until != step) return false;
    constexpr std::array<std::string_view, 3> kNext = {
        "waits until the other members are down, and swaps the data", "starts etcd on the new data",
        "waits until etcd is healthy, for which a quorum of the members has to be started, and "
        "starts the control plane"};
    Say("ends here, after \"" + std::string(KubeadmStepName(step)) +
        "\": the same command without --until, or with a later one, " +
        std::string(kNext.at(static_cast<std::size_t>(step))) + "; `restore undo` goes back");
    return true;
  }

  Status StopAndSwap(const Plan& plan) {
    KubeadmPeers peers(plan, journal_.member, procedure_, tools_.node);
    WARDEN_RETURN_IF_ERROR(StopAll(peers));
    if (options_.until == KubeadmStep::kStopped) return {};
    WARDEN_RETURN_IF_ERROR(WaitForPeers(peers));
    WARDEN_RETURN_IF_ERROR(Ask("swap: move the old data of " + journal_.data_dir.string() +
                               " aside and the new into its place"));
    WARDEN_RETURN_IF_ERROR(tools_.steps.swap(journal_, plan, tools_.run));
    return Record("swapped");
  }

  Status StopAll(KubeadmPeers& peers) {
    std::vector<std::string> names;
    bool runs = false;
    for (const KubeadmPod& pod : procedure_.InStopOrder()) {
      names.push_back(pod.name);
      WARDEN_ASSIGN_OR_RETURN(const Whereabouts where, pods_.Find(pod));
      runs = runs || where == Whereabouts::kInPlace;
    }
    const std::string what = "stop " + Join(names, ", ") + " of this node";
    if (runs) WARDEN_RETURN_IF_ERROR(Ask(what + ": their manifests are moved aside"));
    // From now on a neighbour may be seen to be down that does not wait for this node.
    const auto look = [&] { return LookAtPeers(peers); };
    for (const KubeadmPod& pod : procedure_.InStopOrder()) {
      WARDEN_RETURN_IF_ERROR(pods_.Stop(pod, look));
    }
    return runs ? Record("stopped") : Status();
  }

  Status LookAtPeers(KubeadmPeers& peers) {
    if (options_.peers_stopped || procedure_.peers_stopped) return {};
    WARDEN_ASSIGN_OR_RETURN(const bool found, peers.Look(tools_.run.stop));
    saw_peers_ = saw_peers_ || found;
    return found ? Save() : Status();
  }

  Status WaitForPeers(KubeadmPeers& peers) {
    if (options_.peers_stopped && !procedure_.peers_stopped) {
      procedure_.peers_stopped = true;
      WARDEN_RETURN_IF_ERROR(Record("peers stopped, as somebody says"));
    }
    if (procedure_.peers_stopped) return {};
    const std::string how =
        "; stop them there, or say --peers-stopped if they are stopped or already restored";
    Say("wait until the other members of the old cluster are down");
    SteadyTime next_question = tools_.run.clock.Steady();
    const Status waited = pods_.WaitFor([&]() -> Result<std::string> {
      WARDEN_ASSIGN_OR_RETURN(bool found, peers.Look(tools_.run.stop));
      if (!found && tools_.run.clock.Steady() >= next_question) {
        WARDEN_ASSIGN_OR_RETURN(found, peers.AskForNewMember(tools_.run.stop));
        // Where one is, there are more.
        if (!found) next_question = tools_.run.clock.Steady() + kNewMemberLook;
      }
      saw_peers_ = saw_peers_ || found;
      if (found) WARDEN_RETURN_IF_ERROR(Save());
      const std::string missing = peers.Missing();
      return missing.empty() ? missing : "not seen down yet: " + missing + how;
    });
    if (!waited.ok()) return waited.WithContext("wait for the peers");
    // One that was seen in an earlier run has had the time since then to see this node.
    if (!saw_peers_) return {};
    tools_.node.Wait(options_.settle, tools_.run.stop);
    return Record("peers down");
  }

  Status StartEtcd() {
    WARDEN_ASSIGN_OR_RETURN(const Whereabouts where, pods_.Find(procedure_.etcd()));
    if (where == Whereabouts::kHeld) {
      WARDEN_RETURN_IF_ERROR(Ask("start etcd on the new data"));
      WARDEN_RETURN_IF_ERROR(pods_.PutBack(procedure_.etcd()));
      WARDEN_RETURN_IF_ERROR(Record("etcd started"));
    }
    // Before it has a quorum, it serves its peers only.
    KubeadmPod peer_side = procedure_.etcd();
    peer_side.addresses = {procedure_.peer_url};
    return pods_.WaitUntilItListens(peer_side);
  }

  Status WaitUntilHealthy(const Plan& plan) {
    const std::size_t count = plan.cluster.members.size();
    Say("wait for a linearizable read through " + procedure_.client_url + ", which takes " +
        std::to_string(count / 2 + 1) + " of " + std::to_string(count) + " restored members");
    const Status healthy = pods_.WaitFor([&]() -> Result<std::string> {
      const Status read = tools_.node.CheckHealth(procedure_.client_url, tools_.run.stop);
      if (read.ok()) return std::string();
      return "etcd is not healthy" + WhoIsMissing(plan);
    });
    if (!healthy.ok()) return healthy.WithContext("start etcd");
    return Record(std::string(kHealthy));
  }

  // The other members at whose addresses nobody listens.
  std::string WhoIsMissing(const Plan& plan) const {
    std::vector<std::string> missing;
    for (const MemberPlace& place : plan.places) {
      const NewMember* member = plan.cluster.Find(place.name);
      if (member == nullptr || member->name == journal_.member) continue;
      for (const std::string& url : member->peer_urls) {
        const Result<bool> listens = tools_.node.Listens(url, tools_.run.stop);
        if (!listens.ok() || !*listens) missing.push_back(member->name + " (" + url + ")");
      }
    }
    return missing.empty() ? "" : "; nobody listens yet at " + Join(missing, ", ");
  }

  Status StartControlPlane() {
    bool is_held = false;
    std::vector<std::string> names;
    for (const KubeadmPod& pod : procedure_.pods) {
      if (pod.name == kEtcdPod) continue;
      names.push_back(pod.name);
      WARDEN_ASSIGN_OR_RETURN(const Whereabouts where, pods_.Find(pod));
      is_held = is_held || where == Whereabouts::kHeld;
    }
    if (names.empty()) return {};
    if (is_held) WARDEN_RETURN_IF_ERROR(Ask("start " + Join(names, ", ")));
    for (const KubeadmPod& pod : procedure_.pods) {
      if (pod.name == kEtcdPod) continue;
      WARDEN_RETURN_IF_ERROR(pods_.PutBack(pod));
      WARDEN_RETURN_IF_ERROR(pods_.WaitUntilItListens(pod));
    }
    return {};
  }

  Journal& journal_;
  KubeadmProcedure procedure_;
  const KubeadmOptions& options_;
  const KubeadmTools& tools_;
  KubeadmPods pods_;
  bool was_left_ = false;
  bool wants_undo_ = false;
  bool has_served_ = false;
  bool runs_ = false;
  bool saw_peers_ = false;  // go down, in this run
};

// A stop ends the run, not the way back.
KubeadmTools WithoutStop(const KubeadmTools& tools) {
  KubeadmTools unstoppable = tools;
  unstoppable.run.stop = {};
  return unstoppable;
}

// What failed, and how going back went.
Status UndoAfter(const Status& failure, Journal& journal, const KubeadmOptions& options,
                 const KubeadmTools& tools) {
  tools.run.say("failed: " + failure.message());
  const Status undone = UndoKubeadm(journal, options, tools);
  return {failure.code(),
          failure.message() + (undone.ok() ? "; everything is back where it was"
                                           : "; and going back failed, too: " + undone.message())};
}

// An undo that was cut short goes to its end before anything new begins.
Status EndOldUndo(Journal& journal, const KubeadmOptions& options, const KubeadmTools& tools) {
  if (journal.procedure.is_null()) return {};
  if (journal.state != RunState::kUndoing && journal.state != RunState::kUndone) return {};
  return UndoKubeadm(journal, options, tools);
}

}  // namespace

std::string_view KubeadmStepName(KubeadmStep step) {
  return kStepNames.at(static_cast<std::size_t>(step));
}

std::optional<KubeadmStep> ParseKubeadmStep(std::string_view name) {
  const auto* found = std::ranges::find(kStepNames, name);
  if (found == kStepNames.end()) return std::nullopt;
  return static_cast<KubeadmStep>(found - kStepNames.begin());
}

bool HoldsManifests(Files& files, const Journal& journal) {
  const Result<KubeadmProcedure> procedure = ParseProcedure(journal.procedure);
  return procedure.ok() && std::ranges::any_of(procedure->pods, [&](const KubeadmPod& pod) {
           return files.Stat(procedure->holding / pod.file).ok();
         });
}

Status UndoKubeadm(Journal& journal, const KubeadmOptions& options, const KubeadmTools& tools) {
  WARDEN_ASSIGN_OR_RETURN(KubeadmProcedure procedure, ParseProcedure(journal.procedure));
  const KubeadmTools unstoppable = WithoutStop(tools);
  NodeRun node(journal, std::move(procedure), options, unstoppable);
  if (journal.state == RunState::kUndone && !HoldsManifests(tools.run.files, journal))
    return node.RemoveHolding();
  tools.run.say("undo of " + journal.id + ", on the node of " + journal.member);
  const Status back = node.GoBack();
  if (back.ok()) {
    tools.run.say("undone: the old data and the manifests are where they were");
    return {};
  }
  return {back.code(), back.message() + "; " + node.Describe() +
                           "; `restore undo` goes on once that is put right"};
}

Status RunKubeadm(const RunOptions& run, const KubeadmOptions& options, const KubeadmTools& tools) {
  const MemberPlace* place = run.plan.PlaceOf(run.member);
  if (place == nullptr) {
    return {Code::kInvalidArgument, "the plan has no member \"" + run.member + "\""};
  }
  WARDEN_ASSIGN_OR_RETURN(std::vector<Journal> journals,
                          FindJournals(tools.run.files, place->data_dir));
  std::optional<Journal> journal;
  std::optional<KubeadmProcedure> before;
  if (!journals.empty()) {
    Journal& newest = journals.front();
    WARDEN_RETURN_IF_ERROR(EndOldUndo(newest, options, tools));
    if (!newest.is_over() && newest.plan_digest == DigestOf(run.plan) &&
        !newest.procedure.is_null()) {
      WARDEN_ASSIGN_OR_RETURN(before, ParseProcedure(newest.procedure));
      journal = newest;
    }
  }
  WARDEN_ASSIGN_OR_RETURN(KubeadmNode node,
                          InspectNode(tools.run.files, run.plan, run.member, options.node,
                                      before ? before->holding : Path()));
  WARDEN_RETURN_IF_ERROR(tools.node.CanCheckHealth(node.procedure.client_url));
  for (const std::string& remark : node.remarks) tools.run.say("note: " + remark);
  if (!journal) {
    const std::string what = "prepare: write the new data of " + run.member + " beside " +
                             place->data_dir.string() + " and prove it; nothing is stopped for it";
    tools.run.say(what);
    WARDEN_ASSIGN_OR_RETURN(const KubeadmAnswer answer, tools.ask(what));
    if (answer != KubeadmAnswer::kGoOn) return {Code::kAborted, "left before: " + what};
    WARDEN_ASSIGN_OR_RETURN(journal, tools.steps.prepare(run, tools.run));
    node.procedure.holding = options.node.HoldingOf(journal->id);
    before = std::move(node.procedure);
    journal->procedure = ToJson(*before);
    WARDEN_RETURN_IF_ERROR(SaveJournal(tools.run.files, *journal));
  }
  NodeRun forward(*journal, *std::move(before), options, tools);
  const Status done = forward.GoOn(run.plan);
  if (done.ok()) return {};
  if (forward.was_left()) return done;
  if (forward.runs()) {
    return {done.code(), "everything runs on the new data, but the receipt could not be written (" +
                             done.message() + "); run the same command again"};
  }
  if (forward.has_served() && !forward.wants_undo()) {
    return {done.code(), "etcd has served the new data, so nothing was undone: " + done.message() +
                             "; " + forward.Describe() +
                             "; run the same command again, or go back with `restore undo`"};
  }
  return UndoAfter(done, *journal, options, tools);
}

}  // namespace warden::restore
