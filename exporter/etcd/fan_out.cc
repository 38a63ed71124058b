#include "exporter/etcd/fan_out.h"

#include <algorithm>
#include <utility>

#include "exporter/etcd/closing.h"
#include "exporter/etcd/convert.h"
#include "exporter/etcd/errors.h"
#include "exporter/etcd/membership.h"

namespace warden::etcd {
namespace {

std::vector<Seen> LastSeen(const ConnectionList& members) {
  std::vector<Seen> seen;
  for (const auto& member : members) seen.push_back(member->seen);
  return seen;
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
  for (std::size_t i = 0; i < fan_out->members_.size(); ++i) {
    fan_out->SendFirst(i);
  }
  fan_out->Finished();
  return fan_out;
}

FanOut::FanOut(std::shared_ptr<Connections> connections, const Deadline& deadline)
    : connections_(std::move(connections)),
      members_(connections_->All()),
      seen_(LastSeen(members_)),
      token_(connections_->tokens().Current()),
      started_(connections_->clock().Steady()),
      deadline_(deadline.at),
      listing_(members_.size()) {
  view_.started = connections_->clock().Now();
  view_.began = started_;
  for (const auto& member : members_) {
    EndpointView& endpoint = view_.endpoints.emplace_back();
    endpoint.endpoint = member->endpoint;
    endpoint.discovered = member->discovered;
  }
}

const ClusterView& FanOut::Wait() {
  // Outlives the lock: whoever waits for the view is the one to free what nobody needs any more.
  std::vector<std::shared_ptr<grpc::ClientContext>> finished;
  MutexLock lock(mutex_);
  while (!closed_) {
    if (Settled() || connections_->clock().Steady() >= deadline_) {
      Close();
    } else {
      changed_.WaitUntil(mutex_, deadline_);
    }
  }
  if (pending_ == 0) finished.swap(contexts_);
  return view_;
}

bool FanOut::done() const {
  MutexLock lock(mutex_);
  return closed_ || Settled();
}

void FanOut::Cancel() {
  std::vector<std::shared_ptr<grpc::ClientContext>> contexts;
  std::vector<std::shared_ptr<grpc::Alarm>> alarms;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    contexts = contexts_;
    alarms = alarms_;
  }
  for (const auto& alarm : alarms) alarm->Cancel();
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

std::size_t FanOut::calls_kept() const {
  MutexLock lock(mutex_);
  return contexts_.size();
}

template <typename Request, typename Response, typename Method, typename Answered, typename Failed>
void FanOut::Ask(std::size_t index, Request request, Method method, Answered answered,
                 Failed failed, CallKind kind) {
  const Token token = connections_->tokens().Current();
  const auto owned = std::make_shared<Call<Request, Response>>();
  Call<Request, Response>* const call = owned.get();
  call->request = request;
  call->started = connections_->clock().Steady();
  Prepare(call->context, deadline_ - call->started, token.text);
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    ++pending_;
    if (kind.proves_quorum) quorum_.Sent(index);
    contexts_.emplace_back(owned, &call->context);
    cancelled = cancelled_;
  }
  auto finish = [this, call, index, request, method, answered, failed, kind,
                 token](const grpc::Status& status) {
    if (kind.proves_quorum) {
      // The call itself is pending until Finished: what it sets going is not to be missed.
      MutexLock lock(mutex_);
      quorum_.CameBack(index);
    }
    const config::Endpoint& endpoint = members_[index]->endpoint;
    const Trip trip{.started = call->started,
                    .finished = connections_->clock().Steady(),
                    .anonymous = token.text.empty() && !connections_->ShowsCertificate(endpoint)};
    if (endpoint.tls) NoteCertificate(index, call->context);
    if (status.ok()) {
      answered(call->response, trip);
      return Finished();
    }
    const RpcError error = Classify(status, endpoint.tls);
    NoteFailure(index, error.reason, token);
    if (error.reason == Reason::kDns) members_[index]->unresolved = true;
    // A refusal is the outcome until a second try succeeds: the member lives, whatever becomes of
    // that.
    failed(error, trip);
    const auto retry = [this, index, request, method, answered, failed](const CallKind& again) {
      Ask<Request, Response>(index, request, method, answered, failed, again);
    };
    const auto pause = connections_->tokens().PauseBeforeRepeat(error, token, kind.repeats);
    if (pause) {
      CallKind again = kind;
      ++again.repeats;
      Later(*pause, [retry, again] { retry(again); });
    } else if (kind.may_authenticate && connections_->tokens().MayHelp(error.reason, token)) {
      const CallKind again{.may_authenticate = false, .proves_quorum = kind.proves_quorum};
      OnRefused(
          index, token.generation, [retry, again] { retry(again); },
          [failed, error, trip](const std::string& why) {
            RpcError explained = error;
            explained.message += " (" + why + ")";
            failed(explained, trip);
          });
    }
    Finished();
  };
  // Cancel may have missed it. What is cancelled before its start is cancelled with it.
  if (cancelled) call->context.TryCancel();
  method(&call->context, &call->request, &call->response, std::move(finish));
}

void FanOut::NoteFailure(std::size_t index, Reason reason, const Token& sent) {
  MutexLock lock(mutex_);
  // A refusal from before the last Authenticate tells less than that did.
  if (connections_->tokens().Current().generation == sent.generation) {
    evidence_.Failed(index, reason);
  }
}

void FanOut::Later(Milliseconds pause, std::function<void()> call) {
  if (connections_->clock().Steady() + pause >= deadline_) return;
  {
    MutexLock lock(mutex_);
    ++pending_;
  }
  const auto alarm = std::make_shared<grpc::Alarm>();
  alarm->Set(TimeAfter(pause), [this, call = std::move(call)](bool expired) {
    if (expired) call();
    Finished();
  });
  // A cancellation before it was set would be lost. The call that is put off is still pending, so
  // all of this outlives the alarm's end.
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    alarms_.push_back(alarm);
    cancelled = cancelled_;
  }
  if (cancelled) alarm->Cancel();
}

