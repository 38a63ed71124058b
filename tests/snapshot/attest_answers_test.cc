// What one voter's answer is worth.
#include "exporter/snapshot/attest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/snapshot/attest_fixture.h"

namespace warden::snapshot {
namespace {

TEST_F(AttestTest, ComputesTheHashOfEachVotersOwnCompaction) {
  for (const std::int64_t of_file : {0, 3}) {
    if (of_file != 0) UseFileCompactedAt(of_file);
    Say(1, Answer(1, HashCompactedAt(3), 3));
    Say(2, Answer(2, HashCompactedAt(4), 4));
    Say(3, Answer(3, HashCompactedAt(5), 5));
    EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)), "attested (3 of 3)") << of_file;
    Say(3, Answer(3, HashCompactedAt(4), 5));
    EXPECT_EQ(Ask(AttestPolicy::kAll).differing.size(), 1U) << of_file;
  }
}

TEST_F(AttestTest, SaysWhyAVoterHasNoVote) {
  struct Case {
    std::string error;
    etcd::Reason reason;
    std::string why;
  };
  const Case cases[] = {
      {"etcdserver: mvcc: required revision has been compacted", etcd::Reason::kOther,
       "it has compacted the snapshot's revision already"},
      {"etcdserver: permission denied", etcd::Reason::kPermissionDenied,
       "etcdserver: permission denied; HashKV wants a user with the role root"},
      {"etcdserver: user name is empty", etcd::Reason::kUnauthenticated,
       "etcdserver: user name is empty; HashKV wants a user with the role root"},
      {"connection refused", etcd::Reason::kConnect, "connection refused"},
  };
  for (const Case& each : cases) {
    SayAll(WholeHash());
    Refuse(2, each.error, each.reason);
    EXPECT_EQ(Describe(Ask()), "unattested: m2 (91bc3c398fb3c146): " + each.why +
                                   "; the leader was not asked (attest: followers); "
                                   "1 of 3 voters agree, a quorum is 2")
        << each.error;
    EXPECT_EQ(Describe(Ask(AttestPolicy::kAll)),
              "attested (2 of 3): m2 (91bc3c398fb3c146): " + each.why);
  }
}

TEST_F(AttestTest, AnotherMemberBehindTheEndpointHasNoVote) {
  etcd::KvHash foreign = Answer(2, WholeHash());
  foreign.cluster_id = testing::kForeignClusterId;
  etcd::KvHash other_revision = Answer(2, WholeHash());
  other_revision.revision = kRevision - 1;
  for (const etcd::KvHash& answer : {Answer(3, WholeHash()), foreign, other_revision}) {
    SayAll(WholeHash());
    Say(2, answer);
    const Attestation attestation = Ask();
    EXPECT_EQ(attestation.verdict, Verdict::kUnattested);
    EXPECT_EQ(attestation.agreed, 1);
    EXPECT_NE(attestation.reason.find("m2 (91bc3c398fb3c146): another member answered; is it "
                                      "behind a load balancer?"),
              std::string::npos)
        << attestation.reason;
  }
}

// What the members answer when they are asked for their newest revision.
struct Newest {
  std::string name;
  std::uint32_t hash;
  std::int64_t compacted;
  std::int64_t revision;  // as answered; 0: a server below 3.6, which does not say
  std::int64_t current;
  Verdict verdict;
};

TEST_F(AttestTest, AsksForTheNewestWhereAServerRemembersAnOlderCompaction) {
  UseFileCompactedAt(4);
  const std::uint32_t good = HashCompactedAt(4);
  const std::uint32_t of_five = HashCompactedAt(5);
  const Newest cases[] = {
      {"equal at the same revision", good, 4, 6, 6, Verdict::kAttested},
      {"another at the same revision", kOtherHash, 4, 6, 6, Verdict::kMismatch},
      {"equal, and compacted further meanwhile", of_five, 5, 6, 6, Verdict::kAttested},
      {"of a newer revision", kOtherHash, 4, 7, 7, Verdict::kUnattested},
      {"still of an older compaction", good, 3, 6, 6, Verdict::kUnattested},
      {"3.5, equal", good, 4, 0, 6, Verdict::kAttested},
      {"3.5, another: of which revision is not said", kOtherHash, 4, 0, 6, Verdict::kUnattested},
      {"3.5, of a newer revision", good, 4, 0, 7, Verdict::kUnattested},
  };
  for (const Newest& each : cases) {
    const std::size_t before = cluster_.hashed().size();
    cluster_.OnHash([&](const Deadline&) {
      const bool is_newest = cluster_.hashed().back().second == 0;
      for (int n = 1; n <= 3; ++n) {
        etcd::KvHash answer = Answer(n, kOtherHash, 3);
        if (is_newest) {
          answer = Answer(n, each.hash, each.compacted);
          answer.revision = each.revision;
          answer.current_revision = each.current;
        }
        Say(n, answer);
      }
    });
    const Attestation attestation = Ask();
    EXPECT_EQ(attestation.verdict, each.verdict) << each.name << ": " << Describe(attestation);
    if (each.verdict == Verdict::kUnattested) {
      EXPECT_NE(attestation.reason.find("answers for an older compaction than the snapshot's"),
                std::string::npos)
          << each.name << ": " << attestation.reason;
    }
    Calls calls = cluster_.hashed();
    calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(before));
    Calls wanted = {{UrlOf(3), 6}, {UrlOf(3), 0}, {UrlOf(2), 6}, {UrlOf(2), 0}};
    // Where followers differ the leader is asked as well.
    if (each.verdict == Verdict::kMismatch)
      wanted.insert(wanted.end(), {{UrlOf(1), 6}, {UrlOf(1), 0}});
    EXPECT_EQ(calls, wanted) << each.name;
  }
}

