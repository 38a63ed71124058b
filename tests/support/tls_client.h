// What a TLS client brings: whom it trusts, who it is, and what it speaks.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/certificates.h"
#include "tests/support/http_client.h"

namespace warden::testing {

struct TlsClientOptions {
  std::filesystem::path ca;  // of the server; empty: it may be anybody
  CertificateFiles own{};    // its own certificate, if it has one
  int version = 0;           // the only one it speaks; 0: any
  std::string ciphers{};     // up to TLS 1.2
  std::string groups{};
};

class TlsClient {
 public:
  explicit TlsClient(const TlsClientOptions& options)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    SSL_CTX* const context = context_.get();
    Require(context != nullptr);
    if (!options.ca.empty()) {
      Require(SSL_CTX_load_verify_locations(context, options.ca.c_str(), nullptr) == 1);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    if (!options.own.cert.empty()) {
      Require(SSL_CTX_use_certificate_chain_file(context, options.own.cert.c_str()) == 1 &&
              SSL_CTX_use_PrivateKey_file(context, options.own.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    if (options.version != 0) {
      if (options.version < TLS1_2_VERSION) SSL_CTX_set_security_level(context, 0);
      Require(SSL_CTX_set_min_proto_version(context, options.version) == 1 &&
              SSL_CTX_set_max_proto_version(context, options.version) == 1);
    }
    Require(options.ciphers.empty() ||
            SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) == 1);
    Require(options.groups.empty() ||
            SSL_CTX_set1_groups_list(context, options.groups.c_str()) == 1);
  }

  SSL_CTX* context() const { return context_.get(); }

  // One request on a connection of its own; code 0 if there is no answer, for whatever reason.
  HttpReply Get(int port, std::string_view path, const HttpHeaders& headers = {}) const {
    HttpConnection connection(port);
    if (!connection.StartTls(context())) return {};
    connection.Send(FormatRequest("GET", path, headers, ""));
    return connection.ReadReply();
  }

 private:
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace warden::testing
