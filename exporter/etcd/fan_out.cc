#include "exporter/etcd/fan_out.h"

#include <utility>

#include "exporter/etcd/convert.h"
#include "exporter/etcd/errors.h"

namespace warden::etcd {
namespace {

template <typename T>
RpcOutcome<T> Failure(const RpcError& error, SteadyTime started, SteadyTime finished) {
  RpcOutcome<T> outcome;
  outcome.error = error;
  outcome.duration = finished - started;
  outcome.finished = finished;
  return outcome;
}

template <typename T>
RpcOutcome<T> Success(T value, SteadyTime started, SteadyTime finished) {
  RpcOutcome<T> outcome;
  outcome.value = std::move(value);
  outcome.duration = finished - started;
  outcome.finished = finished;
  return outcome;
}

bool IsOpen(const RpcOutcome<MemberStatus>& outcome) {
  return !outcome.value && !outcome.error;
}

}  // namespace

template <typename Request, typename Response>
struct FanOut::Call {
  grpc::ClientContext context;
  Request request;
  Response response;
  SteadyTime started;
};

std::shared_ptr<FanOut> FanOut::Start(std::shared_ptr<Connections> connections,
                                      const Deadline& deadline) {
  std::shared_ptr<FanOut> fan_out(new FanOut(std::move(connections), deadline));  // NOLINT: private
  fan_out->on_stop_.emplace(deadline.stop, [self = fan_out.get()] { self->Cancel(); });
  for (std::size_t i = 0; i < fan_out->connections_->members.size(); ++i) {
    fan_out->SendStatus(i);
  }
  fan_out->Finished();
  return fan_out;
}

FanOut::FanOut(std::shared_ptr<Connections> connections, const Deadline& deadline)
    : connections_(std::move(connections)),
      started_(connections_->clock.Steady()),
      deadline_(deadline.at) {
  view_.started = connections_->clock.Now();
  for (const auto& member : connections_->members) {
    view_.endpoints.push_back(
        EndpointView{.endpoint = member->endpoint, .status = {}, .member_list = {}});
  }
}

const ClusterView& FanOut::Wait() {
  MutexLock lock(mutex_);
  while (!closed_) {
    if (pending_ == 0 || connections_->clock.Steady() >= deadline_) {
      Close();
    } else {
      changed_.WaitUntil(mutex_, deadline_);
    }
  }
  return view_;
}

bool FanOut::done() const {
  MutexLock lock(mutex_);
  return closed_ || pending_ == 0;
}

void FanOut::Cancel() {
  std::vector<std::shared_ptr<grpc::ClientContext>> contexts;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    contexts = contexts_;
  }
  for (const auto& context : contexts) context->TryCancel();
}

bool FanOut::drained() const {
  MutexLock lock(mutex_);
  return pending_ == 0;
}

void FanOut::Drain() {
  MutexLock lock(mutex_);
  while (pending_ > 0) changed_.Wait(mutex_);
}

template <typename Request, typename Response, typename Method, typename Answered, typename Failed>
void FanOut::Ask(std::size_t index, Request request, Method method, Answered answered,
                 Failed failed, bool may_authenticate) {
  const Token token = connections_->tokens.Current();
  const auto owned = std::make_shared<Call<Request, Response>>();
  Call<Request, Response>* const call = owned.get();
  call->request = request;
  call->started = connections_->clock.Steady();
  Prepare(call->context, deadline_ - call->started, token.text);
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    ++pending_;
    contexts_.emplace_back(owned, &call->context);
    cancelled = cancelled_;
  }
  auto finish = [this, call, index, request, method, answered, failed, may_authenticate,
                 generation = token.generation](const grpc::Status& status) {
    const Timing timing{.started = call->started, .finished = connections_->clock.Steady()};
    if (status.ok()) {
      answered(call->response, timing);
      return Finished();
    }
    const RpcError error = Classify(status, connections_->members[index]->endpoint.tls);
    // A refusal is the outcome until a second try succeeds: the member lives, whatever becomes of
    // that.
    failed(error, timing);
    if (may_authenticate && connections_->tokens.MayHelp(error.reason, generation)) {
      OnRefused(
          index, generation,
          [this, index, request, method, answered, failed] {
            Ask<Request, Response>(index, request, method, answered, failed, false);
          },
          [failed, error, timing](const std::string& why) {
            RpcError explained = error;
            explained.message += " (" + why + ")";
            failed(explained, timing);
          });
    }
    Finished();
  };
  method(&call->context, &call->request, &call->response, std::move(finish));
  // A cancellation before the start would be lost; after it, it is not.
  if (cancelled) call->context.TryCancel();
}

void FanOut::Finished() {
  MutexLock lock(mutex_);
  if (--pending_ == 0) {
    if (!closed_) Close();
    changed_.NotifyAll();
  }
}

void FanOut::SendStatus(std::size_t index) {
  Ask<etcdserverpb::StatusRequest, etcdserverpb::StatusResponse>(
      index, {},
      [this, index](auto* context, auto* request, auto* response, auto done) {
        connections_->members[index]->maintenance->async()->Status(context, request, response,
                                                                   std::move(done));
      },
      [this, index](const auto& response, const Timing& timing) {
        const MemberStatus status = ToMemberStatus(response);
        Record([&](ClusterView& view) {
          view.endpoints[index].status = Success(status, timing.started, timing.finished);
        });
        AfterStatus(index, status);
      },
      [this, index](const RpcError& error, const Timing& timing) {
        Record([&](ClusterView& view) {
          view.endpoints[index].status =
              Failure<MemberStatus>(error, timing.started, timing.finished);
        });
      });
}

