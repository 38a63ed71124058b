// What a restored etcd has to answer, as the file alone tells it.
#include "exporter/restore/drill_expected.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::restore {
namespace {

using testing::BigEndian;
using testing::KeyValue;
using testing::RevisionKey;
using testing::WireVarint;

class DrillExpectedTest : public ::testing::Test {
 protected:
  const mvcc::KeySpace& Open() {
    file_.emplace(testing::BoltFile(buckets_).bytes());
    auto keys = mvcc::KeySpace::Open(*file_, file_->size());
    EXPECT_TRUE(keys.ok()) << keys.status().message();
    keys_.emplace(*std::move(keys));
    return *keys_;
  }
  void PutMany(int count, std::size_t value_bytes) {
    auto& values = buckets_["key"].values;
    values.clear();
    for (int n = 2; n < 2 + count; ++n) {
      values[RevisionKey(n)] =
          KeyValue({"/" + std::to_string(n), n, n, 1, std::string(value_bytes, 'v')});
    }
  }

  testing::BoltBuckets buckets_ = testing::EtcdBuckets();
  std::optional<testing::MemoryFile> file_;
  std::optional<mvcc::KeySpace> keys_;
};

TEST_F(DrillExpectedTest, SamplesAreWhatIsAlive) {
  const auto samples = SampleKeys(Open(), 6, {});
  ASSERT_TRUE(samples.ok()) << samples.status().message();
  EXPECT_EQ(*samples, (std::vector<etcd::KeyEntry>{{"/a/x", "four", 2, 6, 3, 0}}));
  EXPECT_EQ(
      *SampleKeys(*keys_, 4, {}),
      (std::vector<etcd::KeyEntry>{{"/a/x", "two", 2, 3, 2, 0}, {"/a/y", "three", 4, 4, 1, 0x77}}));
}

TEST_F(DrillExpectedTest, SamplesAreSpreadFromTheFirstToTheLast) {
  for (const int count : {0, 1, 49, 50, 51, 99, 1000}) {
    PutMany(count, 10);
    const auto samples = SampleKeys(Open(), 2000, {});
    ASSERT_TRUE(samples.ok()) << samples.status().message();
    ASSERT_EQ(samples->size(), std::min<std::size_t>(static_cast<std::size_t>(count), kSamples));
    if (count == 0) continue;
    std::set<std::string> keys;
    for (const etcd::KeyEntry& sample : *samples) keys.insert(sample.key);
    EXPECT_EQ(keys.size(), samples->size());
    EXPECT_EQ(samples->front().key, "/2");
    EXPECT_EQ(samples->back().key, "/" + std::to_string(count + 1));
  }
}

TEST_F(DrillExpectedTest, SamplesAreBoundedInBytes) {
  PutMany(40, 1 << 20);
  const auto samples = SampleKeys(Open(), 2000, {});
  ASSERT_TRUE(samples.ok()) << samples.status().message();
  EXPECT_EQ(samples->size(), kSampleBytesMax >> 20);
}

TEST_F(DrillExpectedTest, SamplesThatDifferAreNamedAndNotShown) {
  const std::vector<etcd::KeyEntry> expected = {{"/a", "secret", 2, 3, 2, 0},
                                                {"/b\n", "secret", 4, 4, 1, 7}};
  const auto with = [&](auto change) {
    std::vector<std::optional<etcd::KeyEntry>> found(expected.begin(), expected.end());
    change(found);
    return CheckSamples(expected, found);
  };
  EXPECT_TRUE(with([](auto&) {}).ok());
  EXPECT_EQ(with([](auto& found) { found.pop_back(); }).code(), Code::kInternal);
  const auto message = [&](auto change) {
    const Status status = with(change);
    EXPECT_EQ(status.code(), Code::kDataLoss);
    EXPECT_EQ(status.message().find("secret"), std::string::npos);
    return status.message();
  };
  EXPECT_EQ(message([](auto& found) { found[0].reset(); }), "the key /a is missing");
  EXPECT_EQ(message([](auto& found) { found[1]->value = "public"; }),
            "the key \"/b\\x0a\" has another value");
  EXPECT_EQ(message([](auto& found) { found[0]->lease = 1; }),
            "the key /a has other revisions, or another version or lease");
  EXPECT_EQ(message([](auto& found) { found[0]->mod_revision = 9; }),
            "the key /a has other revisions, or another version or lease");
}

TEST_F(DrillExpectedTest, LeasesLiveForWhatIsLeftOfThem) {
  buckets_["lease"].values = {
      {BigEndian(1), WireVarint(1, 1) + WireVarint(2, 60)},
      {BigEndian(2), WireVarint(1, 2) + WireVarint(2, 3600) + WireVarint(3, 20)},
      {BigEndian(3), WireVarint(1, 3) + WireVarint(2, 5)}};
  const auto lives = LeaseLives(Open(), {});
  ASSERT_TRUE(lives.ok()) << lives.status().message();
  EXPECT_EQ(*lives, (std::vector<Seconds>{Seconds(5), Seconds(20), Seconds(60)}));
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(LeaseLives(*keys_, source.get_token()).status().code(), Code::kCancelled);
}

TEST(CheckLeases, AllowsForThoseThatExpire) {
  const std::vector<Seconds> lives = {Seconds(5), Seconds(20), Seconds(60)};
  struct Case {
    std::uint64_t found;
    Seconds uptime;
    bool ok;
  };
  const Case cases[] = {{3, Seconds(0), true},  {2, Seconds(4), false},  {2, Seconds(5), true},
                        {4, Seconds(5), false}, {1, Seconds(19), false}, {1, Seconds(20), true},
                        {3, Seconds(99), true}, {0, Seconds(59), false}, {0, Seconds(60), true}};
  for (const Case& each : cases) {
    const Status status = CheckLeases(lives, each.found, each.uptime);
    EXPECT_EQ(status.ok(), each.ok) << each.found << " after " << each.uptime.count();
    EXPECT_EQ(status.code(), each.ok ? Code::kOk : Code::kDataLoss);
  }
  EXPECT_TRUE(CheckLeases({}, 0, Seconds(0)).ok());
}

}  // namespace
}  // namespace warden::restore