void FanOut::Finished() {
  MutexLock lock(mutex_);
  --pending_;
  if (!Settled()) return;
  if (!closed_) Close();
  changed_.NotifyAll();
}

bool FanOut::Settled() const {
  return pending_ == quorum_.in_flight() && !quorum_.IsOpen();
}

void FanOut::NoteCertificate(std::size_t index, const grpc::ClientContext& context) {
  const auto peer = context.auth_context();
  if (peer == nullptr) return;
  const auto certificate = members_[index]->certificate.Of(*peer);
  if (!certificate) return;
  Record([&](ClusterView& view) { view.endpoints[index].certificate = certificate; });
}

void FanOut::SendFirst(std::size_t index) {
  SendStatus(index);
  if (seen_[index] == Seen::kNoVoter) return;
  SendMemberList(index);
  // The leader answers soonest.
  const auto best = std::max_element(seen_.begin(), seen_.end());
  const bool is_best = best == seen_.begin() + static_cast<std::ptrdiff_t>(index);
  if (is_best && *best >= Seen::kReader) SendQuorumRead(index);
}

void FanOut::SendStatus(std::size_t index) {
  Ask<etcdserverpb::StatusRequest, etcdserverpb::StatusResponse>(
      index, {},
      [this, index](auto* context, auto* request, auto* response, auto done) {
        members_[index]->maintenance->async()->Status(context, request, response, std::move(done));
      },
      [this, index](const auto& response, const Trip& trip) {
        const MemberStatus status = ToMemberStatus(response);
        Record([&](ClusterView& view) {
          view.endpoints[index].status = Success(status, trip.started, trip.finished);
        });
        AfterStatus(index, status, trip);
      },
      [this, index](const RpcError& error, const Trip& trip) {
        Record([&](ClusterView& view) {
          view.endpoints[index].status = Failure<MemberStatus>(error, trip.started, trip.finished);
        });
        // Who may not see the Status may yet see the list, which says who the member is.
        if (error.reason == Reason::kPermissionDenied) SendMemberList(index);
      });
}

void FanOut::AfterStatus(std::size_t index, const MemberStatus& status, const Trip& trip) {
  bool read = false;
  {
    MutexLock lock(mutex_);
    if (trip.anonymous) evidence_.AnsweredAnybody(index);
    read = !status.is_learner && !closed_ && quorum_.Choose(index, status);
  }
  if (!status.is_learner) SendMemberList(index);
  if (read) SendQuorumRead(index);
}