TEST_F(AttestTest, AMemberThatFailsTheSecondQuestionHasNoVote) {
  UseFileCompactedAt(4);
  cluster_.OnHash([&](const Deadline&) {
    SayAll(HashCompactedAt(3), 3);
    if (cluster_.hashed().back().second == 0) Refuse(3, "connection reset");
    if (cluster_.hashed().back().second == 0) Say(2, Answer(1, HashCompactedAt(4), 4));
  });
  const Attestation attestation = Ask();
  EXPECT_EQ(attestation.verdict, Verdict::kUnattested);
  EXPECT_EQ(attestation.agreed, 0) << "and another member's answer counts for nobody";
  EXPECT_NE(attestation.reason.find("m3 (a5c40fe21b7d396): connection reset"), std::string::npos)
      << attestation.reason;
}

const std::string kFuture = "etcdserver: mvcc: required revision is a future revision";

TEST_F(AttestTest, WaitsForAMemberThatIsAMomentBehind) {
  SayAll(WholeHash());
  Refuse(3, kFuture);
  cluster_.OnHash([&](const Deadline&) {
    if (cluster_.hashed().size() == 2) Say(3, Answer(3, WholeHash()));
  });
  EXPECT_EQ(Ask().verdict, Verdict::kAttested);
  EXPECT_EQ(Asked(), "3 3 2");
}

TEST_F(AttestTest, DoesNotWaitForLongerThanFiveSeconds) {
  SayAll(WholeHash());
  Refuse(3, kFuture);
  cluster_.OnHash([&](const Deadline&) { clock_.Advance(Seconds(3)); });
  const Attestation attestation = Ask();
  EXPECT_EQ(Asked(), "3 3 2") << "at 0 s and 3 s, not at 6 s";
  EXPECT_NE(attestation.reason.find("it has not caught up with the snapshot"), std::string::npos)
      << attestation.reason;
}

TEST_F(AttestTest, GivesEachVoterAMinuteAndNoMoreThanTheDeadline) {
  SayAll(WholeHash());
  std::vector<Nanoseconds> patience;
  cluster_.OnHash([&](const Deadline& deadline) {
    patience.push_back(deadline.at - clock_.Steady());
    clock_.Advance(Seconds(45));
  });
  Attest({cluster_, clock_, AttestPolicy::kAll, testing::kClusterId}, *keys_, kRevision,
         {.at = clock_.Steady() + Seconds(100)});
  EXPECT_EQ(patience, (std::vector<Nanoseconds>{Seconds(60), Seconds(55), Seconds(10)}));
}

TEST_F(AttestTest, EndsWhenItIsStopped) {
  SayAll(WholeHash());
  Refuse(2, kFuture);
  cluster_.OnHash([&](const Deadline&) { stop_.request_stop(); });
  const Attestation attestation = Ask();
  EXPECT_EQ(attestation.verdict, Verdict::kUnattested) << "the file's own hash was not computed";
  EXPECT_NE(attestation.reason.find("m3 (a5c40fe21b7d396): cancelled"), std::string::npos)
      << attestation.reason;
  EXPECT_EQ(Asked(), "3 2") << "and nobody is waited for";
}

TEST_F(AttestTest, ADamagedFileHasNoHash) {
  testing::BoltFile broken(testing::EtcdBuckets());
  broken.Set(broken.RootOf("key"), testing::bolt::kFlags, 0);
  file_ = std::make_unique<testing::MemoryFile>(broken.bytes());
  keys_.emplace(*mvcc::KeySpace::Open(*file_, file_->size()));
  SayAll(WholeHash());
  const Attestation attestation = Ask();
  EXPECT_EQ(attestation.verdict, Verdict::kUnattested);
  EXPECT_NE(attestation.reason.find("neither a branch nor a leaf"), std::string::npos)
      << attestation.reason;
}

}  // namespace
}  // namespace warden::snapshot
