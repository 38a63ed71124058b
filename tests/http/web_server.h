// A server with a web configuration file, certificates beside it, and clients of every kind.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <thread>

#include "tests/http/http_server.h"
#include "tests/support/bcrypt.h"
#include "tests/support/certificates.h"
#include "tests/support/tls_client.h"

namespace warden::http {

using testing::CertificateFiles;
using testing::CertificateOptions;
using testing::TlsClient;

inline constexpr std::string_view kTlsText =
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

class WebServer : public HttpServer {
 protected:
  WebServer() { ca_.Issue("server"); }

  void StartWith(const std::string& text) {
    Start({.listen_addresses = {}, .web_config_file = dir_.Write("web.yml", text)});
  }
  // TLS, with more lines of tls_server_config.
  void StartTls(const std::string& lines = {}) { StartWith(std::string(kTlsText) + lines); }

  // At once: nobody sees half of it.
  void Replace(const std::string& name, std::string_view content) const {
    std::filesystem::rename(dir_.Write(name + ".next", content), dir_ / name);
  }

  // The code of an answer over TLS; 0 if there is none.
  int CodeOf(const TlsClient& client) const { return client.Get(port_, "/hello").code; }
  int CodeOf(const testing::TlsClientOptions& options) const { return CodeOf(TlsClient(options)); }

  // What the server's certificate is called: its serial number.
  long SerialNumber() const {
    const TlsClient client({.ca = ca_.file()});
    HttpConnection connection(port_);
    if (!connection.StartTls(client.context())) return -1;
    return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get0_peer_certificate(connection.tls())));
  }

  // Asks until the answer is this one, for some seconds: changes are seen within a second.
  template <typename Ask, typename Answer>
  static bool Becomes(const Ask& ask, const Answer& wanted) {
    const SteadyTime patience = SystemClock().Steady() + Seconds(10);
    while (SystemClock().Steady() < patience) {
      if (ask() == wanted) return true;
      std::this_thread::sleep_for(Milliseconds(20));
    }
    return false;
  }

  // How often a line of the log has the text.
  std::size_t Logged(std::string_view text) const {
    std::size_t count = 0;
    for (const std::string& line : log_.lines()) count += line.find(text) != std::string::npos;
    return count;
  }

  testing::TempDir dir_;
  testing::CertificateAuthority ca_{dir_};
};

}  // namespace warden::http
