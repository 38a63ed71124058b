#include "exporter/etcd/quorum_proof.h"

#include <gtest/gtest.h>

#include "tests/etcd/fixture.h"

namespace warden::etcd {
namespace {

constexpr std::uint64_t kOurs = 11;
constexpr std::uint64_t kStrange = 12;

MemberStatus Voter(std::uint64_t id, const std::string& version = "3.5.16") {
  MemberStatus status;
  status.cluster_id = kOurs;
  status.member_id = id;
  status.leader_id = 1;
  status.version = version;
  return status;
}

MemberStatus Stranger(std::uint64_t id) {
  MemberStatus status = Voter(id);
  status.cluster_id = kStrange;
  return status;
}

MemberStatus WithoutLeader(std::uint64_t id) {
  MemberStatus status = Voter(id);
  status.leader_id = 0;
  return status;
}

class Proof : public ::testing::Test {
 protected:
  void Succeed(std::size_t endpoint) {
    proof_.CameBack(endpoint);
    proof_.Succeeded(endpoint);
  }
  void Fail(std::size_t endpoint, Reason reason) {
    proof_.CameBack(endpoint);
    proof_.Failed(endpoint, reason);
  }
  void Choose(std::size_t endpoint) {
    ASSERT_TRUE(proof_.Choose(endpoint, Voter(endpoint + 1)));
    proof_.Sent(endpoint);
  }

  QuorumProof proof_;
};

TEST_F(Proof, IsUnknownUntilAVoterThatCanTellAnswers) {
  EXPECT_EQ(proof_.Verdict(kOurs), std::nullopt);
  EXPECT_FALSE(proof_.Choose(0, Voter(1, "3.4.23")));
  EXPECT_EQ(proof_.Verdict(kOurs), std::nullopt);
  EXPECT_FALSE(proof_.Choose(1, WithoutLeader(2)));
  EXPECT_EQ(proof_.Verdict(kOurs), false);
}

TEST_F(Proof, TakesTwoReadersAndNoMemberTwice) {
  Choose(0);
  EXPECT_FALSE(proof_.Choose(1, Voter(1)));
  Choose(2);
  EXPECT_FALSE(proof_.Choose(3, Voter(4)));
  EXPECT_EQ(proof_.in_flight(), 2);
}

TEST_F(Proof, IsOpenAsLongAsAReadMayTell) {
  Choose(0);
  Choose(1);
  EXPECT_TRUE(proof_.IsOpen());
  Succeed(1);
  EXPECT_TRUE(proof_.Proven(kOurs));
  EXPECT_FALSE(proof_.IsOpen());
  EXPECT_EQ(proof_.in_flight(), 1);
  EXPECT_EQ(proof_.Verdict(kOurs), true);
}

TEST_F(Proof, IsDeniedByReadsThatFailForWantOfAQuorumOnly) {
  struct Case {
    Reason reason;
    std::optional<bool> verdict;
  };
  const Case cases[] = {{Reason::kNoLeader, false},
                        {Reason::kTimeout, false},
                        {Reason::kPermissionDenied, std::nullopt},
                        {Reason::kConnect, std::nullopt}};
  for (const Case& c : cases) {
    proof_ = {};
    Choose(0);
    Fail(0, c.reason);
    EXPECT_EQ(proof_.Verdict(kOurs), c.verdict) << ReasonName(c.reason);
  }
}

TEST_F(Proof, GoesByAReadThatWasMadeAgain) {
  Choose(0);
  Fail(0, Reason::kUnauthenticated);
  proof_.Sent(0);
  EXPECT_TRUE(proof_.IsOpen());
  Succeed(0);
  EXPECT_EQ(proof_.Verdict(kOurs), true);
}

TEST_F(Proof, TakesAnEarlyReadOnceItsStatusIsThere) {
  proof_.Sent(0);
  Succeed(0);
  EXPECT_FALSE(proof_.Proven(kOurs));
  EXPECT_FALSE(proof_.Choose(0, Voter(1)));
  EXPECT_TRUE(proof_.Proven(kOurs));
}

TEST_F(Proof, WaitsForAnEarlyReadFromItsStatusOn) {
  proof_.Sent(0);
  EXPECT_FALSE(proof_.IsOpen());
  EXPECT_FALSE(proof_.Choose(0, Voter(1)));
  EXPECT_TRUE(proof_.IsOpen());
}

TEST_F(Proof, IgnoresAnEarlyReadThatNobodyWouldHaveSent) {
  for (const MemberStatus& status : {Voter(1, "3.4.23"), WithoutLeader(1)}) {
    for (const bool succeeds : {true, false}) {
      proof_ = {};
      proof_.Sent(0);
      succeeds ? Succeed(0) : Fail(0, Reason::kLearner);
      EXPECT_FALSE(proof_.Choose(0, status));
      EXPECT_FALSE(proof_.Proven(kOurs));
      Choose(1);
      Fail(1, Reason::kTimeout);
      EXPECT_EQ(proof_.Verdict(kOurs), false);
    }
  }
}

TEST_F(Proof, TakesTwoReadersBesideAnEarlyOneThatHasNoStatus) {
  proof_.Sent(0);
  Choose(1);
  Choose(2);
  EXPECT_FALSE(proof_.Choose(3, Voter(4)));
}

TEST_F(Proof, IsOfOneCluster) {
  ASSERT_TRUE(proof_.Choose(0, Stranger(1)));
  proof_.Sent(0);
  Choose(1);
  Succeed(0);
  EXPECT_FALSE(proof_.Proven(kOurs));
  EXPECT_TRUE(proof_.IsOpen()) << "the other cluster's read may tell yet";
  Fail(1, Reason::kTimeout);
  EXPECT_FALSE(proof_.IsOpen());
  EXPECT_EQ(proof_.Verdict(kOurs), false);
  EXPECT_EQ(proof_.Verdict(kStrange), true);
  EXPECT_EQ(proof_.Verdict(13), std::nullopt);
  EXPECT_EQ(proof_.Verdict(std::nullopt), std::nullopt);
}

TEST_F(Proof, TakesTwoReadersOfEachCluster) {
  for (std::size_t i : {0U, 1U}) {
    ASSERT_TRUE(proof_.Choose(i, Stranger(i + 1)));
    proof_.Sent(i);
  }
  // A member's id is its own in its cluster only.
  ASSERT_TRUE(proof_.Choose(2, Voter(1)));
  ASSERT_TRUE(proof_.Choose(3, Voter(2)));
  EXPECT_FALSE(proof_.Choose(4, Voter(3)));
}

}  // namespace
}  // namespace warden::etcd
