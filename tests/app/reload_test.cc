#include <gtest/gtest.h>

#include <thread>

#include "exporter/app/targets.h"
#include "tests/app/reload_fixture.h"
#include "tests/support/etcd_database.h"
#include "tests/support/fake_etcd.h"
#include "tests/support/snapshot_stream.h"

namespace warden::app {
namespace {

using testing::FakeEtcd;
using testing::Rpc;

std::vector<testing::SnapshotStep> Steps(bool hangs) {
  std::vector<testing::SnapshotStep> steps;
  if (hangs) steps.push_back({.kind = testing::SnapshotStep::Kind::kHang});
  for (const testing::StreamMessage& message :
       testing::MakeStream(testing::MakeEtcdDatabase(100 * 1024))) {
    steps.push_back({.remaining_bytes = message.remaining_bytes, .blob = message.blob});
  }
  return steps;
}

TEST_F(ReloadTest, AnUnchangedFileIsANoOp) {
  Write({{"prod", {kDead}}});
  Serve();
  const Runtime* before = host_->runtime().get();
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(host_->runtime().get(), before);
  EXPECT_TRUE(log_.Contains("the configuration has not changed"));
}

TEST_F(ReloadTest, ABadFileChangesNothingAndSaysAllThatIsWrong) {
  Write({{"prod", {kDead}}});
  Serve();
  const Runtime* before = host_->runtime().get();
  Write({{"new", {kDead}}, {"pr od", {"ftp://x:1"}}});
  const HttpReply refused = Reload();
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.body.find("clusters[1].name"), std::string::npos) << refused.body;
  EXPECT_NE(refused.body.find("clusters[1].endpoints"), std::string::npos) << refused.body;
  EXPECT_EQ(host_->runtime().get(), before);
  EXPECT_TRUE(log_.Contains("cannot reload the configuration"));
  const std::string successful = "\netcdwarden_exporter_config_last_reload_successful ";
  EXPECT_TRUE(PageHas(successful + "0\n"));
  const std::string page = Page();
  EXPECT_NE(page.find("etcdwarden_up{etcd_cluster=\"prod\"}"), std::string::npos) << page;
  EXPECT_EQ(page.find("etcd_cluster=\"new\""), std::string::npos) << page;
  Write({{"prod", {kDead}}, {"new", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(PageHas(successful + "1\n"));
  EXPECT_TRUE(PageHas("etcdwarden_up{etcd_cluster=\"new\"}"));
}

TEST_F(ReloadTest, AWorkerThatCannotBeOpenedChangesNothing) {
  Write({{"prod", {kDead}, kBackup}});
  Serve();
  const Runtime* before = host_->runtime().get();
  dir_.Write("taken", "a file");
  Write({{"prod", {kDead, "http://127.0.0.2:1"}, kBackup},
         {"new", {kDead}, ", backup: {directory: taken}"}});
  const HttpReply refused = Reload();
  EXPECT_EQ(refused.code, 500);
  EXPECT_TRUE(refused.body.starts_with("cluster new: ")) << refused.body;
  EXPECT_EQ(host_->runtime().get(), before);
  EXPECT_FALSE(PageHas("etcd_cluster=\"new\""));
}

TEST_F(ReloadTest, AddsRemovesAndKeepsClusters) {
  Write({{"prod", {kDead}, kBackup}, {"gone", {kDead}}});
  Serve();
  const auto prod = host_->runtime()->FindCluster("prod");
  const auto gone = host_->runtime()->FindCluster("gone");
  Write({{"new", {kDead}}, {"prod", {kDead}, kBackup}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(host_->runtime()->FindCluster("prod"), prod) << "with its connections and its worker";
  EXPECT_EQ(host_->runtime()->FindCluster("gone"), nullptr);
  EXPECT_TRUE(log_.Contains("clusters=2 added=new changed=\"\" removed=gone"))
      << log_.lines().back();
  const std::string page = Page();
  EXPECT_NE(page.find("etcdwarden_up{etcd_cluster=\"new\"}"), std::string::npos) << page;
  EXPECT_EQ(page.find("etcd_cluster=\"gone\""), std::string::npos) << page;
}

TEST_F(ReloadTest, WarnsOfServersThatAreNotVerified) {
  const std::string tls = ", tls: {insecure_skip_verify: true}";
  Write({{"one", {"https://127.0.0.1:1"}, tls}});
  Serve();
  EXPECT_EQ(LinesWith("insecure_skip_verify"), 1);
  EXPECT_TRUE(log_.Contains("etcd_cluster=one"));
  Write({{"two", {"https://127.0.0.1:1"}, tls}, {"three", {"https://127.0.0.1:1"}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(LinesWith("insecure_skip_verify"), 2);
  EXPECT_TRUE(log_.Contains("etcd_cluster=two"));
}

TEST_F(ReloadTest, AnUnchangedClusterKeepsItsToken) {
  FakeEtcd member;
  member.RequireToken("t1", "pass",
                      {grpc::StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token"});
  dir_.Write("password", "pass\n");
  const std::string auth = ", auth: {username: warden, password_file: password}";
  Write({{"prod", {member.endpoint().url}, auth}});
  Serve();
  EXPECT_TRUE(PageHas("etcdwarden_up{etcd_cluster=\"prod\"} 1"));
  Write({{"prod", {member.endpoint().url}, auth}, {"new", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(PageHas("etcdwarden_up{etcd_cluster=\"prod\"} 1"));
  EXPECT_EQ(member.Count(Rpc::kAuthenticate), 1);
}

TEST_F(ReloadTest, AChangedClusterKeepsItsWorkerAndTheJobInFlight) {
  FakeEtcd first;
  FakeEtcd second;
  first.SetSnapshot(Steps(true));
  second.SetSnapshot(Steps(false));
  Write({{"prod", {first.endpoint().url}, kBackup}}, webhook_);
  Serve();
  const std::string running = PostAlert("f1");
  EXPECT_EQ(first.WaitForCalls(Rpc::kSnapshot, 1), 1);
  const auto worker = host_->runtime()->FindCluster("prod")->worker;
  Write({{"prod", {second.endpoint().url}, kBackup}}, webhook_);
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(log_.Contains("changed=prod"));
  EXPECT_EQ(host_->runtime()->FindCluster("prod")->worker, worker);
  EXPECT_EQ(StateOf(running), backup::JobState::kRunning);
  EXPECT_EQ(first.Abandoned(0), 0) << "the stream goes on";
  first.Release();
  AwaitEnd(running);
  EXPECT_EQ(StateOf(running), backup::JobState::kSucceeded);
  const std::string next = PostAlert("f2");
  AwaitEnd(next);
  EXPECT_EQ(StateOf(next), backup::JobState::kSucceeded);
  EXPECT_EQ(second.Count(Rpc::kSnapshot), 1);
  EXPECT_EQ(first.Count(Rpc::kSnapshot), 1);
}

TEST_F(ReloadTest, AScrapeInFlightEndsWithItsValues) {
  FakeEtcd member;
  member.Hang(Rpc::kStatus);
  Write({{"prod", {member.endpoint().url}}});
  Serve();
  std::string page;
  std::thread scrape([&] { page = Page(); });
  EXPECT_EQ(member.WaitForCalls(Rpc::kStatus, 1), 1);
  const std::weak_ptr<const void> life = host_->runtime()->life();
  Write({{"other", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_FALSE(life.expired());
  EXPECT_EQ(Get(port_, "/metrics?collect[]=self").code, 200);
  member.Release();
  scrape.join();
  EXPECT_NE(page.find("etcdwarden_up{etcd_cluster=\"prod\"} 1"), std::string::npos) << page;
  while (!life.expired()) std::this_thread::yield();
}

TEST_F(ReloadTest, ARemovedClusterLeavesItsJobOnDisk) {
  FakeEtcd member;
  member.SetSnapshot(Steps(true));
  Write({{"prod", {member.endpoint().url}, kBackup}}, webhook_);
  Serve();
  const std::string id = PostAlert("f1");
  EXPECT_EQ(member.WaitForCalls(Rpc::kSnapshot, 1), 1);
  Write({{"other", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(member.Abandoned(1), 1) << "its stream was cancelled";
  EXPECT_TRUE(std::filesystem::exists(JobFile(id)));
  EXPECT_FALSE(host_->runtime()->FindJob(id));
  EXPECT_EQ(Post(port_, "/api/v1/alerts/webhook", NotificationOf({"f2"}),
                 {{"Authorization", "Bearer t0ken"}})
                .code,
            404)
      << "the receiver is gone as well";
  // Back again, it is taken up.
  member.SetSnapshot(Steps(false));
  Write({{"prod", {member.endpoint().url}, kBackup}}, webhook_);
  EXPECT_EQ(Reload().code, 200);
  AwaitEnd(id);
  EXPECT_EQ(StateOf(id), backup::JobState::kSucceeded);
}

TEST_F(ReloadTest, ADirectoryIsNotHandedOnInOneStep) {
  Write({{"prod", {kDead}, kBackup}});
  Serve();
  Write({{"renamed", {kDead}, kBackup}});
  const HttpReply refused = Reload();
  EXPECT_EQ(refused.code, 500);
  EXPECT_TRUE(refused.body.starts_with("cluster renamed: ")) << refused.body;
  EXPECT_NE(refused.body.find("cluster prod"), std::string::npos) << refused.body;
  Write({{"renamed", {kDead}}});
  EXPECT_EQ(Reload().code, 200);
  Write({{"renamed", {kDead}, kBackup}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_NE(host_->runtime()->FindCluster("renamed")->worker, nullptr);
}

TEST_F(ReloadTest, RemembersTheMembersWhereAnEndpointStays) {
  std::string first_url;
  {
    FakeEtcd member;
    first_url = member.endpoint().url;
    Write({{"prod", {first_url}}});
    Serve();
    EXPECT_TRUE(PageHas("etcdwarden_up{etcd_cluster=\"prod\"} 1"));
  }
  Write({{"prod", {kDead, first_url}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(host_->runtime()->FindCluster("prod")->observer->Known());
  Write({{"prod", {"http://127.0.0.2:1"}}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_FALSE(host_->runtime()->FindCluster("prod")->observer->Known())
      << "it may be another cluster";
}

TEST_F(ReloadTest, AChangedClusterKeepsWhatTheLastConsistencyCheckFound) {
  FakeEtcd members[2];
  etcdserverpb::MemberListResponse list;
  for (const std::uint64_t id : {1, 2}) {
    etcdserverpb::Member& member = *list.add_members();
    member.set_id(id);
    member.set_name("m" + std::to_string(id));
  }
  std::vector<std::string> urls;
  for (std::uint64_t i = 0; i < 2; ++i) {
    etcdserverpb::StatusResponse status;
    status.mutable_header()->set_cluster_id(12);
    status.mutable_header()->set_member_id(i + 1);
    status.mutable_header()->set_revision(4000);
    status.set_version("3.5.30");
    members[i].SetStatus(status);
    members[i].SetMembers(list);
    etcdserverpb::HashKVResponse hash;
    *hash.mutable_header() = status.header();
    hash.set_hash(static_cast<std::uint32_t>(i));
    members[i].SetHash(hash);
    urls.push_back(members[i].endpoint().url);
  }
  Write({{"prod", urls, ", hashkv: {interval: 1h}"}});
  Serve();
  host_->runtime()->FindCluster("prod")->hash_checker->CheckNow({});
  const std::string mismatched = "etcdwarden_hashkv_mismatched_members{etcd_cluster=\"prod\"} 2\n";
  EXPECT_TRUE(PageHas(mismatched)) << Page();
  Write({{"prod", urls, ", hashkv: {interval: 2h}"}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_TRUE(PageHas("etcdwarden_hashkv_interval_seconds{etcd_cluster=\"prod\"} 7200\n"));
  EXPECT_TRUE(PageHas(mismatched)) << Page();
}

TEST_F(ReloadTest, UnchangedTargetsKeepTheirConnections) {
  const std::string probe = "probe: {allowed_targets: [127.0.0.0/8], modules: [{name: plain}]}\n";
  const auto dialled = [this] {
    const auto runtime = host_->runtime();
    return *runtime->targets()->Find("127.0.0.1:1", "plain", clock_.Steady());
  };
  Write({{"prod", {kDead}}}, probe);
  Serve();
  const std::shared_ptr<Target> before = dialled();
  Write({{"other", {kDead}}}, probe);
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(dialled(), before);
  Write({{"other", {kDead}}},
        "probe: {allowed_targets: [127.0.0.0/9], modules: [{name: plain}]}\n");
  EXPECT_EQ(Reload().code, 200);
  EXPECT_NE(dialled(), before);
}

TEST_F(ReloadTest, TheReceiverComesAndGoes) {
  Write({{"prod", {kDead}, kBackup}});
  Serve();
  const auto code = [this] {
    return Post(port_, "/api/v1/alerts/webhook", NotificationOf({"f1"}, "NodeDown"),
                {{"Authorization", "Bearer t0ken"}})
        .code;
  };
  EXPECT_EQ(code(), 404);
  Write({{"prod", {kDead}, kBackup}}, webhook_);
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(code(), 200);
  Write({{"prod", {kDead}, kBackup}});
  EXPECT_EQ(Reload().code, 200);
  EXPECT_EQ(code(), 404);
}

TEST_F(ReloadTest, ANewLimitOfScrapesCountsAtOnce) {
  Write({{"prod", {kDead}}}, "scrape: {max_concurrent: 1}\n");
  Serve();
  {
    const Admission::Permit permit = host_->runtime()->Admit();
    ASSERT_NE(permit, nullptr);
    EXPECT_EQ(Get(port_, "/metrics").code, 503);
    Write({{"prod", {kDead}}}, "scrape: {max_concurrent: 2}\n");
    EXPECT_EQ(Reload().code, 200);
    EXPECT_EQ(Get(port_, "/metrics").code, 200);
  }
}

}  // namespace
}  // namespace warden::app
