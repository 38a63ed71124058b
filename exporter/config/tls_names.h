// Go's names of TLS versions, ciphers, curves and client policies, which the web configuration
// file uses. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "exporter/config/web.h"

namespace warden::config {

std::optional<TlsVersion> ParseTlsVersion(std::string_view name);
// "" means NoClientCert, as in Go's zero value.
std::optional<ClientAuth> ParseClientAuth(std::string_view name);

struct CipherSuite {
  std::string_view go;
  std::string_view openssl;  // empty: of TLS 1.3, where neither Go nor we let anybody choose
};
// nullptr: unknown, or one that Go calls insecure.
const CipherSuite* FindCipherSuite(std::string_view name);

// OpenSSL's name of a curve of Go's; empty: unknown.
std::string_view FindCurve(std::string_view name);

}  // namespace warden::config
