#include "exporter/etcd/lock_calls.h"

#include <algorithm>
#include <utility>

#include "exporter/etcd/calls.h"

namespace warden::etcd {
namespace {

bool Says(const RpcError& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

bool SaysNoSpace(const RpcError& error) {
  return Says(error, "database space exceeded");
}

// The word of the cluster, which every other member would repeat; else it is one member's trouble.
bool IsForAll(const RpcError& error) {
  switch (error.reason) {
    case Reason::kPermissionDenied:
    case Reason::kCanceled:
      return true;
    case Reason::kOverload:
      return SaysNoSpace(error);
    case Reason::kOther:
      return error.code != Code::kUnavailable && error.code != Code::kUnknown;
    default:
      return false;
  }
}

// Of several members' troubles the one to tell: that of one which was reached.
int Weight(const RpcError& error) {
  switch (error.reason) {
    case Reason::kDns:
    case Reason::kConnect:
    case Reason::kTls:
      return 0;
    case Reason::kLearner:
      return 1;
    default:
      return 2;
  }
}

etcdserverpb::RangeRequest RangeOf(const std::string& key) {
  etcdserverpb::RangeRequest request;
  request.set_key(key);
  return request;
}

std::optional<LockCalls::Entry> EntryIn(const etcdserverpb::RangeResponse& response) {
  if (response.kvs().empty()) return std::nullopt;
  return LockCalls::Entry{.value = response.kvs(0).value(), .lease = response.kvs(0).lease()};
}

etcdserverpb::TxnRequest ToTxn(const LockCalls::Put& put) {
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare& compare = *request.add_compare();
  compare.set_key(put.key);
  if (put.instead_of == 0) {
    compare.set_target(etcdserverpb::Compare::CREATE);
    compare.set_create_revision(0);
  } else {
    compare.set_target(etcdserverpb::Compare::LEASE);
    compare.set_lease(put.instead_of);
  }
  etcdserverpb::PutRequest& success = *request.add_success()->mutable_request_put();
  success.set_key(put.key);
  success.set_value(put.value);
  success.set_lease(put.lease);
  *request.add_failure()->mutable_request_range() = RangeOf(put.key);
  return request;
}

}  // namespace

LockCalls::LockCalls(const ClusterOptions& options, std::string keys, Milliseconds rpc_timeout,
                     const Clock& clock)
    : keys_(std::move(keys)), rpc_timeout_(rpc_timeout), connections_(options, clock) {}

Result<std::optional<LockCalls::Entry>> LockCalls::Read(const std::string& key,
                                                        const Deadline& deadline) {
  const etcdserverpb::RangeRequest request = RangeOf(key);
  etcdserverpb::RangeResponse response;
  WARDEN_RETURN_IF_ERROR(Ask(deadline, [&](Connection& member, grpc::ClientContext& context) {
    return member.kv->Range(&context, request, &response);
  }));
  return EntryIn(response);
}

Result<LockCalls::PutAnswer> LockCalls::TryPut(const Put& put, const Deadline& deadline) {
  const etcdserverpb::TxnRequest request = ToTxn(put);
  etcdserverpb::TxnResponse response;
  WARDEN_RETURN_IF_ERROR(Ask(deadline, [&](Connection& member, grpc::ClientContext& context) {
    return member.kv->Txn(&context, request, &response);
  }));
  PutAnswer answer{.done = response.succeeded(), .found = {}};
  if (!answer.done && !response.responses().empty()) {
    answer.found = EntryIn(response.responses(0).response_range());
  }
  return answer;
}

Status LockCalls::Grant(std::int64_t lease, Seconds ttl, const Deadline& deadline) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_id(lease);
  request.set_ttl(ttl.count());
  Status granted = Ask(deadline, [&](const Connection& member, grpc::ClientContext& context) {
    etcdserverpb::LeaseGrantResponse response;
    return etcdserverpb::Lease::NewStub(member.channel)->LeaseGrant(&context, request, &response);
  });
  // By an earlier one of these calls.
  if (granted.message().find("lease already exists") != std::string::npos) return {};
  return granted;
}

Status LockCalls::Revoke(std::int64_t lease, const Deadline& deadline) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease);
  Status revoked = Ask(deadline, [&](const Connection& member, grpc::ClientContext& context) {
    etcdserverpb::LeaseRevokeResponse response;
    return etcdserverpb::Lease::NewStub(member.channel)->LeaseRevoke(&context, request, &response);
  });
  return revoked.code() == Code::kNotFound ? Status() : revoked;
}

Result<bool> LockCalls::KeepAlive(std::int64_t lease, const Deadline& deadline) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  std::int64_t ttl = 0;
  WARDEN_RETURN_IF_ERROR(
      Ask(deadline, [&](const Connection& member, grpc::ClientContext& context) -> grpc::Status {
        // A stream of one request: nothing is open between two of them that could break unseen.
        const auto stub = etcdserverpb::Lease::NewStub(member.channel);
        const auto stream = stub->LeaseKeepAlive(&context);
        stream->Write(request);
        stream->WritesDone();
        etcdserverpb::LeaseKeepAliveResponse response;
        const bool answered = stream->Read(&response);
        ttl = response.ttl();
        grpc::Status status = stream->Finish();
        if (!answered && status.ok()) {
          return {grpc::StatusCode::UNAVAILABLE, "the stream ended without an answer"};
        }
        return status;
      }));
  return ttl > 0;
}

Status LockCalls::Ask(const Deadline& deadline, const Call& call) {
  const ConnectionList members = connections_.All();
  const std::size_t first = first_;
  std::optional<RpcError> worst;
  const Connection* teller = nullptr;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const SteadyTime now = connections_.clock().Steady();
    if (i > 0 && now >= deadline.at) break;
    const std::size_t index = (first + i) % members.size();
    Connection& member = *members[index];
    const Deadline own{.at = std::min(now + rpc_timeout_, deadline.at), .stop = deadline.stop};
    // One that does not answer is not the first to be asked the next time.
    first_ = index + 1;
    const auto error = CallAs(connections_, connections_.backup_tokens(), member, own,
                              [&](grpc::ClientContext& context) { return call(member, context); });
    if (!error || IsForAll(*error)) {
      first_ = index;
      return error ? Explain(member, *error) : Status();
    }
    if (worst && Weight(*error) <= Weight(*worst)) continue;
    worst = *error;
    teller = &member;
  }
  if (!worst) return Status(Code::kUnavailable, "no endpoint to ask");
  return Explain(*teller, *worst);
}

Status LockCalls::Explain(const Connection& member, const RpcError& error) const {
  std::string advice;
  if (error.reason == Reason::kPermissionDenied) {
    advice =
        " (the user needs a role with `etcdctl role grant-permission ROLE readwrite "
        "--prefix=true " +
        keys_ + "`)";
  } else if (SaysNoSpace(error)) {
    advice = " (etcd takes no writes before space is made and the alarm NOSPACE disarmed)";
  } else if (error.reason == Reason::kTimeout || error.reason == Reason::kNoLeader) {
    advice = " (does the cluster have a quorum?)";
  }
  return Status(ToStatus(error).code(), member.endpoint.url + ": " + error.message + advice);
}

}  // namespace warden::etcd
