#include "exporter/etcd/channel.h"

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

namespace warden::etcd {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

constexpr unsigned kRefreshSeconds = 5;
constexpr int kReconnectMinMs = 100;
constexpr int kReconnectMaxMs = 1'000;
constexpr int kConnectTimeoutMs = 5'000;
// etcd's server closes connections that ping more often than every 5 s, or without a call in
// flight.
constexpr int kKeepaliveMs = 15'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// A name is looked up again soon after it failed, or after its addresses did; libgrpc's half minute
// would hide a member that came back elsewhere.
constexpr int kLookupPauseMs = 1'000;
constexpr int kLookupTimeoutMs = 5'000;

std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(const config::TlsConfig& tls) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  const bool has_identity = !tls.cert_file.empty();
  if (has_identity) {
    options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
        tls.key_file, tls.cert_file, tls.ca_file, kRefreshSeconds));
    options.watch_identity_key_cert_pairs();
  } else if (!tls.ca_file.empty()) {
    options.set_certificate_provider(
        std::make_shared<FileWatcherCertificateProvider>(tls.ca_file, kRefreshSeconds));
  }
  // Without watched roots gRPC trusts the system's.
  if (!tls.ca_file.empty()) options.watch_root_certs();
  if (tls.insecure_skip_verify) {
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  }
  return grpc::experimental::TlsCredentials(options);
}

void PrepareGrpc() {
  static const bool prepared = [] {
    // libgrpc writes to stderr on its own; every failure reaches us as a status as well.
    gpr_set_log_function([](gpr_log_func_args*) {});
    // Debian's Abseil looks for lock cycles at every lock of libgrpc, under one global lock.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return true;
  }();
  (void)prepared;
}

}  // namespace

Dialer::Dialer(const config::TlsConfig& tls)
    : server_name_(tls.server_name),
      tls_((PrepareGrpc(), TlsCredentials(tls))),
      plain_(grpc::InsecureChannelCredentials()) {}

std::shared_ptr<grpc::Channel> Dialer::Dial(const config::Endpoint& endpoint) const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMinMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kLookupPauseMs);
  arguments.SetInt(GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, kLookupTimeoutMs);
  if (endpoint.tls && !server_name_.empty()) arguments.SetSslTargetNameOverride(server_name_);
  return grpc::CreateCustomChannel(endpoint.target, endpoint.tls ? tls_ : plain_, arguments);
}

}  // namespace warden::etcd
