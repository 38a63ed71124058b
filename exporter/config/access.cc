#include "exporter/base/x509.h"
#include "exporter/config/sections.h"

namespace warden::config {
namespace {

constexpr Field<TlsConfig> kTlsFields[] = {
    {"ca_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.ca_file);
       if (reading.check_files && !tls.ca_file.empty()) {
         reading.Check(node, CheckCertificateFile(tls.ca_file));
       }
     }},
    {"cert_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.cert_file);
     }},
    {"key_file", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadPathInto(reading, node, tls.key_file);
     }},
    {"server_name", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       ReadTextInto(reading, node, tls.server_name);
     }},
    {"insecure_skip_verify", false,
     [](Reading& reading, const TreeNode& node, TlsConfig& tls) {
       tls.insecure_skip_verify = ReadFlag(reading, node).value_or(false);
     }},
};

constexpr Field<AuthConfig> kAuthFields[] = {
    {"username", true,
     [](Reading& reading, const TreeNode& node, AuthConfig& auth) {
       ReadTextInto(reading, node, auth.username);
     }},
    {"password_file", true,
     [](Reading& reading, const TreeNode& node, AuthConfig& auth) {
       ReadSecretInto(reading, node, auth.password);
     }},
};

void CheckClientPair(Reading& reading, const TreeNode& node, const TlsConfig& tls) {
  const TreeNode* cert = node.Find("cert_file");
  const TreeNode* key = node.Find("key_file");
  if (cert == nullptr && key == nullptr) return;
  if (key == nullptr) {
    reading.problems.Add(cert->at, PathOf(node, "key_file"), "is required with cert_file");
  } else if (cert == nullptr) {
    reading.problems.Add(key->at, PathOf(node, "cert_file"), "is required with key_file");
  } else if (reading.check_files && !tls.cert_file.empty() && !tls.key_file.empty()) {
    reading.Check(*cert, CheckKeyPair(tls.cert_file, tls.key_file));
  }
}

}  // namespace

void ReadTls(Reading& reading, const TreeNode& node, TlsConfig& tls) {
  ReadMapping(reading, node, kTlsFields, tls);
  CheckClientPair(reading, node, tls);
  if (!tls.insecure_skip_verify) return;
  for (const std::string_view ignored : {"ca_file", "server_name"}) {
    if (node.Find(ignored) == nullptr) continue;
    reading.Fail(*node.Find("insecure_skip_verify"),
                 "verifies nothing, so " + std::string(ignored) +
                     " would be ignored; leave one of the two out");
  }
}

void AppendTlsKeys(std::vector<std::string>& keys, std::string_view prefix) {
  AppendKeys(keys, prefix, kTlsFields);
}

AuthConfig ReadAuth(Reading& reading, const TreeNode& node) {
  AuthConfig auth{{}, Secret::Literal({})};
  ReadMapping(reading, node, kAuthFields, auth);
  return auth;
}

void AppendAuthKeys(std::vector<std::string>& keys, std::string_view prefix) {
  AppendKeys(keys, prefix, kAuthFields);
}

}  // namespace warden::config
