#include "exporter/etcd/reads.h"

#include <utility>

#include "exporter/etcd/calls.h"
#include "exporter/etcd/connections.h"
#include "exporter/etcd/errors.h"

namespace warden::etcd {
namespace {

// As a key: the first one there can be. As the end of a range: none.
constexpr std::string_view kBoundless("\0", 1);

etcdserverpb::RangeRequest RangeOf(std::string_view key, const ReadAt& at) {
  etcdserverpb::RangeRequest request;
  request.set_key(std::string(key));
  request.set_revision(at.revision);
  request.set_serializable(at.consistency == Consistency::kSerializable);
  return request;
}

Sender SenderIn(const etcdserverpb::ResponseHeader& header) {
  return {.member = {.cluster_id = header.cluster_id(), .member_id = header.member_id()},
          .current_revision = header.revision()};
}

std::optional<KeyEntry> EntryIn(const etcdserverpb::RangeResponse& response) {
  if (response.kvs().empty()) return std::nullopt;
  const etcdserverpb::KeyValue& found = response.kvs(0);
  return KeyEntry{.key = found.key(),
                  .value = found.value(),
                  .create_revision = found.create_revision(),
                  .mod_revision = found.mod_revision(),
                  .version = found.version(),
                  .lease = found.lease()};
}

bool IsRefusal(const RpcError& error) {
  return error.reason == Reason::kUnauthenticated || error.reason == Reason::kPermissionDenied;
}

class GrpcReads final : public Reads {
 public:
  GrpcReads(const ClusterOptions& options, const Clock& clock) : connections_(options, clock) {}

  RpcOutcome<KeyCount> CountKeys(const config::Endpoint& endpoint, const ReadAt& at,
                                 const Deadline& deadline) override {
    etcdserverpb::RangeRequest request = RangeOf(kBoundless, at);
    request.set_range_end(std::string(kBoundless));
    request.set_count_only(true);
    return Range<KeyCount>(endpoint, request, deadline,
                           [](const etcdserverpb::RangeResponse& response) {
                             return KeyCount{.keys = static_cast<std::uint64_t>(response.count()),
                                             .sender = SenderIn(response.header())};
                           });
  }

  RpcOutcome<std::optional<KeyEntry>> ReadKey(const config::Endpoint& endpoint,
                                              const std::string& key, const ReadAt& at,
                                              const Deadline& deadline) override {
    return Range<std::optional<KeyEntry>>(endpoint, RangeOf(key, at), deadline, EntryIn);
  }

  RpcOutcome<bool> HasKey(const config::Endpoint& endpoint, const std::string& key,
                          const ReadAt& at, const Deadline& deadline) override {
    etcdserverpb::RangeRequest request = RangeOf(key, at);
    request.set_count_only(true);
    return Range<bool>(
        endpoint, request, deadline,
        [](const etcdserverpb::RangeResponse& response) { return response.count() > 0; });
  }

  RpcOutcome<LeaseCount> CountLeases(const config::Endpoint& endpoint,
                                     const Deadline& deadline) override {
    return Ask<LeaseCount, etcdserverpb::LeaseLeasesResponse>(
        endpoint, deadline,
        [](Connection& member, grpc::ClientContext& context,
           etcdserverpb::LeaseLeasesResponse& response) {
          return etcdserverpb::Lease::NewStub(member.channel)->LeaseLeases(&context, {}, &response);
        },
        [](const etcdserverpb::LeaseLeasesResponse& response) {
          return LeaseCount{.leases = static_cast<std::uint64_t>(response.leases().size()),
                            .sender = SenderIn(response.header())};
        });
  }

