// The TLS part of the web configuration as OpenSSL's objects, ready for any number of connections.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/base/x509.h"
#include "exporter/config/web.h"

namespace warden::http {

// Does not change after Make; several connections use it at a time.
class TlsSettings {
 public:
  // kInvalidArgument if OpenSSL refuses what the configuration found sound.
  static Result<TlsSettings> Make(const config::WebTls& tls);

  // Makes them the settings of a connection whose first message has arrived and is not answered yet
  // (SSL_CTX_set_client_hello_cb). False if OpenSSL refuses.
  bool Apply(SSL* connection) const;

  // Judges the certificate of a client that sent one; the reason for a refusal stays in `chain`.
  bool AcceptsClient(X509_STORE_CTX* chain) const;

 private:
  struct StoreFree {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  };
  using StorePtr = std::unique_ptr<X509_STORE, StoreFree>;

  bool ApplyCertificate(SSL* connection) const;
  bool ApplyClientPolicy(SSL* connection) const;
  bool HasAllowedName(X509* certificate) const;

  config::WebTls values_;  // without the texts that became the members below
  std::vector<X509Ptr> chain_;
  KeyPtr key_;
  std::vector<X509Ptr> client_ca_;
  StorePtr client_roots_;
};

}  // namespace warden::http
