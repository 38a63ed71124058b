// A consistency check of a fake cluster whose members 1 to 4 hold the same, until the test says
// otherwise.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "exporter/collector/hashkv.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/recording_logger.h"

namespace warden::collector {

using etcd::KvHash;
using Outcome = HashCheck::Outcome;
using testing::kMemberIds;
using testing::kViewTime;
using testing::MakeList;
using testing::MakeView;

inline std::string UrlOf(int n) {
  return testing::HostOf(n) + ":2379";
}

inline KvHash MakeHash(int n, std::uint32_t hash, std::int64_t compacted = 100) {
  return {.cluster_id = testing::kClusterId,
          .member_id = kMemberIds.at(static_cast<std::size_t>(n)),
          .hash = hash,
          .compact_revision = compacted,
          .revision = 4242};
}

inline etcd::RpcOutcome<KvHash> Failed(etcd::Reason reason, const std::string& message) {
  return {.error = etcd::RpcError{.reason = reason, .message = message}};
}

class HashKvTest : public ::testing::Test {
 protected:
  HashKvTest() {
    for (int n = 1; n <= 4; ++n) SetHash(n, MakeHash(n, 7));
  }
  void SetHash(int n, const KvHash& hash) { cluster_.SetHash(UrlOf(n), {.value = hash}); }
  void Fail(int n, etcd::Reason reason, const std::string& message) {
    cluster_.SetHash(UrlOf(n), Failed(reason, message));
  }
  HashCheck Check() { return CheckHashes("prod", tools_, stop_.get_token()); }
  // The members asked, in order: "m2 m3 m1".
  std::string Asked() const {
    std::vector<std::string> names;
    for (const auto& [url, revision] : cluster_.hashed()) {
      names.push_back("m" + url.substr(testing::HostOf(0).size() - 1, 1));
    }
    return Join(names, " ");
  }
  bool PageHas(const std::string& line) const {
    metrics::Page page;
    page.Add(instruments_.Collect());
    return page.Text().find("\netcdwarden_" + line + "\n") != std::string::npos;
  }

  testing::FakeCluster cluster_;
  testing::FakeClock clock_;
  testing::RecordingLogger log_;
  metrics::Instruments instruments_;
  std::stop_source stop_;
  std::optional<KnownMembers> known_;
  const HashTools tools_{cluster_, clock_, instruments_, [this] { return known_; }};
  HashChecker checker_{"prod", Seconds(3600), tools_, log_};
};

}  // namespace warden::collector
