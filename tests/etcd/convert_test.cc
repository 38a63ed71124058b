#include "exporter/etcd/convert.h"

#include <gtest/gtest.h>

#include "tests/support/fake_etcd.h"

namespace warden::etcd {
namespace {

using testing::MakeMemberListResponse;
using testing::MakeStatusResponse;

TEST(ToMemberStatus, TakesEveryFieldOver) {
  etcdserverpb::StatusResponse response = MakeStatusResponse(7, 8, "3.6.14");
  response.set_islearner(true);
  response.set_storageversion("3.6.0");
  response.set_dbsizequota(8'589'934'592);
  response.mutable_downgradeinfo()->set_enabled(true);
  response.mutable_downgradeinfo()->set_targetversion("3.5.0");
  response.add_errors("etcdserver: no leader");
  response.add_errors("memberID:7  alarm:NOSPACE");

  const MemberStatus status = ToMemberStatus(response);
  EXPECT_EQ(status.cluster_id, 0xef37ad9dc622a7c4U);
  EXPECT_EQ(status.member_id, 7U);
  EXPECT_EQ(status.revision, 4242);
  EXPECT_EQ(status.raft_term, 7U);
  EXPECT_EQ(status.raft_index, 5000U);
  EXPECT_EQ(status.raft_applied_index, 4999U);
  EXPECT_EQ(status.leader_id, 8U);
  EXPECT_EQ(status.version, "3.6.14");
  EXPECT_EQ(status.storage_version, "3.6.0");
  EXPECT_EQ(status.db_bytes, 20'480'000);
  EXPECT_EQ(status.db_in_use_bytes, 12'288'000);
  EXPECT_EQ(status.quota_bytes, 8'589'934'592);
  EXPECT_TRUE(status.is_learner);
  EXPECT_EQ(status.errors.size(), 2U);
  EXPECT_EQ(status.alarms, (std::vector<Alarm>{{7, AlarmType::kNoSpace}}));
  ASSERT_TRUE(status.downgrade);
  EXPECT_TRUE(status.downgrade->enabled);
  EXPECT_EQ(status.downgrade->target_version, "3.5.0");
}

TEST(ToMemberStatus, LeavesOutWhatTheVersionLacks) {
  const MemberStatus status = ToMemberStatus(MakeStatusResponse(7, 8, "3.5.16"));
  EXPECT_EQ(status.storage_version, std::nullopt);
  EXPECT_EQ(status.quota_bytes, std::nullopt);
  EXPECT_FALSE(status.downgrade);
}

TEST(ToMemberStatus, TakesAQuotaOfZeroForUnknown) {
  // 3.6.0 to 3.6.5 with the default quota.
  const MemberStatus status = ToMemberStatus(MakeStatusResponse(7, 8, "3.6.4"));
  EXPECT_EQ(status.quota_bytes, std::nullopt);
  ASSERT_TRUE(status.downgrade);
  EXPECT_FALSE(status.downgrade->enabled);
}

TEST(ToMemberStatus, ToleratesTextThatIsNoUtf8) {
  etcdserverpb::StatusResponse response = MakeStatusResponse(7, 8, "3.5\n\xff");
  response.add_errors("bad \xff\xfe\n error");
  const MemberStatus status = ToMemberStatus(response);
  EXPECT_EQ(status.version.find('\n'), std::string::npos);
  EXPECT_EQ(status.errors[0].find('\n'), std::string::npos);
}

TEST(ToMemberList, IsEqualWhateverTheOrderSent) {
  etcdserverpb::MemberListResponse first = MakeMemberListResponse({3, 1, 2});
  first.mutable_members(0)->add_clienturls("http://10.0.0.1:2379");
  first.mutable_members(0)->set_islearner(true);
  etcdserverpb::MemberListResponse second = MakeMemberListResponse({1, 2, 3});
  second.mutable_members(2)->clear_clienturls();
  second.mutable_members(2)->add_clienturls("http://10.0.0.1:2379");
  second.mutable_members(2)->add_clienturls("http://127.0.0.1:2379");
  second.mutable_members(2)->set_islearner(true);

  const MemberList list = ToMemberList(first);
  EXPECT_EQ(list, ToMemberList(second));
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].id, 1U);
  EXPECT_EQ(list[0].name, "m1");
  EXPECT_EQ(list[0].peer_urls, std::vector<std::string>{"http://127.0.0.1:2380"});
  EXPECT_FALSE(list[0].is_learner);
  EXPECT_TRUE(list[2].is_learner);
}

TEST(ToIdentity, IsNobodysWithoutBothIds) {
  etcdserverpb::ResponseHeader header;
  EXPECT_EQ(ToIdentity(header), std::nullopt);
  header.set_cluster_id(12);
  EXPECT_EQ(ToIdentity(header), std::nullopt);
  header.set_member_id(34);
  EXPECT_EQ(ToIdentity(header), (MemberIdentity{.cluster_id = 12, .member_id = 34}));
}

}  // namespace
}  // namespace warden::etcd
