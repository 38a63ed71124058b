// Fills an etcd with objects, and measures how long puts take while something else goes on.
//
//   load HOST:PORT SEED
//
// Prints "ready". Each line on standard input is a command, answered by one line:
//   write MEGABYTES    writes so much; the answer is the revision it ended at
//   compact REVISION   forgets what was overwritten up to there
//   start              begins to put small objects, a few hundred a second
//   stop               ends that; the answer is the nanoseconds that each put took
// Ends with its standard input, and at the first call that fails.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/load.grpc.pb.h"
#include "tests/bench/objects.h"

namespace warden::bench {
namespace {

using etcdserverpb::TxnRequest;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Of etcd's own limits for one transaction, 128 operations and 1.5 MiB.
constexpr int kOperationsMax = 100;
constexpr std::size_t kBytesMax = 1'000'000;
constexpr std::int64_t kLeaseSeconds = 86'400;
constexpr std::chrono::milliseconds kPutPause{3};

class Load {
 public:
  Load(const std::string& target, std::uint64_t seed)
      : channel_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())),
        kv_(etcdserverpb::KV::NewStub(channel_)),
        objects_(seed) {}

  bool GrantLease() {
    grpc::ClientContext context;
    etcdserverpb::LeaseGrantRequest request;
    request.set_ttl(kLeaseSeconds);
    etcdserverpb::LeaseGrantResponse response;
    const auto lease = etcdserverpb::Lease::NewStub(channel_);
    if (!Check(lease->LeaseGrant(&context, request, &response))) return false;
    lease_ = response.id();
    return true;
  }

  bool WriteMegabytes(std::uint64_t megabytes, std::int64_t& revision) {
    for (std::uint64_t written = 0; written < megabytes * 1'000'000;) {
      TxnRequest txn;
      std::set<std::string> changed;  // etcd takes each key once
      for (std::size_t size = 0; txn.success_size() < kOperationsMax && size < kBytesMax;) {
        const Write write = objects_.Next();
        if (!changed.insert(write.key).second) continue;
        const std::size_t bytes = Add(write, txn);
        size += bytes;
        written += bytes;
      }
      if (!Commit(txn, revision)) return false;
    }
    return true;
  }

  bool Compact(std::int64_t revision) {
    grpc::ClientContext context;
    etcdserverpb::CompactionRequest request;
    request.set_revision(revision);
    request.set_physical(true);
    etcdserverpb::CompactionResponse response;
    return Check(kv_->Compact(&context, request, &response));
  }

  void StartPuts() {
    durations_.clear();
    putter_ = std::jthread([this](const std::stop_token& stop) { Put(stop); });
  }
  const std::vector<nanoseconds>& StopPuts() {
    putter_ = {};
    return durations_;
  }

 private:
  std::size_t Add(const Write& write, TxnRequest& txn) const {
    etcdserverpb::RequestOp& operation = *txn.add_success();
    if (!write.value) {
      operation.mutable_request_delete_range()->set_key(write.key);
      return write.key.size();
    }
    etcdserverpb::PutRequest& put = *operation.mutable_request_put();
    put.set_key(write.key);
    put.set_value(*write.value);
    if (write.leased) put.set_lease(lease_);
    return write.key.size() + write.value->size();
  }

  bool Commit(const TxnRequest& txn, std::int64_t& revision) {
    grpc::ClientContext context;
    etcdserverpb::TxnResponse response;
    if (!Check(kv_->Txn(&context, txn, &response))) return false;
    revision = response.header().revision();
    return true;
  }

  void Put(const std::stop_token& stop) {
    std::int64_t revision = 0;
    for (int number = 0; !stop.stop_requested(); ++number) {
      TxnRequest txn;
      etcdserverpb::PutRequest& put = *txn.add_success()->mutable_request_put();
      put.set_key("/registry/leases/bench/" + std::to_string(number % 100));
      put.set_value(std::string(400, 'x'));
      const auto started = steady_clock::now();
      if (!Commit(txn, revision)) return;
      durations_.push_back(steady_clock::now() - started);
      std::this_thread::sleep_for(kPutPause);
    }
  }

  static bool Check(const grpc::Status& status) {
    if (!status.ok()) std::cerr << "load: " << status.error_message() << '\n';
    return status.ok();
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<etcdserverpb::KV::Stub> kv_;
  Objects objects_;
  std::int64_t lease_ = 0;
  std::vector<nanoseconds> durations_;
  std::jthread putter_;
};

// Carries out one command; false ends the program.
bool Obey(Load& load, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::int64_t number = 0;
  words >> command >> number;
  if (command == "write") {
    std::int64_t revision = 0;
    if (!load.WriteMegabytes(static_cast<std::uint64_t>(number), revision)) return false;
    std::cout << revision;
  } else if (command == "compact") {
    if (!load.Compact(number)) return false;
    std::cout << "compacted";
  } else if (command == "start") {
    load.StartPuts();
    std::cout << "started";
  } else if (command == "stop") {
    for (const nanoseconds duration : load.StopPuts()) std::cout << duration.count() << ' ';
  } else {
    std::cerr << "load: no such command: " << line << '\n';
    return false;
  }
  std::cout << std::endl;
  return true;
}

}  // namespace
}  // namespace warden::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: load HOST:PORT SEED\n";
    return 2;
  }
  warden::bench::Load load(argv[1], std::stoull(argv[2]));
  if (!load.GrantLease()) return 1;
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (!warden::bench::Obey(load, line)) return 1;
  }
  return 0;
}
