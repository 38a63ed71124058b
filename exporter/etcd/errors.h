// From a gRPC failure to the closed set of reasons and to one line for people.
#pragma once

#include <grpcpp/support/status.h>

#include "exporter/etcd/view.h"

namespace warden::etcd {

// `tls` says whether the endpoint was dialled with TLS: the same broken connection means different
// mistakes. etcd's texts are matched before the codes, since 3.4 and 3.5 answer some refusals with
// UNKNOWN and their learners with UNAVAILABLE.
RpcError Classify(const grpc::Status& status, bool tls);

// What Authenticate says where etcd asks for no user.
bool SaysAuthIsOff(const Status& status);

// What a member says to a token that it does not have: not yet, or not any more.
bool SaysTokenIsUnknown(const RpcError& error);

}  // namespace warden::etcd
