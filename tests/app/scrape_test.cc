// What of a page needs both the cluster and its catalogue.
#include "exporter/app/scrape.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "exporter/app/probe.h"
#include "tests/app/runtime_fixture.h"
#include "tests/backup/backups.h"
#include "tests/support/fake_etcd.h"

namespace warden::app {
namespace {

constexpr Selection kEverything = {.clusters = true, .backups = true, .self = true};

class ScrapeTest : public RuntimeTest {
 protected:
  ScrapeTest() { SayRevision(4300); }

  void SayRevision(std::int64_t revision) {
    auto status = testing::MakeStatusResponse(1, 1, "3.5.30");
    status.mutable_header()->set_revision(revision);
    member_.SetStatus(status);
  }
  void Serve() {
    auto host = Host::Open(
        dir_.Write("warden.yaml", "clusters: [{name: prod, endpoints: ['" + member_.endpoint().url +
                                      "'], backup: {directory: backups}}]"),
        {files_, clock_, log_});
    ASSERT_TRUE(host.ok()) << host.error().message();
    host_ = *std::move(host);
    runtime_ = host_->runtime();
  }
  void PutBackup(int n, std::optional<std::int64_t> revision, const std::string& quarantined = "") {
    backup::Manifest manifest = backup::MakeManifest(backup::IdOfBackup(n), backup::SnapshotFile());
    manifest.revision = revision;
    manifest.quarantined = quarantined;
    std::filesystem::create_directories(dir_ / "backups");
    dir_.Write("backups/" + manifest.file, backup::SnapshotFile());
    dir_.Write("backups/" + backup::ManifestName(manifest.id), DumpJson(backup::ToJson(manifest)));
  }
  std::string PageOf(const Selection& selection = kEverything) {
    return Scrape(*runtime_, selection, Seconds(4)).Text();
  }
  // The value of the family's only sample; "" if there is none.
  static std::string Sample(const std::string& page, const std::string& family) {
    const std::string start = "\netcdwarden_" + family + "{etcd_cluster=\"prod\"} ";
    const std::size_t found = page.find(start);
    if (found == std::string::npos) return "";
    const std::size_t value = found + start.size();
    return page.substr(value, page.find('\n', value) - value);
  }
  static std::string AtRisk(const std::string& page) {
    return Sample(page, "backup_revisions_at_risk");
  }

  testing::FakeEtcd member_;
};

TEST_F(ScrapeTest, TellsWhatARestoreWouldLoseNow) {
  PutBackup(1, 4200);
  PutBackup(2, 4242);
  PutBackup(3, 4299, "mismatch");
  Serve();
  const std::string page = PageOf();
  EXPECT_EQ(AtRisk(page), "58") << "of the newest good one: " << page;
  EXPECT_EQ(Sample(page, "backup_last_success_revision"), "4242") << page;
  SayRevision(4242);
  EXPECT_EQ(AtRisk(PageOf()), "0");
  SayRevision(4000);
  EXPECT_EQ(AtRisk(PageOf()), "0") << "restored from something older";
}

TEST_F(ScrapeTest, AProbeTellsItAsWell) {
  PutBackup(1, 4200);
  Serve();
  http::Request request;
  request.query.emplace("cluster", "prod");
  const http::Response answer = Probe(*runtime_, request);
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(AtRisk(answer.body), "100") << answer.body;
}

TEST_F(ScrapeTest, SaysNothingOfRisksItDoesNotKnow) {
  Serve();
  EXPECT_EQ(AtRisk(PageOf()), "") << "no backup";
  PutBackup(1, std::nullopt);
  EXPECT_EQ(AtRisk(PageOf()), "") << "a backup that does not tell its revision";
  PutBackup(2, 4200);
  EXPECT_EQ(AtRisk(PageOf()), "100");
  EXPECT_EQ(AtRisk(PageOf({.clusters = true, .backups = false, .self = true})), "");
  EXPECT_EQ(AtRisk(PageOf({.clusters = false, .backups = true, .self = true})), "");
  PutBackup(3, std::nullopt);
  EXPECT_EQ(AtRisk(PageOf()), "") << "the newest does not tell";
  std::filesystem::remove(dir_ / "backups" / backup::ManifestName(backup::IdOfBackup(3)));
  member_.Fail(testing::Rpc::kStatus, {grpc::StatusCode::UNAVAILABLE, "down"});
  const std::string page = PageOf();
  EXPECT_EQ(AtRisk(page), "") << "nobody tells the live revision";
  EXPECT_EQ(Sample(page, "backup_last_success_revision"), "4200");
}

}  // namespace
}  // namespace warden::app
