// Channels to etcd: one per endpoint and purpose, with the settings that etcd's servers tolerate.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>

#include "exporter/config/config.h"

namespace warden::etcd {

// The two ways to dial one cluster. Rotated client certificates and CAs are picked up from their
// files within seconds, without a restart. Thread-safe.
class Dialer {
 public:
  explicit Dialer(const config::TlsConfig& tls);

  // A channel of its own: nothing is shared between two of them, so a full snapshot stream never
  // delays a scrape. Connects at the first call; after a failure tries again within a second.
  std::shared_ptr<grpc::Channel> Dial(const config::Endpoint& endpoint) const;

 private:
  const std::string server_name_;
  const std::shared_ptr<grpc::ChannelCredentials> tls_;
  const std::shared_ptr<grpc::ChannelCredentials> plain_;
};

}  // namespace warden::etcd
