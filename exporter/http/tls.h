// TLS for civetweb's connections: each gets the settings that are current when it begins.
#pragma once

#include <openssl/ssl.h>

#include "exporter/http/connections.h"
#include "exporter/http/web_face.h"

namespace warden::http {

// Outlives the server's connections.
class Tls {
 public:
  Tls(WebFace& face, Connections& connections) : face_(face), connections_(connections) {}

  // Prepares the context from which civetweb makes its connections (its callback init_ssl), before
  // the first of them. False if OpenSSL refuses.
  bool Install(SSL_CTX* context);

 private:
  static int OnClientHello(SSL* connection, int* alert, void* self);
  static int OnClientCertificate(X509_STORE_CTX* chain, void* self);
  static void OnState(const SSL* connection, int where, int result);

  WebFace& face_;
  Connections& connections_;
};

}  // namespace warden::http