  RpcOutcome<bool> AuthEnabled(const config::Endpoint& endpoint,
                               const Deadline& deadline) override {
    RpcOutcome<bool> outcome = Ask<bool, etcdserverpb::AuthStatusResponse>(
        endpoint, deadline,
        [](Connection& member, grpc::ClientContext& context,
           etcdserverpb::AuthStatusResponse& response) {
          return member.auth->AuthStatus(&context, {}, &response);
        },
        [](const etcdserverpb::AuthStatusResponse& response) { return response.enabled(); });
    if (outcome.error && outcome.error->reason == Reason::kUnimplemented) {
      outcome = AskAsNobody(endpoint, deadline);
    }
    if (outcome.error && IsRefusal(*outcome.error)) {
      outcome.error.reset();
      outcome.value = true;
    }
    return outcome;
  }

 private:
  // Authenticate without a name, which no user can have: etcd looks first whether it asks for users
  // at all. Unlike one that succeeds, it costs no raft entry.
  RpcOutcome<bool> AskAsNobody(const config::Endpoint& endpoint, const Deadline& deadline) {
    bool enabled = true;
    return Ask<bool, etcdserverpb::AuthenticateResponse>(
        endpoint, deadline,
        [&enabled](Connection& member, grpc::ClientContext& context,
                   etcdserverpb::AuthenticateResponse& response) {
          grpc::Status status = member.auth->Authenticate(&context, {}, &response);
          if (status.ok()) return status;
          const RpcError error = Classify(status, member.endpoint.tls);
          enabled = !SaysAuthIsOff(ToStatus(error));
          return !enabled || IsRefusal(error) ? grpc::Status::OK : status;
        },
        [&enabled](const etcdserverpb::AuthenticateResponse&) { return enabled; });
  }

  // `call` makes one call, `convert` makes a value of its answer.
  template <typename T, typename Response, typename Call, typename Convert>
  RpcOutcome<T> Ask(const config::Endpoint& endpoint, const Deadline& deadline, const Call& call,
                    const Convert& convert) {
    const SteadyTime started = connections_.clock().Steady();
    const std::shared_ptr<Connection> member = connections_.FindOrDial(endpoint);
    Response response;
    RpcOutcome<T> outcome;
    outcome.error =
        CallAs(connections_, connections_.backup_tokens(), *member, deadline,
               [&](grpc::ClientContext& context) { return call(*member, context, response); });
    if (!outcome.error) outcome.value = convert(response);
    outcome.finished = connections_.clock().Steady();
    outcome.duration = outcome.finished - started;
    return outcome;
  }

  template <typename T, typename Convert>
  RpcOutcome<T> Range(const config::Endpoint& endpoint, const etcdserverpb::RangeRequest& request,
                      const Deadline& deadline, const Convert& convert) {
    return Ask<T, etcdserverpb::RangeResponse>(
        endpoint, deadline,
        [&request](Connection& member, grpc::ClientContext& context,
                   etcdserverpb::RangeResponse& response) {
          return member.kv->Range(&context, request, &response);
        },
        convert);
  }

  Connections connections_;
};

}  // namespace

std::unique_ptr<Reads> MakeReads(const ClusterOptions& options, const Clock& clock) {
  return std::make_unique<GrpcReads>(options, clock);
}

RpcOutcome<std::vector<std::optional<KeyEntry>>> ReadKeys(Reads& reads,
                                                          const config::Endpoint& endpoint,
                                                          std::span<const std::string> keys,
                                                          const ReadAt& at,
                                                          const Deadline& deadline) {
  RpcOutcome<std::vector<std::optional<KeyEntry>>> outcome;
  std::vector<std::optional<KeyEntry>> entries;
  for (const std::string& key : keys) {
    RpcOutcome<std::optional<KeyEntry>> one = reads.ReadKey(endpoint, key, at, deadline);
    outcome.duration += one.duration;
    outcome.finished = one.finished;
    if (!one.ok()) {
      outcome.error = std::move(one.error);
      return outcome;
    }
    entries.push_back(*std::move(one.value));
  }
  outcome.value = std::move(entries);
  return outcome;
}

}  // namespace warden::etcd
