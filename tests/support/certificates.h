// A certificate authority for one test: P-256 keys and certificates as PEM files in a TempDir.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/temp_dir.h"

namespace warden::testing {

struct CertificateFiles {
  std::filesystem::path cert;
  std::filesystem::path key;
};

// Which names the certificate is good for, and when.
struct CertificateOptions {
  // subjectAltName; empty: none
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";
  long not_before_seconds = -3600;     // from now
  long not_after_seconds = 24 * 3600;  // from now
};

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// Throws where OpenSSL fails, which ends the test.
inline void Require(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL could not make a certificate for the test");
}

inline PrivateKeyPtr MakePrivateKey() {
  PrivateKeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  Require(key != nullptr);
  return key;
}

// What `write` puts into a memory BIO.
template <typename Write>
std::string ToPem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  Require(bio != nullptr && write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string PrivateKeyPem(EVP_PKEY* key) {
  return ToPem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

inline std::string EncryptedPrivateKeyPem(EVP_PKEY* key, const std::string& passphrase) {
  return ToPem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), passphrase.data(),
                                         static_cast<int>(passphrase.size()), nullptr, nullptr);
  });
}

class CertificateAuthority {
 public:
  // Writes `name`.crt, the authority's own certificate.
  explicit CertificateAuthority(const TempDir& directory, const std::string& name = "ca")
      : directory_(directory), key_(MakePrivateKey()), cert_(X509_new(), &X509_free) {
    Fill(cert_.get(), key_.get(), name, {});
    AddExtension(cert_.get(), NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(cert_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    Require(X509_sign(cert_.get(), key_.get(), EVP_sha256()) > 0);
    file_ = directory_.Write(name + ".crt", CertPem(cert_.get()));
  }

  const std::filesystem::path& file() const { return file_; }
  // Certificate and key of the authority itself, as a server that signed for itself has them.
  CertificateFiles SelfSigned() const {
    return {file_, directory_.Write(file_.stem().string() + ".key", PrivateKeyPem(key_.get()))};
  }

  // Writes `name`.crt and `name`.key, good for servers and for clients; `name` is the common name.
  CertificateFiles Issue(const std::string& name, const CertificateOptions& options = {}) {
    const PrivateKeyPtr key = MakePrivateKey();
    const CertificatePtr cert(X509_new(), &X509_free);
    Fill(cert.get(), key.get(), name, options);
    AddExtension(cert.get(), NID_key_usage, "critical,digitalSignature");
    AddExtension(cert.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    if (!options.names.empty()) AddExtension(cert.get(), NID_subject_alt_name, options.names);
    Require(X509_sign(cert.get(), key_.get(), EVP_sha256()) > 0);
    return {directory_.Write(name + ".crt", CertPem(cert.get())),
            directory_.Write(name + ".key", PrivateKeyPem(key.get()))};
  }

 private:
  static std::string CertPem(X509* cert) {
    return ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, cert); });
  }

  // Everything but the extensions and the signature.
  void Fill(X509* cert, EVP_PKEY* key, const std::string& name, const CertificateOptions& options) {
    X509_NAME* subject = X509_get_subject_name(cert);
    Require(X509_set_version(cert, X509_VERSION_3) == 1 &&
            ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial_) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(cert), options.not_before_seconds) != nullptr &&
            X509_gmtime_adj(X509_getm_notAfter(cert), options.not_after_seconds) != nullptr &&
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                       0) == 1 &&
            X509_set_issuer_name(cert, X509_get_subject_name(cert_.get())) == 1 &&
            X509_set_pubkey(cert, key) == 1);
  }

  static void AddExtension(X509* cert, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    Require(extension != nullptr);
    const int added = X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    Require(added == 1);
  }

  const TempDir& directory_;
  PrivateKeyPtr key_;
  CertificatePtr cert_;
  std::filesystem::path file_;
  long serial_ = 0;
};

}  // namespace warden::testing
