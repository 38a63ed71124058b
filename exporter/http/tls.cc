#include "exporter/http/tls.h"

#include <memory>

namespace warden::http {
namespace {

using Held = std::shared_ptr<const WebSettings>;

void FreeHeld(void* /*connection*/, void* held, CRYPTO_EX_DATA* /*data*/, int /*index*/,
              long /*argument*/, void* /*pointer*/) {
  const std::unique_ptr<Held> owner(static_cast<Held*>(held));
}

// Where a connection keeps the settings that it began with.
int HeldIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeHeld);
  return index;
}

// What the function returns, or `otherwise` if it throws: OpenSSL's frames around the callbacks are
// C and do not let an exception through.
template <typename Function>
int Contained(int otherwise, const Function& function) noexcept {
  try {
    return function();
  } catch (...) {
    return otherwise;
  }
}

const Held* HeldOf(const SSL* connection) {
  return static_cast<const Held*>(SSL_get_ex_data(connection, HeldIndex()));
}

}  // namespace

bool Tls::Install(SSL_CTX* context) {
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_info_callback(context, OnState);
  SSL_CTX_set_tlsext_servername_callback(context, nullptr);
  SSL_CTX_set_client_hello_cb(context, OnClientHello, this);
  SSL_CTX_set_cert_verify_callback(context, OnClientCertificate, this);
  // A resumed session would keep the rights of a certificate that is refused by now.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // civetweb has forbidden the old versions by its own options; TlsSettings decides that.
  SSL_CTX_clear_options(context, SSL_OP_NO_SSL_MASK);
  // A client that closes without saying so is no error of TLS here: HTTP knows its own lengths.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  return HeldIndex() >= 0 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1;
}

int Tls::OnClientHello(SSL* connection, int* alert, void* self) {
  *alert = SSL_AD_INTERNAL_ERROR;
  return Contained(SSL_CLIENT_HELLO_ERROR, [&] {
    // A client that is asked for another key share says hello twice.
    if (HeldOf(connection) != nullptr) return SSL_CLIENT_HELLO_SUCCESS;
    auto held = std::make_unique<Held>(static_cast<Tls*>(self)->face_.Current());
    const TlsSettings& settings = *(*held)->tls;
    if (!settings.Apply(connection)) return SSL_CLIENT_HELLO_ERROR;
    if (SSL_set_ex_data(connection, HeldIndex(), held.get()) != 1) return SSL_CLIENT_HELLO_ERROR;
    (void)held.release();  // FreeHeld has it now
    return SSL_CLIENT_HELLO_SUCCESS;
  });
}

int Tls::OnClientCertificate(X509_STORE_CTX* chain, void* /*self*/) {
  return Contained(0, [&] {
    const auto* connection = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    return (*HeldOf(connection))->tls->AcceptsClient(chain) ? 1 : 0;
  });
}

void Tls::OnState(const SSL* connection, int where, int /*result*/) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  auto* self = static_cast<Tls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
  // civetweb's own mark of whom the connection belongs to.
  const auto* owner = static_cast<const mg_connection*>(SSL_get_app_data(connection));
  // What is not begun is not watched, and ends by civetweb's own time limit.
  Contained(0, [&] {
    self->connections_.Begin(owner, SSL_get_fd(connection));
    return 1;
  });
}

}  // namespace warden::http
