#include "exporter/http/tls_settings.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace warden::http {
namespace {

using config::ClientAuth;
using config::TlsVersion;

int ToOpenSsl(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      return TLS1_3_VERSION;
  }
  return TLS1_3_VERSION;
}

std::string ToText(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// As Go's net.IP prints it; "" if it is no address.
std::string ToAddress(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int length = ASN1_STRING_length(bytes);
  if (length != 4 && length != 16) return "";
  inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text, sizeof(text));
  return text;
}

// "" for a kind of name that has no place in client_allowed_sans.
std::string ToText(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return ToText(name.d.dNSName);
    case GEN_EMAIL:
      return ToText(name.d.rfc822Name);
    case GEN_URI:
      return ToText(name.d.uniformResourceIdentifier);
    case GEN_IPADD:
      return ToAddress(name.d.iPAddress);
    default:
      return "";
  }
}

Status Refused(const std::string& what) {
  ERR_clear_error();
  return {Code::kInvalidArgument, "TLS: OpenSSL refuses the " + what};
}

}  // namespace

Result<TlsSettings> TlsSettings::Make(const config::WebTls& tls) {
  TlsSettings settings;
  WARDEN_ASSIGN_OR_RETURN(settings.chain_, ParseCertificates(tls.certificate, "the certificate"));
  WARDEN_ASSIGN_OR_RETURN(const std::string key, tls.private_key.Read());
  WARDEN_ASSIGN_OR_RETURN(settings.key_, ParsePrivateKey(key, "the key"));
  settings.client_roots_.reset(X509_STORE_new());
  X509_STORE* const roots = settings.client_roots_.get();
  if (roots == nullptr) return Refused("client CA");
  if (tls.client_ca.empty()) {
    X509_STORE_set_default_paths(roots);
  } else {
    WARDEN_ASSIGN_OR_RETURN(settings.client_ca_, ParseCertificates(tls.client_ca, "client_ca"));
    for (const X509Ptr& root : settings.client_ca_) {
      if (X509_STORE_add_cert(roots, root.get()) != 1) return Refused("client CA");
    }
    // As in Go, whatever is listed is trusted, be it self-signed or not.
    X509_STORE_set_flags(roots, X509_V_FLAG_PARTIAL_CHAIN);
  }
  settings.values_ = tls;
  settings.values_.certificate.clear();
  settings.values_.client_ca.clear();
  settings.values_.private_key = Secret::Literal({});

  // A trial, so that what OpenSSL refuses is known before a client comes.
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  &SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> trial(
      context == nullptr ? nullptr : SSL_new(context.get()), &SSL_free);
  if (trial == nullptr || !settings.Apply(trial.get())) {
    return Refused("certificate, key, ciphers or curves (is the key too short?)");
  }
  return settings;
}

bool TlsSettings::Apply(SSL* connection) const {
  // Before TLS 1.2 everything is signed with SHA-1, which OpenSSL allows on its lowest level only.
  if (values_.min_version < TlsVersion::kTls12) SSL_set_security_level(connection, 0);
  if (values_.prefer_server_cipher_suites) {
    SSL_set_options(connection, SSL_OP_CIPHER_SERVER_PREFERENCE);
  } else {
    SSL_clear_options(connection, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  const std::string& ciphers = values_.cipher_suites;
  const std::string& curves = values_.curves;
  return SSL_set_min_proto_version(connection, ToOpenSsl(values_.min_version)) == 1 &&
         SSL_set_max_proto_version(connection, ToOpenSsl(values_.max_version)) == 1 &&
         (ciphers.empty() || SSL_set_cipher_list(connection, ciphers.c_str()) == 1) &&
         (curves.empty() || SSL_set1_groups_list(connection, curves.c_str()) == 1) &&
         ApplyCertificate(connection) && ApplyClientPolicy(connection);
}

bool TlsSettings::ApplyCertificate(SSL* connection) const {
  if (SSL_use_certificate(connection, chain_.front().get()) != 1 ||
      SSL_use_PrivateKey(connection, key_.get()) != 1) {
    return false;
  }
  return std::all_of(chain_.begin() + 1, chain_.end(), [&](const X509Ptr& certificate) {
    return SSL_add1_chain_cert(connection, certificate.get()) == 1;
  });
}

bool TlsSettings::ApplyClientPolicy(SSL* connection) const {
  int mode = SSL_VERIFY_NONE;
  if (values_.client_auth != ClientAuth::kNoClientCert) mode |= SSL_VERIFY_PEER;
  if (values_.client_auth == ClientAuth::kRequireAnyClientCert ||
      values_.client_auth == ClientAuth::kRequireAndVerifyClientCert) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_set_verify(connection, mode, nullptr);
  // Which authorities to name to the client, for its choice of a certificate.
  for (const X509Ptr& root : client_ca_) {
    if (SSL_add_client_CA(connection, root.get()) != 1) return false;
  }
  return SSL_set1_verify_cert_store(connection, client_roots_.get()) == 1;
}

bool TlsSettings::AcceptsClient(X509_STORE_CTX* chain) const {
  const bool verify = values_.client_auth == ClientAuth::kVerifyClientCertIfGiven ||
                      values_.client_auth == ClientAuth::kRequireAndVerifyClientCert;
  if (verify && X509_verify_cert(chain) != 1) return false;
  if (HasAllowedName(X509_STORE_CTX_get0_cert(chain))) return true;
  X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  return false;
}

bool TlsSettings::HasAllowedName(X509* certificate) const {
  const std::vector<std::string>& allowed = values_.client_allowed_sans;
  if (allowed.empty()) return true;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string name = ToText(*sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty() && std::ranges::find(allowed, name) != allowed.end()) return true;
  }
  return false;
}

}  // namespace warden::http
