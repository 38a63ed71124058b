#include "exporter/config/web_tls.h"

#include <utility>

#include "exporter/base/files.h"
#include "exporter/base/x509.h"
#include "exporter/config/tls_names.h"
#include "exporter/config/web_fields.h"

namespace warden::config {
namespace {

constexpr std::size_t kPemBytesMax = std::size_t{4} * 1024 * 1024;

// PEM text that stands in the configuration or in a file; a file goes first, as in the toolkit.
struct Pem {
  const TreeNode* node = nullptr;  // where it is given; nullptr: it is not
  std::string text;
  std::filesystem::path file;  // empty: inline

  std::string_view subject() const { return file.empty() ? "the text" : "the file"; }
};

struct TlsDraft {
  WebTls tls;
  Pem certificate;
  Pem key;
  Pem client_ca;
  bool client_auth_given = false;
  bool only_tls13_suites = false;
};

void ReadInline(Reading& reading, const TreeNode& node, Pem& pem) {
  if (IsUnset(node) || !pem.file.empty() || !Expect(reading, node, Kind::kText)) return;
  pem.node = &node;
  pem.text = node.text;
}

void ReadFile(Reading& reading, const TreeNode& node, Pem& pem) {
  if (IsUnset(node)) return;
  const auto path = ReadPath(reading, node);
  if (!path) return;
  pem = {&node, {}, *path};
  if (!reading.check_files) return;
  Result<std::string> content = PosixFiles().ReadAll(*path, kPemBytesMax);
  if (reading.Check(node, content.status())) pem.text = *std::move(content);
}

void ReadVersion(Reading& reading, const TreeNode& node, TlsVersion& version) {
  const auto name = ReadOptionalText(reading, node);
  if (!name || name->empty()) return;
  if (const auto known = ParseTlsVersion(*name)) {
    version = *known;
  } else {
    reading.Fail(node, Quoted(*name) + " is no TLS version; want TLS10, TLS11, TLS12 or TLS13");
  }
}

void ReadClientAuth(Reading& reading, const TreeNode& node, TlsDraft& draft) {
  const auto name = ReadOptionalText(reading, node);
  if (!name) return;
  draft.client_auth_given = !name->empty();
  if (const auto known = ParseClientAuth(*name)) {
    draft.tls.client_auth = *known;
  } else {
    reading.Fail(node, Quoted(*name) +
                           " is no client_auth_type; want NoClientCert, RequestClientCert, "
                           "RequireAnyClientCert, VerifyClientCertIfGiven or "
                           "RequireAndVerifyClientCert");
  }
}

void ReadSans(Reading& reading, const TreeNode& node, TlsDraft& draft) {
  if (node.kind == Kind::kNothing || !Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    if (auto san = ReadText(reading, child)) {
      draft.tls.client_allowed_sans.push_back(*std::move(san));
    }
  }
}

void Append(std::string& list, std::string_view name) {
  if (!list.empty()) list += ":";
  list += name;
}

void ReadCipherSuites(Reading& reading, const TreeNode& node, TlsDraft& draft) {
  if (IsUnset(node) || (node.kind == Kind::kList && node.children.empty())) return;
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto name = ReadText(reading, child);
    if (!name) continue;
    const CipherSuite* suite = FindCipherSuite(*name);
    if (suite == nullptr) {
      reading.Fail(child, Quoted(*name) + " is no cipher suite that Go calls secure");
    } else if (!suite->openssl.empty()) {
      Append(draft.tls.cipher_suites, suite->openssl);
    }
  }
  draft.only_tls13_suites = draft.tls.cipher_suites.empty();
}

void ReadCurves(Reading& reading, const TreeNode& node, TlsDraft& draft) {
  if (IsUnset(node) || (node.kind == Kind::kList && node.children.empty())) return;
  if (!Expect(reading, node, Kind::kList)) return;
  for (const TreeNode& child : node.children) {
    const auto name = ReadText(reading, child);
    if (!name) continue;
    const std::string_view curve = FindCurve(*name);
    if (curve.empty()) {
      reading.Fail(child,
                   Quoted(*name) + " is no curve; want CurveP256, CurveP384, CurveP521 or X25519");
    } else {
      Append(draft.tls.curves, curve);
    }
  }
}

constexpr Field<TlsDraft> kTlsFields[] = {
    {"cert", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadInline(r, n, d.certificate); }},
    {"cert_file", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadFile(r, n, d.certificate); }},
    {"key", false, [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadInline(r, n, d.key); }},
    {"key_file", false, [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadFile(r, n, d.key); }},
    {"client_ca", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadInline(r, n, d.client_ca); }},
    {"client_ca_file", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadFile(r, n, d.client_ca); }},
    {"client_auth_type", false, ReadClientAuth},
    {"client_allowed_sans", false, ReadSans},
    {"min_version", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadVersion(r, n, d.tls.min_version); }},
    {"max_version", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) { ReadVersion(r, n, d.tls.max_version); }},
    {"cipher_suites", false, ReadCipherSuites},
    {"prefer_server_cipher_suites", false,
     [](Reading& r, const TreeNode& n, TlsDraft& d) {
       if (const auto prefer = ReadGoBool(r, n)) d.tls.prefer_server_cipher_suites = *prefer;
     }},
    {"curve_preferences", false, ReadCurves},
};

