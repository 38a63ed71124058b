#include "exporter/etcd/auth_evidence.h"

#include <gtest/gtest.h>

#include "tests/support/view_builder.h"

namespace warden::etcd {
namespace {

using testing::FailStatus;
using testing::kClusterId;
using testing::kForeignClusterId;
using testing::MakeView;

class Evidence : public ::testing::Test {
 protected:
  std::optional<bool> Verdict() const { return evidence_.Verdict(view_, kClusterId); }

  ClusterView view_ = MakeView(3, "3.6.14");
  AuthEvidence evidence_;
};

TEST_F(Evidence, IsNoneWhereNothingTells) {
  EXPECT_EQ(Verdict(), std::nullopt);
  evidence_.Failed(0, Reason::kTimeout);
  EXPECT_EQ(Verdict(), std::nullopt);
}

TEST_F(Evidence, IsARefusal) {
  for (const Reason reason : {Reason::kUnauthenticated, Reason::kPermissionDenied}) {
    evidence_ = {};
    evidence_.Failed(0, reason);
    EXPECT_EQ(Verdict(), true);
    evidence_.AnsweredAnybody(1);
    EXPECT_EQ(Verdict(), true) << "by a member of the cluster";
    evidence_.Authenticated();
    EXPECT_EQ(Verdict(), false);
  }
}

TEST_F(Evidence, IsNoStrangersRefusal) {
  FailStatus(view_.endpoints[0], Reason::kUnauthenticated);
  evidence_.Failed(0, Reason::kUnauthenticated);
  EXPECT_EQ(Verdict(), true);
  evidence_.AnsweredAnybody(1);
  EXPECT_EQ(Verdict(), false) << "it does not say whose it is";
  evidence_ = {};
  evidence_.Failed(1, Reason::kUnauthenticated);
  view_.endpoints[1].status.value->cluster_id = kForeignClusterId;
  EXPECT_EQ(Verdict(), std::nullopt);
}

TEST_F(Evidence, IsNoStrangersAnswer) {
  evidence_.AnsweredAnybody(0);
  EXPECT_EQ(Verdict(), false);
  view_.endpoints[0].status.value->cluster_id = kForeignClusterId;
  EXPECT_EQ(Verdict(), std::nullopt);
}

TEST_F(Evidence, IsAnAnswerOfAVersionThatShowsItsStatusToUsersOnly) {
  struct Case {
    std::string version;
    std::optional<bool> verdict;
  };
  const Case cases[] = {{"3.4.41", std::nullopt}, {"3.4.42", false},        {"3.5.0", std::nullopt},
                        {"3.5.27", std::nullopt}, {"3.5.28", false},        {"3.6.0", false},
                        {"3.7.1", false},         {"3.3.27", std::nullopt}, {"", std::nullopt}};
  evidence_.AnsweredAnybody(0);
  for (const Case& c : cases) {
    view_.endpoints[0].status.value->version = c.version;
    EXPECT_EQ(Verdict(), c.verdict) << c.version;
  }
}

}  // namespace
}  // namespace warden::etcd
