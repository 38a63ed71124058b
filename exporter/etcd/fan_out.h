// One observation of a cluster: Status to every endpoint at once, MemberList to each that turns out
// to be no learner, and a linearizable MemberList as proof of quorum through two that know a
// leader. Where the last observation found a voter, MemberList goes with Status and not after it,
// and through one of those endpoints the proof of quorum too: mostly one round trip is all it
// takes. All calls share one deadline and none is retried, but for a refused token.
#pragma once

#include <grpcpp/alarm.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/auth_evidence.h"
#include "exporter/etcd/calls.h"
#include "exporter/etcd/cluster.h"
#include "exporter/etcd/quorum_proof.h"

namespace warden::etcd {

struct CallKind {
  bool may_authenticate = true;
  bool proves_quorum = false;
  int repeats = 0;  // with a token that the member did not have yet
};

// Driven by gRPC's callbacks, which never block; any number of threads wait. Its owner keeps it
// until it is drained: a gRPC thread must own nothing, since gRPC cannot destroy a channel on its
// own thread.
class FanOut final : public Observation {
 public:
  // Sends the first calls and returns.
  static std::shared_ptr<FanOut> Start(std::shared_ptr<Connections> connections,
                                       const Deadline& deadline);

  const ClusterView& Wait() override WARDEN_EXCLUDES(mutex_);
  bool done() const override WARDEN_EXCLUDES(mutex_);
  SteadyTime deadline() const override { return deadline_; }

  // Cancels what is in flight; the view says kCanceled for it.
  void Cancel() WARDEN_EXCLUDES(mutex_);
  // Whether gRPC has handed back every call; Drain waits for it.
  bool drained() const WARDEN_EXCLUDES(mutex_);
  void Drain() WARDEN_EXCLUDES(mutex_);
  // How many calls' memory it holds.
  std::size_t calls_kept() const WARDEN_EXCLUDES(mutex_);

 private:
  FanOut(std::shared_ptr<Connections> connections, const Deadline& deadline);

  template <typename Request, typename Response>
  struct Call;
  // How one call went, whatever came of it.
  struct Trip {
    SteadyTime started;
    SteadyTime finished;
    bool anonymous = false;  // it carried neither token nor client certificate
  };
  // Makes one unary call over the endpoint's connection; `method` starts it, and
  // `answered(response, trip)` or `failed(error, trip)` runs on a gRPC thread when it ends,
  // which may start others. A call whose token was refused has failed, and is made again: a few
  // times if the member may not have the token yet, and once more if a newer one can be had.
  template <typename Request, typename Response, typename Method, typename Answered,
            typename Failed>
  void Ask(std::size_t index, Request request, Method method, Answered answered, Failed failed,
           CallKind kind = {}) WARDEN_EXCLUDES(mutex_);
  void Finished() WARDEN_EXCLUDES(mutex_);
  // Whether the view waits for no call any more; reads that can prove nothing new do not count.
  bool Settled() const WARDEN_REQUIRES(mutex_);

  // All that is to be asked of the endpoint right away.
  void SendFirst(std::size_t index);
  void SendStatus(std::size_t index);
  void SendMemberList(std::size_t index) WARDEN_EXCLUDES(mutex_);  // once
  void SendQuorumRead(std::size_t index);
  void AfterStatus(std::size_t index, const MemberStatus& status, const Trip& trip)
      WARDEN_EXCLUDES(mutex_);
  // After a call that carried `sent`.
  void NoteFailure(std::size_t index, Reason reason, const Token& sent) WARDEN_EXCLUDES(mutex_);
  void NoteCertificate(std::size_t index, const grpc::ClientContext& context)
      WARDEN_EXCLUDES(mutex_);
  // Runs `call` after the pause, unless cancelled meanwhile.
  void Later(Milliseconds pause, std::function<void()> call) WARDEN_EXCLUDES(mutex_);
  // Runs `retry` once a fresh token is there, or `explain` with the reason why there is none.
  using Retry = std::function<void()>;
  using Explain = std::function<void(const std::string&)>;
  void OnRefused(std::size_t index, std::uint64_t generation, const Retry& retry,
                 const Explain& explain) WARDEN_EXCLUDES(mutex_);
  void SendAuthenticate(std::size_t index) WARDEN_EXCLUDES(mutex_);
  void OnAuthenticated(std::size_t index, const Result<etcdserverpb::AuthenticateResponse>& answer)
      WARDEN_EXCLUDES(mutex_);

  // Stores one outcome in the view, unless the view is already closed.
  template <typename Store>
  void Record(Store store) WARDEN_EXCLUDES(mutex_);
  // Freezes the view: what has not answered has timed out.
  void Close() WARDEN_REQUIRES(mutex_);

  const std::shared_ptr<Connections> connections_;
  const ConnectionList members_;  // of the start, whatever is discovered meanwhile
  const std::vector<Seen> seen_;  // what the last one found at each
  const Token token_;             // of the start
  const SteadyTime started_;
  const SteadyTime deadline_;

  mutable Mutex mutex_;
  CondVar changed_;
  ClusterView view_ WARDEN_GUARDED_BY(mutex_);
  bool closed_ WARDEN_GUARDED_BY(mutex_) = false;
  bool cancelled_ WARDEN_GUARDED_BY(mutex_) = false;
  // Calls in flight or put off, and Start until it has sent the first ones.
  int pending_ WARDEN_GUARDED_BY(mutex_) = 1;
  QuorumProof quorum_ WARDEN_GUARDED_BY(mutex_);
  AuthEvidence evidence_ WARDEN_GUARDED_BY(mutex_);
  std::vector<bool> listing_ WARDEN_GUARDED_BY(mutex_);  // who was asked for the member list
  // Each keeps its whole call.
  std::vector<std::shared_ptr<grpc::ClientContext>> contexts_ WARDEN_GUARDED_BY(mutex_);
  // Those that put calls off. Owned here: a gRPC thread must not destroy one.
  std::vector<std::shared_ptr<grpc::Alarm>> alarms_ WARDEN_GUARDED_BY(mutex_);
  // Refused calls waiting for the token that this fan-out is fetching.
  struct Waiting {
    std::uint64_t generation = 0;
    Retry retry;
    Explain explain;
  };
  bool authenticating_ WARDEN_GUARDED_BY(mutex_) = false;
  std::vector<Waiting> waiting_ WARDEN_GUARDED_BY(mutex_);

  // Last: its callback uses all of the above.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace warden::etcd