void FanOut::AfterStatus(std::size_t index, const MemberStatus& status) {
  if (status.is_learner) return;
  SendMemberList(index);
  if (!VersionAtLeast(status.version, 3, 5)) return;
  bool send = false;
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    // From here on the read decides.
    if (quorum_read_sent_) return;
    view_.quorum_read = false;
    // A member without a leader would only make the read wait for its time-out.
    send = quorum_read_sent_ = status.leader_id != 0;
  }
  if (send) SendQuorumRead(index);
}

void FanOut::SendMemberList(std::size_t index) {
  Ask<etcdserverpb::MemberListRequest, etcdserverpb::MemberListResponse>(
      index, {},
      [this, index](auto* context, auto* request, auto* response, auto done) {
        connections_->members[index]->cluster->async()->MemberList(context, request, response,
                                                                   std::move(done));
      },
      [this, index](const auto& response, const Timing& timing) {
        Record([&](ClusterView& view) {
          view.endpoints[index].member_list =
              Success(ToMemberList(response), timing.started, timing.finished);
        });
      },
      [this, index](const RpcError& error, const Timing& timing) {
        Record([&](ClusterView& view) {
          view.endpoints[index].member_list =
              Failure<MemberList>(error, timing.started, timing.finished);
        });
      });
}

void FanOut::SendQuorumRead(std::size_t index) {
  etcdserverpb::MemberListRequest linearizable;
  linearizable.set_linearizable(true);
  Ask<etcdserverpb::MemberListRequest, etcdserverpb::MemberListResponse>(
      index, linearizable,
      [this, index](auto* context, auto* request, auto* response, auto done) {
        connections_->members[index]->cluster->async()->MemberList(context, request, response,
                                                                   std::move(done));
      },
      [this](const auto&, const Timing&) {
        Record([](ClusterView& view) { view.quorum_read = true; });
      },
      [this](const RpcError& error, const Timing&) {
        // Any other failure is this member's own and says nothing about the quorum.
        if (error.reason == Reason::kNoLeader || error.reason == Reason::kTimeout) return;
        Record([](ClusterView& view) { view.quorum_read.reset(); });
      });
}

void FanOut::OnRefused(std::size_t index, std::uint64_t generation, const Retry& retry,
                       const Explain& explain) {
  TokenCache::Advice advice;
  {
    MutexLock lock(mutex_);
    // Decided under the lock, or a second refusal would take our own attempt for somebody else's.
    advice = authenticating_ ? TokenCache::Advice::kAuthenticate
                             : connections_->tokens.Refused(generation);
    if (advice == TokenCache::Advice::kAuthenticate) {
      waiting_.push_back({generation, retry, explain});
      if (std::exchange(authenticating_, true)) return;
    }
  }
  switch (advice) {
    case TokenCache::Advice::kRetry:
      return retry();
    case TokenCache::Advice::kGiveUp:
      return;
    case TokenCache::Advice::kAuthenticate:
      return SendAuthenticate(index);
  }
}

void FanOut::SendAuthenticate(std::size_t index) {
  const auto request = MakeAuthenticateRequest(*connections_->tokens.auth());
  if (!request.ok()) {
    connections_->tokens.Failed();
    return OnAuthenticated(request.error());
  }
  Ask<etcdserverpb::AuthenticateRequest, etcdserverpb::AuthenticateResponse>(
      index, *request,
      [this, index](auto* context, auto* sent, auto* response, auto done) {
        connections_->members[index]->auth->async()->Authenticate(context, sent, response,
                                                                  std::move(done));
      },
      [this](const auto& response, const Timing&) {
        connections_->tokens.Stored(response.token());
        OnAuthenticated({});
      },
      [this](const RpcError& error, const Timing&) {
        connections_->tokens.Failed();
        const std::string& user = connections_->tokens.auth()->username;
        OnAuthenticated(ToStatus(error).WithContext("authenticate as " + user));
      },
      false);
}

void FanOut::OnAuthenticated(const Status& status) {
  std::vector<Waiting> waiting;
  {
    MutexLock lock(mutex_);
    authenticating_ = false;
    waiting.swap(waiting_);
  }
  const std::uint64_t generation = connections_->tokens.Current().generation;
  for (const Waiting& call : waiting) {
    if (call.generation < generation) {
      call.retry();
    } else {
      call.explain(status.message());
    }
  }
}

template <typename Store>
void FanOut::Record(Store store) {
  MutexLock lock(mutex_);
  if (!closed_) store(view_);
}

void FanOut::Close() {
  const SteadyTime now = connections_->clock.Steady();
  const RpcError missing =
      cancelled_ ? RpcError{Reason::kCanceled, Code::kCancelled, "cancelled"}
                 : RpcError{Reason::kTimeout, Code::kDeadlineExceeded, "no answer in time"};
  for (EndpointView& endpoint : view_.endpoints) {
    if (IsOpen(endpoint.status)) {
      endpoint.status = Failure<MemberStatus>(missing, started_, now);
    } else if (endpoint.status.ok() && !endpoint.status.value->is_learner &&
               !endpoint.member_list) {
      endpoint.member_list = Failure<MemberList>(missing, endpoint.status.finished, now);
    }
  }
  view_.duration = now - started_;
  closed_ = true;
}

}  // namespace warden::etcd
