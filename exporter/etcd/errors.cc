#include "exporter/etcd/errors.h"

#include <array>

#include "exporter/base/text.h"

namespace warden::etcd {
namespace {

struct Rule {
  std::string_view text;
  Reason reason;
};

constexpr std::string_view kUnknownToken = "invalid auth token";

// Texts of etcd 3.4 to 3.7, whatever their prefix ("etcdserver: ", "auth: ") and code.
constexpr std::array<Rule, 11> kEtcdTexts = {{
    {"rpc not supported for learner", Reason::kLearner},
    {"user name is empty", Reason::kUnauthenticated},
    {kUnknownToken, Reason::kUnauthenticated},
    {"revision of auth store is old", Reason::kUnauthenticated},
    {"authentication failed", Reason::kUnauthenticated},
    {"permission denied", Reason::kPermissionDenied},
    // The common name of a client certificate that no user bears; the second is that of 3.6+.
    {"auth: user not found", Reason::kPermissionDenied},
    {"user name not found", Reason::kPermissionDenied},
    {"no leader", Reason::kNoLeader},
    {"leader changed", Reason::kNoLeader},
    {"too many requests", Reason::kOverload},
}};

// Texts of libgrpc 1.51 below a failed connection.
constexpr std::array<Rule, 8> kTransportTexts = {{
    {"DNS resolution failed", Reason::kDns},
    {"Domain name not found", Reason::kDns},
    {"handshake failed", Reason::kTls},
    {"TSI_", Reason::kTls},
    {"Peer name", Reason::kTls},
    {"verification check failed", Reason::kTls},
    {"ertificate", Reason::kTls},
    {"Cannot check peer", Reason::kTls},
}};

template <std::size_t N>
std::optional<Reason> Match(const std::array<Rule, N>& rules, std::string_view message) {
  for (const Rule& rule : rules) {
    if (message.find(rule.text) != std::string_view::npos) return rule.reason;
  }
  return std::nullopt;
}

// A connection that opened and broke off: with a server that insists on client certificates the
// alert arrives after the TLS 1.3 handshake, and plain text on a TLS port looks just like it.
bool BrokeOff(std::string_view message) {
  for (std::string_view text : {"Endpoint read failed", "Socket closed", "Connection reset"}) {
    if (message.find(text) != std::string_view::npos) return true;
  }
  return false;
}

Reason ReasonOf(const grpc::Status& status, bool tls) {
  const std::string message = status.error_message();
  if (const auto reason = Match(kEtcdTexts, message)) return *reason;
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Reason::kTimeout;
    case grpc::StatusCode::CANCELLED:
      return Reason::kCanceled;
    case grpc::StatusCode::UNAUTHENTICATED:
      return Reason::kUnauthenticated;
    case grpc::StatusCode::PERMISSION_DENIED:
      return Reason::kPermissionDenied;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Reason::kOverload;
    case grpc::StatusCode::UNIMPLEMENTED:
      return Reason::kUnimplemented;
    case grpc::StatusCode::UNAVAILABLE:
      break;
    default:
      return Reason::kOther;
  }
  if (message.find("request timed out") != std::string_view::npos) return Reason::kTimeout;
  if (const auto reason = Match(kTransportTexts, message)) return *reason;
  return tls && BrokeOff(message) ? Reason::kTls : Reason::kConnect;
}

std::string_view Hint(const grpc::Status& status, bool tls) {
  const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
  if (!unavailable || !BrokeOff(status.error_message())) return "";
  return tls ? " (does the server want a client certificate, or speak plain text?)"
             : " (does the server want TLS? then write https://)";
}

}  // namespace

RpcError Classify(const grpc::Status& status, bool tls) {
  return {.reason = ReasonOf(status, tls),
          .code = static_cast<Code>(status.error_code()),
          .message = ToSingleLine(status.error_message()) + std::string(Hint(status, tls))};
}

bool SaysAuthIsOff(const Status& status) {
  return status.message().find("authentication is not enabled") != std::string::npos;
}

bool SaysTokenIsUnknown(const RpcError& error) {
  return error.message.find(kUnknownToken) != std::string::npos;
}

}  // namespace warden::etcd
