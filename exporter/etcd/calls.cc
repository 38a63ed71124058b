#include "exporter/etcd/calls.h"

#include "exporter/etcd/errors.h"

namespace warden::etcd {

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

Status Authenticate(Connections& connections, Connection& connection, const Deadline& deadline) {
  const auto request = MakeAuthenticateRequest(*connections.tokens.auth());
  if (!request.ok()) {
    connections.tokens.Failed();
    return request.error();
  }
  grpc::ClientContext context;
  Prepare(context, deadline.at - connections.clock.Steady(), "");
  const std::stop_callback cancel(deadline.stop, [&context] { context.TryCancel(); });
  etcdserverpb::AuthenticateResponse response;
  const grpc::Status status = connection.auth->Authenticate(&context, *request, &response);
  if (!status.ok()) {
    connections.tokens.Failed();
    return ToStatus(Classify(status, connection.endpoint.tls))
        .WithContext("authenticate as " + connections.tokens.auth()->username);
  }
  connections.tokens.Stored(response.token());
  return {};
}

}  // namespace warden::etcd
