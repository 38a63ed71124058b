// The API of backups over HTTP: who may ask for what, and what is shown.
#include "exporter/app/backups.h"

#include <gtest/gtest.h>

#include "exporter/app/routes.h"
#include "exporter/offsite/store.h"
#include "tests/app/runtime_fixture.h"
#include "tests/backup/backups.h"
#include "tests/support/http_client.h"

namespace warden::app {
namespace {

using testing::Get;
using testing::HttpReply;

class BackupsTest : public RuntimeTest {
 protected:
  void Serve(const std::string& sections = "api: {bearer_token_file: token}\n") {
    auto host = Host::Open(dir_.Write("warden.yaml",
                                      "clusters:\n"
                                      "  - name: prod\n"
                                      "    endpoints: [http://127.0.0.1:1]\n"
                                      "    backup:\n"
                                      "      directory: backups\n"
                                      "      destinations: [{name: far, remote: " +
                                          (dir_ / "far").string() +
                                          "}]\n"
                                          "  - name: watched\n"
                                          "    endpoints: [http://127.0.0.1:1]\n" +
                                          sections),
                           {files_, clock_, log_});
    ASSERT_TRUE(host.ok()) << host.error().message();
    host_ = *std::move(host);
    runtime_ = host_->runtime();
    auto server = http::StartServer({.listen_addresses = {"127.0.0.1:0"}}, MakeRoutes(*host_, {}),
                                    MakeObserver(runtime_->instruments(), {}), log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
    port_ = server_->ports().at(0);
  }
  HttpReply Post(const std::string& body, const std::string& path = "prod/backups",
                 const std::string& token = "t0ken") {
    testing::HttpHeaders headers;
    if (!token.empty()) headers["Authorization"] = "Bearer " + token;
    return testing::Post(port_, std::string(kClustersPath) + path, body, headers);
  }
  std::size_t Jobs() { return runtime_->clusters()[0]->worker->History().size(); }
  void Store(int n) {
    const std::string file = backup::SnapshotFile(static_cast<std::uint32_t>(n));
    backup::Manifest manifest = backup::MakeManifest(backup::IdOfBackup(n), file);
    manifest.created = backup::kNow + Seconds(n);
    ASSERT_TRUE(posix_.MakeDirectories(dir_ / "backups").ok());
    ASSERT_TRUE(backup::WriteSynced(posix_, dir_ / "backups" / manifest.file, file).ok());
    ASSERT_TRUE(backup::WriteManifest(posix_, dir_ / "backups", manifest).ok());
  }

  std::unique_ptr<http::Server> server_;  // ends before the host
  int port_ = 0;
};

TEST_F(BackupsTest, ARequestIsStoredAndAnsweredWithItsJob) {
  Serve();
  struct Case {
    std::string body;
    backup::Order order;
  };
  const std::vector<Case> cases = {
      {"", {}},
      {" \n", {}},
      {"{}", {}},
      {R"({"class": "audit"})", {.backup_class = "audit"}},
      {R"({"hold": "30d", "all_members": false})", {.hold = Seconds(30L * 24 * 3600)}},
      {R"({"hold": "1500ms"})", {.hold = Seconds(2)}},
      {R"({"all_members": true})", {.action = config::RuleAction::kSnapshotAllMembers}}};
  for (const Case& c : cases) {
    const HttpReply reply = Post(c.body);
    ASSERT_EQ(reply.code, 202) << c.body << reply.body;
    const Result<ParsedJson> json = ParseJson(reply.body);
    ASSERT_TRUE(json.ok());
    const std::string id = FindString(json->at("job"), "id").value_or("");
    EXPECT_EQ(FindString(json->at("job"), "state"), "queued");
    const auto stored = posix_.ReadAll(JobFile(id), 1 << 16);
    ASSERT_TRUE(stored.ok()) << "not durable: " << c.body;
    EXPECT_EQ(backup::ParseJob(*stored)->order, c.order) << c.body;
    EXPECT_EQ(backup::ParseJob(*stored)->trigger.kind, metrics::Trigger::kManual);
  }
  EXPECT_EQ(Jobs(), cases.size());
}

TEST_F(BackupsTest, SaysWhatIsWrongWithARequest) {
  Serve();
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "no JSON object"},
      {"{", ""},
      {"7", "no JSON object"},
      {R"({"clas": "a"})", "clas"},
      {R"({"class": 7})", "class"},
      {R"({"class": ""})", "class: is no name"},
      {R"({"class": "a b"})", "class: is no name"},
      {R"({"hold": "11y"})", "hold: must be 10y or less"},
      {R"({"hold": "-1h"})", ""},
      {R"({"hold": 30})", "hold"},
      {R"({"all_members": "yes"})", "all_members"}};
  for (const auto& [body, what] : cases) {
    const HttpReply reply = Post(body);
    EXPECT_EQ(reply.code, 400) << body;
    EXPECT_NE(reply.body.find(what), std::string::npos) << reply.body;
  }
  EXPECT_EQ(Post(R"({"class": ")" + std::string(129, 'x') + "\"}").code, 400);
  EXPECT_EQ(Post(std::string(kBackupRequestBytesMax + 1, ' ')).code, 413);
  EXPECT_EQ(Jobs(), 0U);
}

