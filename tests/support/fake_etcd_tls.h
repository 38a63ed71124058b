// The TLS of a fake member of etcd.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

namespace warden::testing {

struct FakeEtcdTls {
  std::filesystem::path cert;
  std::filesystem::path key;
  std::filesystem::path client_ca;  // if set, clients need a certificate of this authority
};

inline std::string ReadPem(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Without TLS those of plain text.
inline std::shared_ptr<grpc::ServerCredentials> FakeEtcdCredentials(
    const std::optional<FakeEtcdTls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      tls->client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                             : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({ReadPem(tls->key), ReadPem(tls->cert)});
  if (!tls->client_ca.empty()) options.pem_root_certs = ReadPem(tls->client_ca);
  return grpc::SslServerCredentials(options);
}

}  // namespace warden::testing
