#include "exporter/base/x509.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/files.h"

namespace warden {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

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
  return X509Ptr(PEM_read_bio_X509(bio, nullptr, NoPassphrase, &ignored));
}

Status Malformed(std::string_view subject, std::string_view what) {
  return {Code::kInvalidArgument, std::string(subject) + " " + std::string(what)};
}

Result<std::vector<X509Ptr>> LoadCertificates(const std::filesystem::path& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, PosixFiles().ReadAll(path, kFileBytesMax));
  return ParseCertificates(text, "the file").WithContext(path.string());
}

// A date beyond what nanoseconds can count (year 2262) is the last one that they can.
Result<WallTime> NotAfter(const X509* certificate) {
  tm utc{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) != 1) {
    ERR_clear_error();
    return Status(Code::kInvalidArgument, "a certificate has no valid date of expiry");
  }
  using std::chrono::sys_days;
  using std::chrono::sys_seconds;
  const auto date = std::chrono::year(utc.tm_year + 1900) / (utc.tm_mon + 1) / utc.tm_mday;
  const sys_seconds time = sys_days(date) + std::chrono::hours(utc.tm_hour) +
                           std::chrono::minutes(utc.tm_min) + Seconds(utc.tm_sec);
  return WallTime(std::min(time, std::chrono::floor<Seconds>(WallTime::max())));
}

Result<KeyPtr> LoadKey(const std::filesystem::path& path) {
  WARDEN_ASSIGN_OR_RETURN(std::string text, PosixFiles().ReadAll(path, kFileBytesMax));
  Result<KeyPtr> key = ParsePrivateKey(text, "the file");
  OPENSSL_cleanse(text.data(), text.size());
  return std::move(key).WithContext(path.string());
}

}  // namespace

Result<std::vector<X509Ptr>> ParseCertificates(std::string_view pem, std::string_view subject) {
  if (pem.empty()) return Malformed(subject, "is empty");
  const BioPtr bio = OpenText(pem);
  ERR_clear_error();
  std::vector<X509Ptr> certificates;
  while (X509Ptr next = ReadCertificate(bio.get())) certificates.push_back(std::move(next));
  // The end of the text is "no start line"; anything else is a certificate that cannot be read.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty()) return Malformed(subject, "holds no valid PEM certificate");
  if (ended) return certificates;
  return Malformed(
      "certificate " + std::to_string(certificates.size() + 1) + " of " + std::string(subject),
      "is damaged");
}

Result<KeyPtr> ParsePrivateKey(std::string_view pem, std::string_view subject) {
  if (pem.empty()) return Malformed(subject, "is empty");
  const BioPtr bio = OpenText(pem);
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &asked));
  ERR_clear_error();
  if (key != nullptr) return key;
  if (asked) {
    return Status(Code::kInvalidArgument,
                  "the private key is encrypted; store it without a passphrase");
  }
  return Malformed(subject, "holds no valid PEM private key");
}

bool IsKeyOf(const KeyPtr& key, const X509Ptr& certificate) {
  const bool match = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return match;
}

Status CheckCertificateFile(const std::filesystem::path& path) {
  return LoadCertificates(path).status();
}

Status CheckKeyPair(const std::filesystem::path& cert, const std::filesystem::path& key) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<X509Ptr> certificates, LoadCertificates(cert));
  WARDEN_ASSIGN_OR_RETURN(const KeyPtr private_key, LoadKey(key));
  if (IsKeyOf(private_key, certificates.front())) return Status();
  return {Code::kInvalidArgument,
          key.string() + ": the private key does not belong to the certificate " + cert.string()};
}

Result<std::vector<WallTime>> NotAfterTimes(std::string_view pem) {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<X509Ptr> certificates,
                          ParseCertificates(pem, "the file"));
  std::vector<WallTime> times;
  for (const X509Ptr& certificate : certificates) {
    WARDEN_ASSIGN_OR_RETURN(const WallTime time, NotAfter(certificate.get()));
    times.push_back(time);
  }
  return times;
}

Result<WallTime> EarliestNotAfterInFile(const std::filesystem::path& path) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, PosixFiles().ReadAll(path, kFileBytesMax));
  Result<std::vector<WallTime>> times = NotAfterTimes(text);
  if (!times.ok()) return std::move(times).WithContext(path.string()).error();
  return *std::min_element(times->begin(), times->end());
}

std::string OpenSslVersion() {
  return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace warden
