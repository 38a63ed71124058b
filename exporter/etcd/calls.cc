#include "exporter/etcd/calls.h"

#include <algorithm>

#include "exporter/etcd/errors.h"

namespace warden::etcd {
namespace {

// For as long nobody else can fetch the token, whatever patience the call has that needs it.
constexpr Seconds kAuthenticatePatience{10};

}  // namespace

gpr_timespec TimeAfter(Nanoseconds delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(delay.count(), GPR_TIMESPAN));
}

void Prepare(grpc::ClientContext& context, Nanoseconds remaining, const std::string& token) {
  context.set_deadline(TimeAfter(remaining));
  context.set_wait_for_ready(false);
  if (!token.empty()) context.AddMetadata("token", token);
}

Result<etcdserverpb::AuthenticateRequest> MakeAuthenticateRequest(const config::AuthConfig& auth) {
  Result<std::string> password = auth.password.Read();
  if (!password.ok()) {
    return std::move(password).WithContext("password of etcd user " + auth.username).error();
  }
  etcdserverpb::AuthenticateRequest request;
  request.set_name(auth.username);
  request.set_password(*password);
  return request;
}

Status EndAuthenticate(Connections& connections, TokenCache& tokens, Connection& connection,
                       const Result<etcdserverpb::AuthenticateResponse>& answer) {
  const std::string what = "authenticate as " + tokens.auth()->username;
  if (answer.ok()) {
    connection.cluster_id = answer->header().cluster_id();
    if (!connections.memory().MayBeOurs(connection.cluster_id)) {
      tokens.Failed();
      return Status(Code::kFailedPrecondition,
                    what + ": " + connection.endpoint.url + " belongs to another cluster");
    }
    tokens.Stored(answer->token());
    connections.memory().SawAuthentication(true);
    return {};
  }
  if (SaysAuthIsOff(answer.error())) {
    tokens.NotNeeded();
    connections.memory().SawAuthentication(false);
    return {};
  }
  tokens.Failed();
  return answer.error().WithContext(what);
}

bool Retries::Again(const Token& sent, RpcError& error) {
  if (error.code == Code::kDeadlineExceeded && !sent.text.empty()) tokens_.Drop(sent.generation);
  if (const auto pause = tokens_.PauseBeforeRepeat(error, sent, repeats_)) {
    ++repeats_;
    return Pause(*pause);
  }
  if (renewed_ || !tokens_.MayHelp(error.reason, sent)) return false;
  renewed_ = true;
  repeats_ = 0;
  const Status renewed = RenewToken(sent);
  if (!renewed.ok()) error.message += " (" + renewed.message() + ")";
  return renewed.ok();
}

bool Retries::Pause(Milliseconds pause) const {
  const Clock& clock = connections_.clock();
  const SteadyTime end = clock.Steady() + pause;
  if (end >= deadline_.at) return false;
  Mutex mutex;
  CondVar stopped;
  const std::stop_callback wake(deadline_.stop, [&] {
    MutexLock lock(mutex);
    stopped.NotifyAll();
  });
  MutexLock lock(mutex);
  while (!deadline_.stop.stop_requested() && clock.Steady() < end) stopped.WaitUntil(mutex, end);
  return !deadline_.stop.stop_requested();
}

Status Retries::RenewToken(const Token& refused) {
  switch (tokens_.RefusedWaiting(refused.generation, deadline_.at)) {
    case TokenCache::Advice::kGiveUp:
      return Status(Code::kUnauthenticated,
                    tokens_.auth() ? "no token to be had as " + tokens_.auth()->username
                                   : "no user is configured");
    case TokenCache::Advice::kRetry:
      return {};
    case TokenCache::Advice::kAuthenticate:
      break;
  }
  const auto request = MakeAuthenticateRequest(*tokens_.auth());
  if (!request.ok()) return EndAuthenticate(connections_, tokens_, connection_, request.error());
  tokens_.Sent();
  grpc::ClientContext context;
  const Nanoseconds remaining = deadline_.at - connections_.clock().Steady();
  Prepare(context, std::min<Nanoseconds>(remaining, kAuthenticatePatience), "");
  const std::stop_callback cancel(deadline_.stop, [&context] { context.TryCancel(); });
  etcdserverpb::AuthenticateResponse response;
  const grpc::Status status = connection_.auth->Authenticate(&context, *request, &response);
  if (status.ok()) return EndAuthenticate(connections_, tokens_, connection_, response);
  return EndAuthenticate(connections_, tokens_, connection_,
                         ToStatus(Classify(status, connection_.endpoint.tls)));
}

std::optional<RpcError> CallAs(Connections& connections, TokenCache& tokens, Connection& connection,
                               const Deadline& deadline,
                               const std::function<grpc::Status(grpc::ClientContext&)>& call) {
  Retries retries(connections, tokens, connection, deadline);
  while (true) {
    const Token token = tokens.Current();
    grpc::ClientContext context;
    Prepare(context, deadline.at - connections.clock().Steady(), token.text);
    const std::stop_callback cancel(deadline.stop, [&context] { context.TryCancel(); });
    const grpc::Status status = call(context);
    if (status.ok()) return std::nullopt;
    RpcError error = Classify(status, connection.endpoint.tls);
    connections.memory().SawFailure(error.reason);
    if (error.reason == Reason::kDns) connection.unresolved = true;
    if (!retries.Again(token, error)) return error;
  }
}

}  // namespace warden::etcd
