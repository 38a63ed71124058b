// etcdctl's flags, and what they mean here.
#include "exporter/cli/connection.h"

#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include "tests/support/certificates.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace warden::cli {
namespace {

// Parses the words as the command line of a command and resolves them.
class ConnectionTest : public ::testing::Test {
 protected:
  Result<etcd::ClusterOptions> Resolve(std::vector<std::string> words) {
    CLI::App app;
    ConnectionFlags flags;
    flags.Declare(app, "5s");
    std::reverse(words.begin(), words.end());
    app.parse(words);
    return OptionsOf(flags.Resolve(clock_));
  }
  std::string ErrorOf(std::vector<std::string> words) {
    return Resolve(std::move(words)).status().message();
  }

  static Result<etcd::ClusterOptions> OptionsOf(Result<ConnectionFlags::Target> target) {
    if (!target.ok()) return target.error();
    return target->options;
  }

  testing::FakeClock clock_;
  testing::TempDir dir_;
};

TEST_F(ConnectionTest, DialsTheLocalMemberByDefault) {
  const auto options = Resolve({});
  ASSERT_EQ(options->endpoints.size(), 1U);
  EXPECT_EQ(options->endpoints[0].url, "127.0.0.1:2379");
  EXPECT_FALSE(options->endpoints[0].tls);
}

TEST_F(ConnectionTest, UsesTlsForBareEndpointsIfTlsFilesAreGiven) {
  const testing::CertificateAuthority authority(dir_);
  const auto options = Resolve(
      {"--endpoints", "10.0.0.1:2379,http://10.0.0.2:2379", "--cacert", authority.file().string()});
  ASSERT_EQ(options->endpoints.size(), 2U);
  EXPECT_EQ(options->endpoints[0].url, "https://10.0.0.1:2379");
  EXPECT_FALSE(options->endpoints[1].tls);
}

TEST_F(ConnectionTest, TakesUserAndPasswordInEitherForm) {
  EXPECT_EQ(*Resolve({"--user", "root:se:cret"})->auth->password.Read(), "se:cret");
  EXPECT_EQ(*Resolve({"--user", "root", "--password", "x"})->auth->password.Read(), "x");
}

TEST_F(ConnectionTest, RefusesWhatCannotWorkAndSaysWhatToDo) {
  EXPECT_EQ(ErrorOf({"--user", "root"}),
            "--user: no password; write name:password or add --password");
  EXPECT_EQ(ErrorOf({"--cluster", "prod"}), "--cluster needs --config.file");
  EXPECT_NE(ErrorOf({"--endpoints", "10.0.0.1"}).find("has no port"), std::string::npos);
  EXPECT_NE(ErrorOf({"--cacert", "missing.crt"}).find("missing.crt"), std::string::npos);
}

TEST_F(ConnectionTest, TakesAClusterFromAConfigurationFile) {
  const std::string file = dir_.Write("c.yaml",
                                      "clusters:\n"
                                      "  - {name: a, endpoints: ['http://10.0.0.1:2379']}\n"
                                      "  - {name: b, endpoints: ['http://10.0.0.2:2379']}\n");
  EXPECT_EQ(Resolve({"--config.file", file, "--cluster", "b"})->endpoints[0].url,
            "http://10.0.0.2:2379");
  EXPECT_EQ(ErrorOf({"--config.file", file, "--cluster", "c"}),
            "--cluster c: no such cluster; the file has a, b");
}

TEST_F(ConnectionTest, RefusesToGuessWhichOfFlagsAndFileIsMeant) {
  const std::string file =
      dir_.Write("c.yaml", "clusters: [{name: a, endpoints: ['http://10.0.0.1:2379']}]\n");
  EXPECT_EQ(ErrorOf({"--config.file", file, "--endpoints", "http://10.0.0.9:2379"}),
            "--endpoints contradicts --config.file, which says what to dial");
  EXPECT_EQ(ErrorOf({"--config.file", file, "--user", "root:x"}),
            "--user contradicts --config.file, which says what to dial");
}

TEST_F(ConnectionTest, NeedsAClusterNameOnlyIfTheFileHasSeveral) {
  const std::string file = dir_.Write("c.yaml",
                                      "clusters:\n"
                                      "  - {name: a, endpoints: ['http://10.0.0.1:2379']}\n"
                                      "  - {name: b, endpoints: ['http://10.0.0.2:2379']}\n");
  EXPECT_EQ(ErrorOf({"--config.file", file}), "--cluster is needed; the file has a, b");
}

TEST(Deadline, RefusesAnEmptyOrMalformedTimeout) {
  const testing::FakeClock clock;
  for (const char* text : {"0", "0s", "soon", "5"}) {
    CLI::App app;
    ConnectionFlags flags;
    flags.Declare(app, "5s");
    app.parse(std::string("--command-timeout ") + text);
    EXPECT_FALSE(flags.Resolve(clock).ok()) << text;
  }
}

}  // namespace
}  // namespace warden::cli
