#include "exporter/base/x509.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/certificates.h"

namespace warden {
namespace {

using testing::CertificateAuthority;
using testing::CertificateFiles;
using testing::TempDir;

std::string Slurp(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST(X509, AcceptsACertificateABundleAndAMatchingKey) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles client = ca.Issue("client");
  const auto bundle =
      dir.Write("bundle.crt", "a comment\n" + Slurp(client.cert) + Slurp(ca.file()));
  EXPECT_EQ(CheckCertificateFile(ca.file()).message(), "");
  EXPECT_EQ(CheckCertificateFile(bundle).message(), "");
  EXPECT_EQ(CheckKeyPair(client.cert, client.key).message(), "");
  EXPECT_EQ(CheckKeyPair(bundle, client.key).message(), "");
}

TEST(X509, TakesCertificateAndKeyFromOneFile) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles client = ca.Issue("client");
  const auto both = dir.Write("both.pem", Slurp(client.key) + Slurp(client.cert));
  EXPECT_EQ(CheckKeyPair(both, both).message(), "");
}

TEST(X509, RefusesAKeyOfAnotherCertificate) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles one = ca.Issue("one");
  const CertificateFiles two = ca.Issue("two");
  const Status status = CheckKeyPair(one.cert, two.key);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), two.key.string() +
                                  ": the private key does not belong to the certificate " +
                                  one.cert.string());
}

TEST(X509, RefusesAnEncryptedKeyWithoutAskingForItsPassphrase) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles client = ca.Issue("client");
  const auto key = testing::MakePrivateKey();
  const auto locked =
      dir.Write("locked.key", testing::EncryptedPrivateKeyPem(key.get(), "hunter2"));
  EXPECT_EQ(CheckKeyPair(client.cert, locked).message(),
            locked.string() + ": the private key is encrypted; store it without a passphrase");
}

TEST(X509, SaysWhichFileIsNoGoodAndWhy) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles client = ca.Issue("client");
  const auto empty = dir.Write("empty", "");
  const auto text = dir.Write("text", "no PEM at all\n");
  const auto cut = dir.Write("cut", Slurp(client.cert).substr(0, 200));
  std::string damaged_text = Slurp(client.cert);
  damaged_text[damaged_text.size() / 2] = '!';
  const auto damaged = dir.Write("damaged", Slurp(client.cert) + damaged_text);

  EXPECT_EQ(CheckCertificateFile(empty).message(), empty.string() + ": the file is empty");
  EXPECT_EQ(CheckCertificateFile(text).message(),
            text.string() + ": the file holds no valid PEM certificate");
  EXPECT_EQ(CheckCertificateFile(cut).message(),
            cut.string() + ": the file holds no valid PEM certificate");
  EXPECT_EQ(CheckCertificateFile(client.key).message(),
            client.key.string() + ": the file holds no valid PEM certificate");
  EXPECT_EQ(CheckCertificateFile(damaged).message(),
            damaged.string() + ": certificate 2 of the file is damaged");
  EXPECT_EQ(CheckKeyPair(client.cert, empty).message(), empty.string() + ": the file is empty");
  EXPECT_EQ(CheckKeyPair(client.cert, client.cert).message(),
            client.cert.string() + ": the file holds no valid PEM private key");
  EXPECT_EQ(CheckCertificateFile(dir / "missing").code(), Code::kNotFound);
  EXPECT_EQ(CheckKeyPair(client.cert, dir / "missing").code(), Code::kNotFound);
}

TEST(X509, SaysWhenEachCertificateExpires) {
  const TempDir dir;
  CertificateAuthority ca(dir);
  const CertificateFiles soon = ca.Issue("soon", {.not_after_seconds = 3600});
  const CertificateFiles past = ca.Issue("past", {.not_after_seconds = -3600});
  const auto bundle = dir.Write(
      "bundle.crt", "a comment\n" + Slurp(soon.cert) + Slurp(past.cert) + Slurp(ca.file()));
  const WallTime now = SystemClock().Now();
  const auto times = NotAfterTimes(Slurp(bundle));
  ASSERT_TRUE(times.ok()) << times.error().message();
  ASSERT_EQ(times->size(), 3U);
  const Seconds expected[] = {Seconds(3600), Seconds(-3600), Seconds(24 * 3600)};
  for (std::size_t i = 0; i < 3; ++i) {
    // The certificates were made a moment ago, and count whole seconds.
    EXPECT_LE(times->at(i), now + expected[i]);
    EXPECT_GT(times->at(i), now + expected[i] - Seconds(60));
  }
  const auto earliest = EarliestNotAfterInFile(bundle);
  ASSERT_TRUE(earliest.ok()) << earliest.error().message();
  EXPECT_EQ(*earliest, times->at(1));
}

TEST(X509, ReadsADateAsUtcAndLimitsItToWhatATimeCanHold) {
  // Years from 1970 of 31,556,952 s: 40 and 500.
  const TempDir dir;
  CertificateAuthority ca(dir);
  const auto far = ca.Issue("far", {.not_after_seconds = 40L * 31'556'952});
  const auto farthest = ca.Issue("farthest", {.not_after_seconds = 500L * 31'556'952});
  const WallTime now = SystemClock().Now();
  const auto near = EarliestNotAfterInFile(far.cert);
  ASSERT_TRUE(near.ok());
  EXPECT_GT(*near, now + Seconds(40L * 31'556'952 - 60));
  const auto limited = EarliestNotAfterInFile(farthest.cert);
  ASSERT_TRUE(limited.ok());
  EXPECT_EQ(*limited, std::chrono::floor<Seconds>(WallTime::max()));
}

TEST(X509, HasNoExpiryWhereNoCertificateIs) {
  const TempDir dir;
  EXPECT_EQ(NotAfterTimes("").status().code(), Code::kInvalidArgument);
  const auto nothing = dir.Write("nothing.crt", "nothing\n");
  EXPECT_EQ(EarliestNotAfterInFile(nothing).status().message(),
            nothing.string() + ": the file holds no valid PEM certificate");
  EXPECT_EQ(EarliestNotAfterInFile(dir / "missing.crt").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace warden
