// Stands for an etcd that was started on a restored data directory: it answers from the database
// in there, or lies.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/mvcc/visible.h"
#include "exporter/restore/drill_etcd.h"

namespace warden::restore {

// What the fake says otherwise than the database has it. Each is given the true answer.
struct Lies {
  std::function<Status()> ready = [] { return Status(); };
  std::function<void(etcd::KvHash&)> hash = [](etcd::KvHash&) {};
  std::function<void(std::uint64_t&)> keys = [](std::uint64_t&) {};
  std::function<void(std::uint64_t&)> leases = [](std::uint64_t&) {};
  std::function<void(std::vector<std::optional<etcd::KeyEntry>>&)> samples = [](auto&) {};
};

class FakeRestoredEtcd final : public RestoredEtcd {
 public:
  FakeRestoredEtcd(const EtcdStart& start, const Lies& lies, std::vector<std::string>& events)
      : lies_(lies), events_(events) {
    const std::filesystem::path database = start.data_directory / "member" / "snap" / "db";
    file_ = *PosixFiles().Open(database);
    keys_.emplace(*mvcc::KeySpace::Open(*file_, file_->State()->size_bytes));
    endpoint_ = *config::ParseEndpoint("unix://" + (start.working_directory / "client:1").string());
    EXPECT_FALSE(keys_->contents().auth_enabled);
    events_.push_back("started " + start.program.version + " as " + start.name);
  }

  Status WaitUntilReady(const Deadline& /*deadline*/) override { return lies_.ready(); }
  Result<etcd::KvHash> HashKv(std::int64_t revision, const Deadline& /*deadline*/) override {
    etcd::KvHash hash{.hash = *mvcc::HashKv(*keys_, revision, -1, {}), .revision = revision};
    lies_.hash(hash);
    return hash;
  }
  Result<std::uint64_t> CountKeys(std::int64_t revision, const Deadline& /*deadline*/) override {
    std::uint64_t keys = mvcc::FindVisible(*keys_, revision, {})->count();
    lies_.keys(keys);
    return keys;
  }
  Result<std::uint64_t> CountLeases(const Deadline& /*deadline*/) override {
    std::uint64_t leases = keys_->contents().leases;
    lies_.leases(leases);
    return leases;
  }
  Result<std::vector<std::optional<etcd::KeyEntry>>> ReadKeys(
      std::span<const std::string> keys, std::int64_t revision,
      const Deadline& /*deadline*/) override {
    const auto visible = mvcc::FindVisible(*keys_, revision, {});
    std::vector<std::optional<etcd::KeyEntry>> found(keys.size());
    const Status read = keys_->ForEach(
        [&](const mvcc::Entry& entry) {
          const auto place = std::ranges::find(keys, entry.record.key);
          if (!visible->Contains(entry.number) || place == keys.end()) return true;
          const mvcc::Record& record = entry.record;
          found[static_cast<std::size_t>(place - keys.begin())] = {
              .key = std::string(record.key),
              .value = std::string(record.value),
              .create_revision = record.create_revision,
              .mod_revision = record.revision.main,
              .version = record.version,
              .lease = record.lease};
          return true;
        },
        {});
    EXPECT_TRUE(read.ok()) << read.message();
    lies_.samples(found);
    return found;
  }

  const config::Endpoint& endpoint() const override { return endpoint_; }
  void Stop() override {
    if (!std::exchange(is_stopped_, true)) events_.push_back("stopped");
  }
  std::string Log() const override { return "the log of etcd"; }

 private:
  const Lies& lies_;
  std::vector<std::string>& events_;
  std::unique_ptr<ReadableFile> file_;
  std::optional<mvcc::KeySpace> keys_;
  config::Endpoint endpoint_;
  bool is_stopped_ = false;
};

}  // namespace warden::restore
