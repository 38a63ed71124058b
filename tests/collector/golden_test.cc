// Whole pages in known situations.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "exporter/collector/render.h"
#include "exporter/etcd/membership.h"
#include "tests/support/golden.h"
#include "tests/support/view_builder.h"

namespace warden::collector {
namespace {

using testing::FailStatus;
using testing::kClusterId;
using testing::kForeignClusterId;
using testing::kMemberIds;
using testing::kViewTime;
using testing::MakeEndpoint;
using testing::MakeList;
using testing::MakeMember;
using testing::MakeView;
using testing::ReportError;
using testing::SetList;

// One situation; `known` is what the observer would have after remembering the view.
struct Situation {
  etcd::ClusterView view;
  std::optional<KnownMembers> remembered;
  bool shared = false;
  std::optional<std::uint64_t> quota_backend_bytes;

  std::optional<int> expected_members;
  CertificateTimes certificates;

  std::string Page() const {
    Subject subject{.cluster = "prod",
                    .view = view,
                    .known = remembered,
                    .budget = Milliseconds(1500),
                    .shared = shared,
                    .quota_backend_bytes = quota_backend_bytes,
                    .expected_members = expected_members,
                    .certificates = certificates};
    if (auto members = etcd::AgreedMembers(view, subject.cluster_id())) {
      subject.known = KnownMembers{.cluster_id = *etcd::MainClusterId(view, subject.cluster_id()),
                                   .members = *std::move(members),
                                   .fetched = view.started};
    }
    metrics::Page page;
    Render(page, subject);
    return page.Text();
  }
};

// What a scrape five minutes earlier saw.
KnownMembers Remembered(int count) {
  return {.cluster_id = kClusterId,
          .members = MakeList(count),
          .fetched = kViewTime - std::chrono::minutes(5)};
}

void FailAll(etcd::ClusterView& view, etcd::Reason reason) {
  for (etcd::EndpointView& endpoint : view.endpoints) FailStatus(endpoint, reason);
  view.duration = Milliseconds(1500);
  view.quorum_read.reset();
}

Situation Healthy36() {
  Situation situation{.view = MakeView(3, "3.6.4")};
  situation.shared = true;
  for (etcd::EndpointView& endpoint : situation.view.endpoints) {
    endpoint.status.value->downgrade = {.enabled = true, .target_version = "3.5.0"};
  }
  return situation;
}

Situation OneDown() {
  Situation situation{.view = MakeView()};
  FailStatus(situation.view.endpoints[2]);
  situation.view.duration = Milliseconds(1500);
  situation.quota_backend_bytes = 8ULL << 30;
  return situation;
}

Situation AllDown() {
  Situation situation{.view = MakeView(3, "3.5.30")};
  situation.remembered = Remembered(3);
  FailAll(situation.view, etcd::Reason::kTimeout);
  return situation;
}

Situation NothingKnown() {
  Situation situation{.view = MakeView(2)};
  FailAll(situation.view, etcd::Reason::kConnect);
  return situation;
}

Situation Learner() {
  Situation situation{.view = MakeView(4)};
  etcd::MemberList list = MakeList(4);
  for (etcd::Member& member : list) member.is_learner = member.id == kMemberIds[4];
  SetList(situation.view, list);
  etcd::EndpointView& learner = situation.view.endpoints[3];
  learner.status.value->is_learner = true;
  learner.status.value->raft_index = 4000;
  learner.status.value->raft_applied_index = 4000;
  learner.status.value->revision = 3300;
  learner.member_list.reset();
  return situation;
}

Situation UnstartedMember() {
  Situation situation{.view = MakeView()};
  etcd::MemberList list = MakeList(4);
  for (etcd::Member& member : list) {
    if (member.id != kMemberIds[4]) continue;
    member.name.clear();
    member.client_urls.clear();
  }
  SetList(situation.view, list);
  return situation;
}

Situation NoSpace() {
  Situation situation{.view = MakeView()};
  situation.quota_backend_bytes = 2ULL << 30;
  ReportError(situation.view, "memberID:" + std::to_string(kMemberIds[2]) + " alarm:NOSPACE ");
  return situation;
}

Situation ForeignEndpoint() {
  Situation situation{.view = MakeView()};
  etcd::EndpointView foreign = MakeEndpoint(4, "3.5.30", {MakeMember(4)});
  foreign.status.value->cluster_id = kForeignClusterId;
  foreign.status.value->leader_id = kMemberIds[4];
  foreign.status.value->raft_term = 99;
  situation.view.endpoints.push_back(foreign);
  return situation;
}

Situation SplitBrain() {
  Situation situation{.view = MakeView(3, "3.5.30")};
  etcd::ClusterView& view = situation.view;
  // Member 3 missed the removal of member 4 and believes in itself; members 1 and 2 agree.
  view.endpoints[2].member_list->value = MakeList(4);
  view.endpoints[2].status.value->leader_id = kMemberIds[3];
  view.endpoints[2].status.value->version = "3.4.23";
  return situation;
}

// One configured endpoint; the list names two more members, one of which is down.
Situation Discovered() {
  Situation situation{.view = MakeView()};
  situation.view.endpoints[1].discovered = true;
  situation.view.endpoints[2].discovered = true;
  FailStatus(situation.view.endpoints[2], etcd::Reason::kConnect);
  return situation;
}

// etcd's authentication is on, and our user may see Status only.
Situation ListDenied() {
  Situation situation{.view = MakeView(3, "3.5.29")};
  situation.remembered = Remembered(3);
  situation.view.auth_enabled = true;
  for (etcd::EndpointView& endpoint : situation.view.endpoints) {
    endpoint.member_list->value.reset();
    endpoint.member_list->error = etcd::RpcError{.reason = etcd::Reason::kPermissionDenied,
                                                 .code = Code::kPermissionDenied,
                                                 .message = "etcdserver: permission denied"};
  }
  situation.view.quorum_read.reset();
  return situation;
}

// The same on a patch level where Status wants the role root.
Situation StatusDenied() {
  Situation situation{.view = MakeView(3, "3.6.11")};
  situation.remembered = Remembered(3);
  FailAll(situation.view, etcd::Reason::kPermissionDenied);
  situation.view.auth_enabled = true;
  return situation;
}

Situation Certificates() {
  Situation situation{.view = MakeView()};
  const WallTime year_end{Seconds(1'798'761'600)};  // 2027-01-01
  situation.certificates = {.client = year_end, .ca = year_end + std::chrono::hours(24 * 3650)};
  for (etcd::EndpointView& endpoint : situation.view.endpoints) {
    endpoint.certificate =
        etcd::ServerCertificate{.leaf_not_after = year_end, .chain_not_after = year_end};
  }
  // An intermediate of the first ends before its leaf; the last was not reached.
  situation.view.endpoints[0].certificate->chain_not_after -= std::chrono::hours(24);
  situation.view.endpoints[2].certificate.reset();
  FailStatus(situation.view.endpoints[2], etcd::Reason::kTls);
  situation.view.auth_enabled = false;
  return situation;
}

Situation MemberMissing() {
  Situation situation{.view = MakeView(2)};
  situation.expected_members = 3;
  return situation;
}

// Every member is down, and one endpoint leads to another cluster, which is well.
Situation OnlyAStrayAnswers() {
  Situation situation{.view = MakeView(3, "3.5.30")};
  situation.remembered = Remembered(3);
  FailAll(situation.view, etcd::Reason::kTimeout);
  etcd::EndpointView& stray = situation.view.endpoints[2];
  const config::Endpoint endpoint = stray.endpoint;
  stray = MakeEndpoint(4, "3.5.30", {MakeMember(4)});
  stray.endpoint = endpoint;
  stray.status.value->cluster_id = kForeignClusterId;
  return situation;
}

const std::map<std::string, Situation>& Situations() {
  static const std::map<std::string, Situation> situations = {
      {"healthy-3.4", {.view = MakeView()}},
      {"healthy-3.6", Healthy36()},
      {"one-down", OneDown()},
      {"all-down", AllDown()},
      {"nothing-known", NothingKnown()},
      {"learner", Learner()},
      {"unstarted-member", UnstartedMember()},
      {"nospace", NoSpace()},
      {"foreign-endpoint", ForeignEndpoint()},
      {"split", SplitBrain()},
      {"discovered", Discovered()},
      {"list-denied", ListDenied()},
      {"status-denied", StatusDenied()},
      {"certificates", Certificates()},
      {"member-missing", MemberMissing()},
      {"only-a-stray", OnlyAStrayAnswers()}};
  return situations;
}

class GoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, PageIsAsRecorded) {
  testing::ExpectGoldenPage(GetParam(), Situations().at(GetParam()).Page());
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, situation] : Situations()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Pages, GoldenTest, ::testing::ValuesIn(Names()), [](const auto& page) {
  std::string name = page.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

}  // namespace
}  // namespace warden::collector
