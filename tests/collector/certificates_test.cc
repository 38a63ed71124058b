#include "exporter/collector/certificates.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "exporter/base/x509.h"
#include "tests/support/certificates.h"

namespace warden::collector {
namespace {

using testing::CertificateAuthority;

namespace fs = std::filesystem;

class CertificatesTest : public ::testing::Test {
 protected:
  // Replaces the content and keeps what the cache looks at, unless told otherwise.
  void Replace(const fs::path& file, const std::string& content, bool keep_time) {
    const auto time = fs::last_write_time(file);
    dir_.Write(file.filename().string(), content);
    fs::last_write_time(file, keep_time ? time : time + Seconds(1));
  }

  testing::TempDir dir_;
  CertificateAuthority ca_{dir_};
  const testing::CertificateFiles client_ = ca_.Issue("client", {.not_after_seconds = 3600});
};

TEST_F(CertificatesTest, AreReadFromTheConfiguredFiles) {
  collector::CertificateFiles files(
      {.ca_file = ca_.file(), .cert_file = client_.cert, .key_file = client_.key});
  const CertificateTimes times = files.Read();
  EXPECT_EQ(times.client, *EarliestNotAfterInFile(client_.cert));
  EXPECT_EQ(times.ca, *EarliestNotAfterInFile(ca_.file()));
  EXPECT_LT(*times.client, *times.ca);
}

TEST_F(CertificatesTest, AreAbsentWithoutFiles) {
  collector::CertificateFiles none({});
  EXPECT_FALSE(none.Read().client);
  EXPECT_FALSE(none.Read().ca);
}

TEST_F(CertificatesTest, AreReadAgainWhenTheyChange) {
  collector::CertificateFiles files({.cert_file = client_.cert});
  const auto before = files.Read().client;
  const auto renewed = ca_.Issue("renewed", {.not_after_seconds = 7200});
  fs::rename(renewed.cert, client_.cert);
  fs::last_write_time(client_.cert, fs::last_write_time(client_.cert) + Seconds(1));
  EXPECT_EQ(files.Read().client, *EarliestNotAfterInFile(client_.cert));
  EXPECT_GT(files.Read().client, before);
}

TEST_F(CertificatesTest, AreNotReadAgainWhileTheyStay) {
  collector::CertificateFiles files({.cert_file = client_.cert});
  const auto before = files.Read().client;
  ASSERT_TRUE(before);
  Replace(client_.cert, std::string(fs::file_size(client_.cert), 'x'), true);
  EXPECT_EQ(files.Read().client, before) << "the same size and time: not opened";
  Replace(client_.cert, std::string(fs::file_size(client_.cert), 'x'), false);
  EXPECT_FALSE(files.Read().client) << "no certificate any more";
}

TEST_F(CertificatesTest, FollowSymbolicLinksAsKubernetesRotatesThem) {
  const auto renewed = ca_.Issue("renewed", {.not_after_seconds = 7200});
  fs::last_write_time(renewed.cert, fs::last_write_time(renewed.cert) + Seconds(1));
  const fs::path link = dir_ / "link.crt";
  fs::create_symlink(client_.cert, link);
  collector::CertificateFiles files({.cert_file = link});
  EXPECT_EQ(files.Read().client, *EarliestNotAfterInFile(client_.cert));
  fs::remove(link);
  EXPECT_FALSE(files.Read().client) << "a file that is gone is absent";
  fs::create_symlink(renewed.cert, link);
  EXPECT_EQ(files.Read().client, *EarliestNotAfterInFile(renewed.cert));
}

TEST_F(CertificatesTest, MayBeReadFromManyThreads) {
  collector::CertificateFiles files({.ca_file = ca_.file(), .cert_file = client_.cert});
  const CertificateTimes expected = files.Read();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(files.Read().client, expected.client);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace warden::collector