void FanOut::SendMemberList(std::size_t index) {
  {
    MutexLock lock(mutex_);
    if (listing_[index]) return;
    listing_[index] = true;
  }
  Ask<etcdserverpb::MemberListRequest, etcdserverpb::MemberListResponse>(
      index, {},
      [this, index](auto* context, auto* request, auto* response, auto done) {
        members_[index]->cluster->async()->MemberList(context, request, response, std::move(done));
      },
      [this, index](const auto& response, const Trip& trip) {
        Record([&](ClusterView& view) {
          view.endpoints[index].member_list =
              Success(ToMemberList(response), trip.started, trip.finished);
          view.endpoints[index].list_sender = ToIdentity(response.header());
        });
      },
      [this, index](const RpcError& error, const Trip& trip) {
        Record([&](ClusterView& view) {
          view.endpoints[index].member_list =
              Failure<MemberList>(error, trip.started, trip.finished);
        });
      });
}

void FanOut::SendQuorumRead(std::size_t index) {
  etcdserverpb::MemberListRequest linearizable;
  linearizable.set_linearizable(true);
  Ask<etcdserverpb::MemberListRequest, etcdserverpb::MemberListResponse>(
      index, linearizable,
      [this, index](auto* context, auto* request, auto* response, auto done) {
        members_[index]->cluster->async()->MemberList(context, request, response, std::move(done));
      },
      [this, index](const auto&, const Trip&) {
        MutexLock lock(mutex_);
        quorum_.Succeeded(index);
      },
      [this, index](const RpcError& error, const Trip&) {
        MutexLock lock(mutex_);
        quorum_.Failed(index, error.reason);
      },
      {.may_authenticate = true, .proves_quorum = true});
}

void FanOut::OnRefused(std::size_t index, std::uint64_t generation, const Retry& retry,
                       const Explain& explain) {
  // A stranger's token would be of no use.
  if (!connections_->memory().MayBeOurs(members_[index]->cluster_id)) return;
  TokenCache::Advice advice;
  {
    MutexLock lock(mutex_);
    if (closed_) return;  // nobody waits for it
    // Decided under the lock, or a second refusal would take our own attempt for somebody else's.
    advice = authenticating_ ? TokenCache::Advice::kAuthenticate
                             : connections_->tokens().Refused(generation);
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
  const auto request = MakeAuthenticateRequest(*connections_->tokens().auth());
  if (!request.ok()) return OnAuthenticated(index, request.error());
  connections_->tokens().Sent();
  Ask<etcdserverpb::AuthenticateRequest, etcdserverpb::AuthenticateResponse>(
      index, *request,
      [this, index](auto* context, auto* sent, auto* response, auto done) {
        members_[index]->auth->async()->Authenticate(context, sent, response, std::move(done));
      },
      [this, index](const auto& response, const Trip&) { OnAuthenticated(index, response); },
      [this, index](const RpcError& error, const Trip&) {
        OnAuthenticated(index, ToStatus(error));
      },
      {.may_authenticate = false, .proves_quorum = false});
}

void FanOut::OnAuthenticated(std::size_t index,
                             const Result<etcdserverpb::AuthenticateResponse>& answer) {
  const Status status =
      EndAuthenticate(*connections_, connections_->tokens(), *members_[index], answer);
  std::vector<Waiting> waiting;
  {
    MutexLock lock(mutex_);
    authenticating_ = false;
    if (status.ok()) evidence_.Authenticated();
    waiting.swap(waiting_);
  }
  const std::uint64_t generation = connections_->tokens().Current().generation;
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
  const SteadyTime now = connections_->clock().Steady();
  const Closing closing{
      .missing = cancelled_
                     ? RpcError{Reason::kCanceled, Code::kCancelled, "cancelled"}
                     : RpcError{Reason::kTimeout, Code::kDeadlineExceeded, "no answer in time"},
      .started = started_,
      .now = now};
  for (std::size_t i = 0; i < members_.size(); ++i) {
    CloseEndpoint(view_.endpoints[i], closing, seen_[i] != Seen::kNoVoter);
  }
  const auto main = MainClusterId(view_, connections_->memory().cluster_id());
  const std::optional<bool> quorum = quorum_.Verdict(main);
  if (quorum == true || !cancelled_) view_.quorum_read = quorum;
  if (!cancelled_) {
    for (std::size_t i = 0; i < members_.size(); ++i)
      members_[i]->Remember(view_.endpoints[i], main);
    connections_->LearnFrom(view_, token_, evidence_);
  }
  view_.duration = now - started_;
  closed_ = true;
}

}  // namespace warden::etcd
