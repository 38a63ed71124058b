#include "exporter/base/x509.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/files.h"

namespace warden {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr std::size_t kFileBytesMax =
    std::size_t{4} * 1024 * 1024;  // a bundle of system roots is about 220 kB

BioPtr OpenText(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

// Stands in for the prompt that OpenSSL would otherwise open on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

X509Ptr ReadCertificate(BIO* bio) {
  bool ignored = false;
  return {PEM_read_bio_X509(bio, nullptr, NoPassphrase, &ignored), &X509_free};
}

// The first certificate of the file, after a look at all of them.
Result<X509Ptr> LoadCertificate(const std::filesystem::path& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, PosixFiles().ReadAll(path, kFileBytesMax));
  const BioPtr bio = OpenText(text);
  ERR_clear_error();
  X509Ptr first = ReadCertificate(bio.get());
  if (first == nullptr) {
    ERR_clear_error();
    return Status(Code::kInvalidArgument,
                  path.string() + (text.empty() ? ": the file is empty"
                                                : ": the file holds no valid PEM certificate"));
  }
  int count = 1;
  while (ReadCertificate(bio.get()) != nullptr) ++count;
  // The end of the file is "no start line"; anything else is a certificate that cannot be read.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) {
    return Status(
        Code::kInvalidArgument,
        path.string() + ": certificate " + std::to_string(count + 1) + " of the file is damaged");
  }
  return first;
}

Result<KeyPtr> LoadKey(const std::filesystem::path& path) {
  WARDEN_ASSIGN_OR_RETURN(std::string text, PosixFiles().ReadAll(path, kFileBytesMax));
  const BioPtr bio = OpenText(text);
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &asked), &EVP_PKEY_free);
  ERR_clear_error();
  const bool empty = text.empty();
  OPENSSL_cleanse(text.data(), text.size());
  if (key != nullptr) return key;
  if (asked) {
    return Status(Code::kInvalidArgument,
                  path.string() + ": the private key is encrypted; store it without a passphrase");
  }
  return Status(Code::kInvalidArgument, path.string() + (empty ? ": the file is empty"
                                                               : ": the file holds no valid PEM "
                                                                 "private key"));
}

}  // namespace

Status CheckCertificateFile(const std::filesystem::path& path) {
  return LoadCertificate(path).status();
}

Status CheckKeyPair(const std::filesystem::path& cert, const std::filesystem::path& key) {
  WARDEN_ASSIGN_OR_RETURN(const X509Ptr certificate, LoadCertificate(cert));
  WARDEN_ASSIGN_OR_RETURN(const KeyPtr private_key, LoadKey(key));
  const bool match = X509_check_private_key(certificate.get(), private_key.get()) == 1;
  ERR_clear_error();
  if (match) return Status();
  return {Code::kInvalidArgument,
          key.string() + ": the private key does not belong to the certificate " + cert.string()};
}

std::string OpenSslVersion() {
  return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace warden
