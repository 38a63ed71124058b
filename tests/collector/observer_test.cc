#include "exporter/collector/observer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "exporter/metrics/page.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/view_builder.h"

namespace warden::collector {
namespace {

using testing::FailStatus;
using testing::MakeList;
using testing::MakeView;

// A fan-out that is over when the test says so.
class FakeObservation final : public etcd::Observation {
 public:
  explicit FakeObservation(SteadyTime deadline) : deadline_(deadline) {}

  void Finish(etcd::ClusterView view) {
    MutexLock lock(mutex_);
    view_ = std::move(view);
    finished_.NotifyAll();
  }
  const etcd::ClusterView& Wait() override {
    MutexLock lock(mutex_);
    while (!view_) finished_.Wait(mutex_);
    return *view_;  // never changed once set
  }
  bool done() const override {
    MutexLock lock(mutex_);
    return view_.has_value();
  }
  SteadyTime deadline() const override { return deadline_; }

 private:
  const SteadyTime deadline_;
  mutable Mutex mutex_;
  CondVar finished_;
  std::optional<etcd::ClusterView> view_ WARDEN_GUARDED_BY(mutex_);
};

Deadline At(int seconds) {
  return {.at = SteadyTime(Seconds(seconds)), .stop = {}};
}

class ObserverTest : public ::testing::Test {
 protected:
  bool PageHas(const std::string& line) const {
    metrics::Page page;
    page.Add(instruments_.Collect());
    return page.Text().find("\netcdwarden_" + line + "\n") != std::string::npos;
  }

  ObserverTest() {
    cluster_.OnObserve([this](const Deadline& deadline) {
      MutexLock lock(mutex_);
      started_.push_back(std::make_shared<FakeObservation>(deadline.at));
      return started_.back();
    });
  }
  // Every fan-out so far.
  std::vector<std::shared_ptr<FakeObservation>> started() const {
    MutexLock lock(mutex_);
    return started_;
  }

