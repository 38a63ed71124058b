// One observation of a cluster: Status to every endpoint at once, MemberList to each that turns out
// to be no learner, and one linearizable MemberList as proof of quorum. All calls share one
// deadline and none is retried, but for a refused token.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/etcd/calls.h"
#include "exporter/etcd/cluster.h"

namespace warden::etcd {

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

 private:
  FanOut(std::shared_ptr<Connections> connections, const Deadline& deadline);

  template <typename Request, typename Response>
  struct Call;
  struct Timing {
    SteadyTime started;
    SteadyTime finished;
  };
  // Makes one unary call over the endpoint's connection; `method` starts it, and
  // `answered(response, timing)` or `failed(error, timing)` runs on a gRPC thread when it ends,
  // which may start others. A call whose token was refused has failed, and is made once more if a
  // newer token can be had.
  template <typename Request, typename Response, typename Method, typename Answered,
            typename Failed>
  void Ask(std::size_t index, Request request, Method method, Answered answered, Failed failed,
           bool may_authenticate = true) WARDEN_EXCLUDES(mutex_);
  void Finished() WARDEN_EXCLUDES(mutex_);

  void SendStatus(std::size_t index);
  void SendMemberList(std::size_t index);
  void SendQuorumRead(std::size_t index);
  void AfterStatus(std::size_t index, const MemberStatus& status) WARDEN_EXCLUDES(mutex_);
  // Runs `retry` once a fresh token is there, or `explain` with the reason why there is none.
  using Retry = std::function<void()>;
  using Explain = std::function<void(const std::string&)>;
  void OnRefused(std::size_t index, std::uint64_t generation, const Retry& retry,
                 const Explain& explain) WARDEN_EXCLUDES(mutex_);
  void SendAuthenticate(std::size_t index) WARDEN_EXCLUDES(mutex_);
  void OnAuthenticated(const Status& status) WARDEN_EXCLUDES(mutex_);

  // Stores one outcome in the view, unless the view is already closed.
  template <typename Store>
  void Record(Store store) WARDEN_EXCLUDES(mutex_);
  // Freezes the view: what has not answered has timed out.
  void Close() WARDEN_REQUIRES(mutex_);

  const std::shared_ptr<Connections> connections_;
  const SteadyTime started_;
  const SteadyTime deadline_;

  mutable Mutex mutex_;
  CondVar changed_;
  ClusterView view_ WARDEN_GUARDED_BY(mutex_);
  bool closed_ WARDEN_GUARDED_BY(mutex_) = false;
  bool cancelled_ WARDEN_GUARDED_BY(mutex_) = false;
  // Calls in flight, and Start until it has sent the first ones.
  int pending_ WARDEN_GUARDED_BY(mutex_) = 1;
  bool quorum_read_sent_ WARDEN_GUARDED_BY(mutex_) = false;
  // Each keeps its whole call.
  std::vector<std::shared_ptr<grpc::ClientContext>> contexts_ WARDEN_GUARDED_BY(mutex_);
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
