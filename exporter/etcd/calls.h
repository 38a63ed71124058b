// What the calls to etcd share: their context, and what happens when etcd wants to know the user.
#pragma once

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <optional>
#include <string>

#include "exporter/etcd/connections.h"

namespace warden::etcd {

// The moment `delay` from now by gRPC's steady clock, so that a step of the wall clock moves no
// deadline.
gpr_timespec TimeAfter(Nanoseconds delay);

// Deadline and token; never waits for a connection that was refused.
void Prepare(grpc::ClientContext& context, Nanoseconds remaining, const std::string& token);

// The request with the password read afresh from its file; the message names the file on failure.
Result<etcdserverpb::AuthenticateRequest> MakeAuthenticateRequest(const config::AuthConfig& auth);

// Draws the conclusions from one Authenticate that TokenCache::Refused advised: the answer, or why
// there is none. A stranger's token is thrown away. The message of the failure says for whom. If
// etcd says that it asks for no user, that is a success, and calls go without a token.
Status EndAuthenticate(Connections& connections, TokenCache& tokens, Connection& connection,
                       const Result<etcdserverpb::AuthenticateResponse>& answer);

// Whether a blocking call over one connection is made again: a few times with a token so new that
// the member may not have it yet, and once with a newer one. A token with which it was not answered
// in time is dropped: it may be why. Not thread-safe.
class Retries {
 public:
  // All outlive this.
  Retries(Connections& connections, TokenCache& tokens, Connection& connection,
          const Deadline& deadline)
      : connections_(connections), tokens_(tokens), connection_(connection), deadline_(deadline) {}

  // After the call failed with `error`, having carried `sent`: true once it can be made again with
  // the current token. Pauses before, or fetches a token, up to the deadline. If there is none to
  // be had, false, and the error's message says why.
  bool Again(const Token& sent, RpcError& error);

 private:
  // False if the call cannot be made any more when the pause is over.
  bool Pause(Milliseconds pause) const;
  // Fetches a token other than `refused`, or waits for somebody else who does. Fails with the
  // reason why there is none.
  Status RenewToken(const Token& refused);

  Connections& connections_;
  TokenCache& tokens_;
  Connection& connection_;
  const Deadline& deadline_;
  int repeats_ = 0;
  bool renewed_ = false;
};

// Makes a blocking call, and again as Retries says. `call` makes it in the context that it is
// given.
std::optional<RpcError> CallAs(Connections& connections, TokenCache& tokens, Connection& connection,
                               const Deadline& deadline,
                               const std::function<grpc::Status(grpc::ClientContext&)>& call);

}  // namespace warden::etcd
