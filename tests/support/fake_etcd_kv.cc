#include "tests/support/fake_etcd_kv.h"

#include <utility>
#include <vector>

namespace warden::testing {
namespace {

const grpc::Status kNoSuchLease(grpc::StatusCode::NOT_FOUND,
                                "etcdserver: requested lease not found");

bool Holds(const etcdserverpb::Compare& compare, const std::optional<FakeEtcdKv::Entry>& entry) {
  if (compare.target() == etcdserverpb::Compare::LEASE) {
    return (entry ? entry->lease : 0) == compare.lease();
  }
  // Of the other comparisons only "there is no such key" is known here.
  return compare.target() == etcdserverpb::Compare::CREATE && compare.create_revision() == 0 &&
         !entry;
}

void Add(const std::string& key, const std::optional<FakeEtcdKv::Entry>& entry,
         etcdserverpb::RangeResponse& response) {
  if (!entry) return;
  response.set_count(response.count() + 1);
  etcdserverpb::KeyValue& found = *response.add_kvs();
  found.set_key(key);
  found.set_value(entry->value);
  found.set_create_revision(entry->create_revision);
  found.set_mod_revision(entry->mod_revision);
  found.set_version(entry->version);
  found.set_lease(entry->lease);
}

}  // namespace

grpc::Status FakeEtcdKv::Range(const etcdserverpb::RangeRequest& request,
                               etcdserverpb::RangeResponse& response) const {
  MutexLock lock(mutex_);
  if (request.range_end().empty()) {
    Add(request.key(), FindLocked(request.key()), response);
  } else {
    // Of the ends only that of the whole key space is known here.
    for (const auto& [key, entry] : entries_) Add(key, entry, response);
  }
  if (request.count_only()) response.clear_kvs();
  return grpc::Status::OK;
}

grpc::Status FakeEtcdKv::Txn(const etcdserverpb::TxnRequest& request,
                             etcdserverpb::TxnResponse& response) {
  MutexLock lock(mutex_);
  bool holds = true;
  for (const auto& compare : request.compare()) {
    holds = holds && Holds(compare, FindLocked(compare.key()));
  }
  response.set_succeeded(holds);
  for (const auto& step : holds ? request.success() : request.failure()) {
    etcdserverpb::ResponseOp& answer = *response.add_responses();
    if (step.has_request_range()) {
      const std::string& key = step.request_range().key();
      Add(key, FindLocked(key), *answer.mutable_response_range());
      continue;
    }
    const etcdserverpb::PutRequest& put = step.request_put();
    if (put.lease() != 0 && !leases_.contains(put.lease())) return kNoSuchLease;
    Entry& entry = entries_[put.key()];
    entry.value = put.value();
    entry.lease = put.lease();
    answer.mutable_response_put();
  }
  return grpc::Status::OK;
}

grpc::Status FakeEtcdKv::Grant(const etcdserverpb::LeaseGrantRequest& request) {
  MutexLock lock(mutex_);
  if (leases_.emplace(request.id(), request.ttl()).second) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION, "etcdserver: lease already exists"};
}

grpc::Status FakeEtcdKv::Revoke(std::int64_t lease) {
  MutexLock lock(mutex_);
  if (!leases_.contains(lease)) return kNoSuchLease;
  Drop(lease);
  return grpc::Status::OK;
}

std::int64_t FakeEtcdKv::KeepAlive(std::int64_t lease) const {
  MutexLock lock(mutex_);
  const auto found = leases_.find(lease);
  return found == leases_.end() ? 0 : found->second;
}

std::optional<FakeEtcdKv::Entry> FakeEtcdKv::Find(const std::string& key) const {
  MutexLock lock(mutex_);
  return FindLocked(key);
}

void FakeEtcdKv::Put(const std::string& key, Entry entry) {
  MutexLock lock(mutex_);
  entries_[key] = std::move(entry);
}

std::map<std::int64_t, std::int64_t> FakeEtcdKv::leases() const {
  MutexLock lock(mutex_);
  return leases_;
}

void FakeEtcdKv::Expire(std::int64_t ttl) {
  MutexLock lock(mutex_);
  std::vector<std::int64_t> over;
  for (const auto& [lease, granted] : leases_) {
    if (granted == ttl) over.push_back(lease);
  }
  for (const std::int64_t lease : over) Drop(lease);
}

std::optional<FakeEtcdKv::Entry> FakeEtcdKv::FindLocked(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

void FakeEtcdKv::Drop(std::int64_t lease) {
  leases_.erase(lease);
  std::erase_if(entries_, [lease](const auto& entry) { return entry.second.lease == lease; });
}

}  // namespace warden::testing