  mutable Mutex mutex_;
  std::vector<std::shared_ptr<FakeObservation>> started_ WARDEN_GUARDED_BY(mutex_);
  testing::FakeCluster cluster_;
  metrics::Instruments instruments_;
  ClusterObserver observer_{"prod", cluster_, instruments_, false};
};

TEST_F(ObserverTest, JoinsAFanOutThatEndsInTime) {
  const Observed first = observer_.Observe(At(10));
  const Observed same = observer_.Observe(At(10));
  const Observed later = observer_.Observe(At(12));
  EXPECT_FALSE(first.shared);
  EXPECT_TRUE(same.shared);
  EXPECT_TRUE(later.shared);
  EXPECT_EQ(same.observation, first.observation);
  EXPECT_EQ(later.observation, first.observation);
  EXPECT_EQ(first.observation->deadline(), SteadyTime(Seconds(10)));
  EXPECT_EQ(started().size(), 1U);
  EXPECT_TRUE(PageHas("exporter_scrapes_coalesced_total{etcd_cluster=\"prod\"} 2"));
}

TEST_F(ObserverTest, StartsAnotherWhenTheOneInFlightMayEndTooLate) {
  const Observed slow = observer_.Observe(At(10));
  const Observed quick = observer_.Observe(At(9));
  EXPECT_FALSE(quick.shared);
  EXPECT_NE(quick.observation, slow.observation);
  EXPECT_EQ(quick.observation->deadline(), SteadyTime(Seconds(9)));
  EXPECT_EQ(observer_.Observe(At(11)).observation, quick.observation) << "the newest is joined";
}

TEST_F(ObserverTest, StartsAnotherOnceTheLastIsOver) {
  const Observed first = observer_.Observe(At(10));
  started()[0]->Finish(MakeView());
  EXPECT_TRUE(first.observation->done());
  const Observed second = observer_.Observe(At(10));
  EXPECT_FALSE(second.shared);
  EXPECT_FALSE(second.observation->done());
}

TEST_F(ObserverTest, StartsAnotherOnceNobodyWaitsForTheLast) {
  observer_.Observe(At(10)).observation.reset();
  EXPECT_FALSE(observer_.Observe(At(10)).shared);
  EXPECT_EQ(started().size(), 2U);
}

TEST_F(ObserverTest, CountsFailedCallsOncePerFanOut) {
  etcd::ClusterView view = MakeView();
  FailStatus(view.endpoints[0], etcd::Reason::kTls);
  view.endpoints[1].member_list->value.reset();
  view.endpoints[1].member_list->error = etcd::RpcError{.reason = etcd::Reason::kPermissionDenied};
  const std::string status_failed =
      "rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://10.0.0.11:2379\","
      "reason=\"tls\",rpc=\"status\"} ";
  const std::string list_failed =
      "rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://10.0.0.12:2379\","
      "reason=\"permission_denied\",rpc=\"member_list\"} ";
  for (int round = 1; round <= 2; ++round) {
    const Observed one = observer_.Observe(At(10));
    const Observed two = observer_.Observe(At(10));
    started().back()->Finish(view);
    one.observation->Wait();
    two.observation->Wait();
    one.observation->Wait();
    EXPECT_TRUE(PageHas(status_failed + std::to_string(round)));
    EXPECT_TRUE(PageHas(list_failed + std::to_string(round)));
  }
}

TEST_F(ObserverTest, KeepsTheMemberListThroughAnOutage) {
  EXPECT_EQ(observer_.Known(), std::nullopt);
  etcd::ClusterView view = MakeView();
  observer_.Remember(view);
  ASSERT_TRUE(observer_.Known());
  EXPECT_EQ(observer_.Known()->members, MakeList(3));
  EXPECT_EQ(observer_.Known()->fetched, view.started);

  etcd::ClusterView outage = MakeView();
  outage.started += Seconds(30);
  for (etcd::EndpointView& endpoint : outage.endpoints) FailStatus(endpoint);
  observer_.Remember(outage);
  ASSERT_TRUE(observer_.Known());
  EXPECT_EQ(observer_.Known()->members, MakeList(3));
  EXPECT_EQ(observer_.Known()->fetched, view.started);
}

TEST_F(ObserverTest, KeepsUpWithTheClusterWhenTheClockIsSetBack) {
  etcd::ClusterView later = MakeView(4);
  later.started -= std::chrono::hours(1);
  observer_.Remember(MakeView(3));
  observer_.Remember(later);
  ASSERT_TRUE(observer_.Known());
  EXPECT_EQ(observer_.Known()->members, MakeList(4));
  EXPECT_EQ(observer_.Known()->fetched, later.started);
}

TEST_F(ObserverTest, DoesNotTakeOneStrayEndpointForTheClusterThatIsDown) {
  observer_.Remember(MakeView(3));
  etcd::ClusterView stray = MakeView(3);
  FailStatus(stray.endpoints[0]);
  FailStatus(stray.endpoints[1]);
  stray.endpoints[2].status.value->cluster_id += 1;
  stray.started += Seconds(1);
  observer_.Remember(stray);
  EXPECT_NE(observer_.Known()->fetched, stray.started);

  // Most endpoints in another cluster: it was rebuilt.
  etcd::ClusterView rebuilt = MakeView(3);
  FailStatus(rebuilt.endpoints[0]);
  for (std::size_t i : {1, 2}) rebuilt.endpoints[i].status.value->cluster_id += 1;
  rebuilt.started += Seconds(2);
  observer_.Remember(rebuilt);
  EXPECT_EQ(observer_.Known()->fetched, rebuilt.started);
}

TEST_F(ObserverTest, HasTheMembersOfEachNewListDialledIfItIsToDiscover) {
  observer_.Remember(MakeView(3));
  EXPECT_TRUE(cluster_.discovered().empty()) << "it is not";

  ClusterObserver discovering("prod", cluster_, instruments_, true);
  discovering.Remember(MakeView(3));
  ASSERT_EQ(cluster_.discovered().size(), 1U);
  EXPECT_EQ(cluster_.discovered()[0], MakeList(3));
  discovering.Remember(MakeView(3));
  etcd::ClusterView outage = MakeView(3);
  for (etcd::EndpointView& endpoint : outage.endpoints) FailStatus(endpoint);
  discovering.Remember(outage);
  EXPECT_EQ(cluster_.discovered().size(), 1U) << "nothing new";

  discovering.Remember(MakeView(4));
  discovering.Remember(MakeView(2));
  ASSERT_EQ(cluster_.discovered().size(), 3U);
  EXPECT_EQ(cluster_.discovered()[1], MakeList(4));
  EXPECT_EQ(cluster_.discovered()[2], MakeList(2)) << "removed members are named no more";

  etcd::ClusterView stray = MakeView(2);
  FailStatus(stray.endpoints[0]);
  stray.endpoints[1].status.value->cluster_id += 1;
  stray.endpoints[1].member_list->value = MakeList(1);
  discovering.Remember(stray);
  EXPECT_EQ(cluster_.discovered().size(), 3U) << "a stray's members are not ours";
}

TEST_F(ObserverTest, AnOlderViewOverwritesNothing) {
  ClusterObserver discovering("prod", cluster_, instruments_, true);
  etcd::ClusterView older = MakeView(3);
  older.began = SteadyTime(Seconds(100));
  etcd::ClusterView newer = MakeView(4);
  newer.began = SteadyTime(Seconds(101));
  discovering.Remember(newer);
  discovering.Remember(older);
  EXPECT_EQ(discovering.Known()->members, MakeList(4));
  EXPECT_EQ(cluster_.discovered(), std::vector<etcd::MemberList>{MakeList(4)});
  ClusterObserver successor("prod", cluster_, instruments_, false);
  successor.Inherit(discovering);
  successor.Remember(older);
  EXPECT_EQ(successor.Known()->members, MakeList(4));
}

TEST_F(ObserverTest, WhatIsInheritedIsDialledOnce) {
  observer_.Remember(MakeView(3));
  ClusterObserver successor("prod", cluster_, instruments_, true);
  successor.Inherit(observer_);
  EXPECT_EQ(cluster_.discovered(), std::vector<etcd::MemberList>{MakeList(3)});
  successor.Remember(MakeView(3));
  EXPECT_EQ(cluster_.discovered().size(), 1U) << "nothing new";
  successor.Remember(MakeView(2));
  EXPECT_EQ(cluster_.discovered().size(), 2U);
}

TEST_F(ObserverTest, DialsTheNewestOfManyListsLast) {
  ClusterObserver discovering("prod", cluster_, instruments_, true);
  std::vector<std::thread> scrapes;
  for (int n = 1; n <= 4; ++n) {
    scrapes.emplace_back([&discovering, n] {
      etcd::ClusterView view = MakeView(n);
      view.began = SteadyTime(Seconds(n));
      discovering.Remember(view);
    });
  }
  for (std::thread& scrape : scrapes) scrape.join();
  ASSERT_FALSE(cluster_.discovered().empty());
  EXPECT_EQ(cluster_.discovered().back(), MakeList(4));
}

TEST_F(ObserverTest, ForgetsTheFailuresOfEndpointsThatAreGone) {
  etcd::ClusterView view = MakeView(3);
  FailStatus(view.endpoints[0]);
  FailStatus(view.endpoints[2]);
  const auto observe = [&] {
    const Observed observed = observer_.Observe(At(10));
    started().back()->Finish(view);
    observed.observation->Wait();
  };
  const auto failures = [](int n) {
    return "rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"" + testing::HostOf(n) +
           ":2379\",reason=\"timeout\",rpc=\"status\"} ";
  };
  observe();
  EXPECT_TRUE(PageHas(failures(1) + "1"));
  EXPECT_TRUE(PageHas(failures(3) + "1"));
  view.endpoints.pop_back();
  observe();
  EXPECT_TRUE(PageHas(failures(1) + "2"));
  EXPECT_FALSE(PageHas(failures(3) + "1"));
}

TEST_F(ObserverTest, CountsTheFanOutsThatRun) {
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 0"));
  Observed first = observer_.Observe(At(10));
  const Observed joined = observer_.Observe(At(10));
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 1"));
  Observed quick = observer_.Observe(At(9));
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 2"));
  started()[0]->Finish(MakeView());
  first.observation->Wait();
  joined.observation->Wait();
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 1"));
  quick.observation.reset();
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 0")) << "given up by all who wanted it";
  first.observation.reset();
  EXPECT_TRUE(PageHas("exporter_scrapes_in_flight 0"));
}

TEST_F(ObserverTest, ServesManyScrapesAtOnce) {
  constexpr int kScrapes = 8;
  std::atomic<int> shared = 0;
  std::atomic<int> answered = 0;
  std::vector<std::thread> scrapes;
  for (int i = 0; i < kScrapes; ++i) {
    scrapes.emplace_back([&] {
      const Observed observed = observer_.Observe(At(10));
      if (observed.shared) ++shared;
      const etcd::ClusterView& view = observed.observation->Wait();
      observer_.Remember(view);
      if (observer_.Known()) ++answered;
    });
  }
  etcd::ClusterView view = MakeView();
  FailStatus(view.endpoints[0]);
  // All scrapes wait on the one fan-out, or the later ones on another: end whatever was started.
  while (answered < kScrapes) {
    for (const auto& observation : started()) {
      if (!observation->done()) observation->Finish(view);
    }
    std::this_thread::yield();
  }
  for (std::thread& scrape : scrapes) scrape.join();
  const int fan_outs = static_cast<int>(started().size());
  EXPECT_EQ(fan_outs + shared, kScrapes);
  EXPECT_TRUE(
      PageHas("rpc_failures_total{etcd_cluster=\"prod\",etcd_endpoint=\"https://10.0.0.11:2379\","
              "reason=\"timeout\",rpc=\"status\"} " +
              std::to_string(fan_outs)));
}

TEST_F(ObserverTest, ScrapesArrivingTogetherShareOneFanOut) {
  constexpr int kScrapes = 8;
  std::atomic<int> arrived = 0;
  std::vector<std::thread> scrapes;
  for (int i = 0; i < kScrapes; ++i) {
    scrapes.emplace_back([&] {
      const Observed observed = observer_.Observe(At(10));
      ++arrived;
      observed.observation->Wait();
    });
  }
  while (arrived < kScrapes) std::this_thread::yield();
  EXPECT_EQ(started().size(), 1U);
  started()[0]->Finish(MakeView());
  for (std::thread& scrape : scrapes) scrape.join();
  EXPECT_TRUE(PageHas("exporter_scrapes_coalesced_total{etcd_cluster=\"prod\"} 7"));
}

}  // namespace
}  // namespace warden::collector
