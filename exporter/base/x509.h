// X.509 certificates and keys as an operator hands them over: PEM, in files or as text.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

namespace warden {

// Fails unless the file holds at least one PEM certificate; the message names the file.
Status CheckCertificateFile(const std::filesystem::path& path);

// Fails unless both files parse and the private key belongs to the (first) certificate. An
// encrypted key is refused: nobody is there to type its passphrase.
Status CheckKeyPair(const std::filesystem::path& cert, const std::filesystem::path& key);

// When each certificate of a PEM text expires, in the order of the text; at least one.
Result<std::vector<WallTime>> NotAfterTimes(std::string_view pem);

// The earliest of the file's certificates; the message names the file.
Result<WallTime> EarliestNotAfterInFile(const std::filesystem::path& path);

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, X509Free>;

// Every certificate of the text, at least one. `subject` begins the message of a failure: "the
// file holds no valid PEM certificate".
Result<std::vector<X509Ptr>> ParseCertificates(std::string_view pem, std::string_view subject);
// The private key of the text, which must not be encrypted.
Result<KeyPtr> ParsePrivateKey(std::string_view pem, std::string_view subject);
// Whether the certificate is about this key.
bool IsKeyOf(const KeyPtr& key, const X509Ptr& certificate);

// Of the library in use: "3.0.16".
std::string OpenSslVersion();

}  // namespace warden