void CheckPolicy(Reading& reading, const TreeNode& node, const TlsDraft& draft) {
  const ClientAuth auth = draft.tls.client_auth;
  if (draft.client_ca.node != nullptr && auth == ClientAuth::kNoClientCert) {
    reading.Fail(*draft.client_ca.node, "has no effect without a client_auth_type");
  }
  const bool required =
      auth == ClientAuth::kRequireAnyClientCert || auth == ClientAuth::kRequireAndVerifyClientCert;
  if (!draft.tls.client_allowed_sans.empty() && !required) {
    reading.Fail(*node.Find("client_allowed_sans"),
                 "needs the client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert");
  }
  if (draft.tls.min_version <= draft.tls.max_version) return;
  reading.Fail(node,
               "leaves no TLS version: the newest allowed one is older than the oldest that "
               "min_version and cipher_suites allow");
}

// Whether the certificates and the key parse and belong together.
void CheckPems(Reading& reading, const TlsDraft& draft) {
  const auto check_subject = [&](const Pem& pem, const Status& status) {
    return reading.Check(*pem.node,
                         pem.file.empty() ? status : status.WithContext(pem.file.string()));
  };
  if (draft.client_ca.node != nullptr) {
    check_subject(draft.client_ca,
                  ParseCertificates(draft.client_ca.text, draft.client_ca.subject()).status());
  }
  const Pem& cert = draft.certificate;
  const auto certificates = ParseCertificates(cert.text, cert.subject());
  const auto key = ParsePrivateKey(draft.key.text, draft.key.subject());
  // Both are checked, so that one run shows everything.
  const bool cert_is_good = check_subject(cert, certificates.status());
  const bool key_is_good = check_subject(draft.key, key.status());
  if (cert_is_good && key_is_good && !IsKeyOf(*key, certificates->front())) {
    reading.Fail(*draft.key.node, "the private key does not belong to the certificate");
  }
}

}  // namespace

void ReadWebTls(Reading& reading, const TreeNode& node, WebConfig& config) {
  TlsDraft draft;
  ReadOptionalMapping(reading, node, kTlsFields, draft);
  const bool enabled = draft.certificate.node != nullptr || draft.key.node != nullptr ||
                       draft.client_ca.node != nullptr || draft.client_auth_given;
  // Then an older version has no cipher to offer.
  if (draft.only_tls13_suites) draft.tls.min_version = TlsVersion::kTls13;
  if (!enabled) return;  // versions and ciphers of no certificate: plain HTTP, as in the toolkit
  CheckPolicy(reading, node, draft);
  for (const auto& [pem, name] :
       {std::pair(&draft.certificate, "cert_file"), std::pair(&draft.key, "key_file")}) {
    if (pem->node != nullptr) continue;
    reading.problems.Add(node.at, PathOf(node, name), "is required for TLS");
  }
  if (reading.check_files && reading.problems.empty()) CheckPems(reading, draft);
  for (const Pem* pem : {&draft.certificate, &draft.key, &draft.client_ca}) {
    if (!pem->file.empty()) config.files.push_back(pem->file);
  }
  draft.tls.certificate = std::move(draft.certificate.text);
  draft.tls.private_key = Secret::Literal(std::move(draft.key.text));
  draft.tls.client_ca = std::move(draft.client_ca.text);
  config.tls = std::move(draft.tls);
}

std::vector<std::string_view> WebTlsKeys() {
  std::vector<std::string_view> keys;
  for (const Field<TlsDraft>& field : kTlsFields) keys.push_back(field.key);
  return keys;
}

}  // namespace warden::config