TEST_F(BackupsTest, WantsItsTokenAndAnExistingCluster) {
  Serve();
  EXPECT_EQ(Post("", "prod/backups", "wrong").code, 401);
  EXPECT_EQ(Post("", "prod/backups", "").code, 401);
  EXPECT_EQ(Post("", "moon/backups", "wrong").code, 401) << "tells strangers nothing";
  for (const std::string path :
       {"moon/backups", "watched/backups", "prod", "prod/jobs", "/backups", "prod/backups/x"}) {
    EXPECT_EQ(Post("", path).code, 404) << path;
  }
  EXPECT_EQ(Get(port_, std::string(kClustersPath) + "prod/backups").code, 405);
  EXPECT_EQ(Jobs(), 0U);
}

TEST_F(BackupsTest, AsksForNothingWithoutTheSection) {
  Serve("");
  EXPECT_EQ(Post("").code, 403);
  EXPECT_EQ(Post("", "prod/backups", "").code, 403);
  EXPECT_EQ(Get(port_, kBackupsPath).code, 200) << "to look is no change";
  EXPECT_EQ(Jobs(), 0U);
}

TEST_F(BackupsTest, SaysThatTheJobCouldNotBeStored) {
  Serve();
  FailJobs();
  const HttpReply reply = Post("");
  EXPECT_EQ(reply.code, 503);
  EXPECT_NE(reply.body.find("No space left on device"), std::string::npos) << reply.body;
  EXPECT_EQ(Jobs(), 0U);
  files_.FailNever();
  for (std::size_t i = 0; i < backup::kQueueMax; ++i) EXPECT_EQ(Post("").code, 202);
  EXPECT_EQ(Post("").code, 503) << "the queue is full";
}

TEST_F(BackupsTest, ListsBackupsWithTheirCopies) {
  Store(1);
  Store(2);
  dir_.Write("backups/" + backup::SnapshotName(backup::IdOfBackup(3)), "orphan");
  backup::Manifest copy = *backup::ReadManifest(posix_, dir_ / "backups", backup::IdOfBackup(1));
  copy.stored = {.file = copy.file + ".zst",
                 .compression = "zstd",
                 .encryption = "none",
                 .size_bytes = 77,
                 .proof = "hash"};
  ASSERT_TRUE(offsite::DestinationStore(posix_, dir_ / "backups", "far").Record(copy).ok());
  Serve();
  for (const std::string query : {"", "?cluster=prod"}) {
    const HttpReply reply = Get(port_, std::string(kBackupsPath) + query);
    ASSERT_EQ(reply.code, 200) << reply.body;
    const Result<ParsedJson> json = ParseJson(reply.body);
    ASSERT_TRUE(json.ok());
    const ParsedJson& backups = json->at("backups");
    ASSERT_EQ(backups.size(), 2U);
    EXPECT_EQ(FindString(backups[0], "id"), backup::IdOfBackup(2)) << "the newest first";
    EXPECT_EQ(backups[0].at("copies"), ParsedJson::array());
    const ParsedJson expected = {
        {"destination", "far"}, {"file", copy.stored->file}, {"size_bytes", 77}, {"proof", "hash"}};
    EXPECT_EQ(backups[1].at("copies"), ParsedJson::array({expected}));
    ASSERT_EQ(json->at("strangers").size(), 1U);
    EXPECT_EQ(json->at("strangers")[0].at("damaged"), true);
  }
  EXPECT_EQ(ParseJson(Get(port_, std::string(kBackupsPath) + "?cluster=watched").body)
                ->at("backups")
                .size(),
            0U);
  EXPECT_EQ(Get(port_, std::string(kBackupsPath) + "?cluster=moon").code, 404);
}

}  // namespace
}  // namespace warden::app
