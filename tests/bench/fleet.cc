// Many etcd members in one process, for the benchmarks: every port that is given is a member, each
// five of them (--per-cluster) in the order given are a cluster. Answers Status and MemberList,
// linearizable or not, as etcd 3.5 (every other cluster: 3.6) does on a healthy cluster that is
// written to.
//
//   fleet [--per-cluster=N] [--latency-ms=N] [--pki=DIRECTORY] PORT...
//
// The directory holds server.crt, server.key and ca.crt; with it clients need a certificate. Prints
// "ready", and for every line on standard input one with the calls answered so far:
// "<status> <member list> <linearizable member list>". Ends with its standard input.

#include <grpcpp/alarm.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exporter/proto/etcd.grpc.pb.h"

namespace warden::bench {
namespace {

using etcdserverpb::MemberListRequest;
using etcdserverpb::MemberListResponse;
using etcdserverpb::StatusRequest;
using etcdserverpb::StatusResponse;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Options {
  std::size_t per_cluster = 5;
  milliseconds latency{0};
  std::string pki;
  std::vector<int> ports;
};

// Spread over all 64 bits, as etcd's ids are (the finalizer of MurmurHash3).
std::uint64_t MakeId(std::uint64_t number) {
  number = (number ^ (number >> 33)) * 0xff51afd7ed558ccd;
  number = (number ^ (number >> 33)) * 0xc4ceb9fe1a85ec53;
  return number ^ (number >> 33);
}

// What all members say; read by all of gRPC's threads and never changed.
class Fleet {
 public:
  explicit Fleet(const Options& options) : options_(options) {
    for (std::size_t i = 0; i < options_.ports.size(); ++i) {
      member_of_port_.emplace(std::to_string(options_.ports[i]), i);
    }
  }

  // The member that the client dialled; the first one if it is none of ours.
  std::size_t MemberOf(std::string_view authority) const {
    const auto found =
        member_of_port_.find(std::string(authority.substr(authority.rfind(':') + 1)));
    return found == member_of_port_.end() ? 0 : found->second;
  }

  void Fill(std::size_t member, StatusResponse& response) const {
    const std::size_t cluster = member / options_.per_cluster;
    const std::uint64_t index = Progress();
    FillHeader(member, *response.mutable_header());
    response.set_version("3.5.17");
    response.set_dbsize(static_cast<std::int64_t>(64'000'000 + 4'096 * index));
    response.set_dbsizeinuse(static_cast<std::int64_t>(48'000'000 + 4'096 * index));
    response.set_leader(MemberId(cluster * options_.per_cluster));
    response.set_raftindex(2'000'000 + index);
    response.set_raftappliedindex(2'000'000 + index);
    response.set_raftterm(kTerm);
    if (cluster % 2 == 1) {
      response.set_version("3.6.1");
      response.set_storageversion("3.6.0");
      response.set_dbsizequota(std::int64_t{8} << 30);
      response.mutable_downgradeinfo()->set_enabled(false);
    }
  }

  void Fill(std::size_t member, MemberListResponse& response) const {
    FillHeader(member, *response.mutable_header());
    const std::size_t first = member - member % options_.per_cluster;
    const std::size_t end = std::min(first + options_.per_cluster, options_.ports.size());
    const std::string scheme = options_.pki.empty() ? "http" : "https";
    for (std::size_t i = first; i < end; ++i) {
      etcdserverpb::Member& listed = *response.add_members();
      listed.set_id(MemberId(i));
      listed.set_name("etcd-" + std::to_string(i - first + 1));
      listed.add_peerurls(scheme + "://127.0.0.1:" + std::to_string(options_.ports[i] + 10'000));
      listed.add_clienturls(scheme + "://127.0.0.1:" + std::to_string(options_.ports[i]));
    }
  }

 private:
  static constexpr std::uint64_t kTerm = 7;

  static std::uint64_t MemberId(std::size_t member) { return MakeId(member + 1); }

  // A write each millisecond.
  std::uint64_t Progress() const {
    return static_cast<std::uint64_t>((steady_clock::now() - start_) / milliseconds(1));
  }

  void FillHeader(std::size_t member, etcdserverpb::ResponseHeader& header) const {
    header.set_cluster_id(MakeId(1'000'000 + member / options_.per_cluster));
    header.set_member_id(MemberId(member));
    header.set_revision(static_cast<std::int64_t>(1'000'000 + Progress()));
    header.set_raft_term(kTerm);
  }

  const Options options_;
  const steady_clock::time_point start_ = steady_clock::now();
  std::unordered_map<std::string, std::size_t> member_of_port_;
};

// Fills the response at once and sends it after the latency.
template <typename Response>
grpc::ServerUnaryReactor* Answer(const Fleet& fleet, milliseconds latency,
                                 grpc::CallbackServerContext& context, Response& response) {
  const grpc::string_ref authority = context.ExperimentalGetAuthority();
  fleet.Fill(fleet.MemberOf({authority.data(), authority.size()}), response);
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  if (latency.count() == 0) {
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  // The alarm owns itself until it rings.
  grpc::Alarm* const alarm = std::make_unique<grpc::Alarm>().release();
  alarm->Set(std::chrono::system_clock::now() + latency, [alarm, reactor](bool) {
    const std::unique_ptr<grpc::Alarm> owned(alarm);
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

class MaintenanceService final : public etcdserverpb::Maintenance::CallbackService {
 public:
  MaintenanceService(const Fleet& fleet, milliseconds latency) : fleet_(fleet), latency_(latency) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const StatusRequest* /*request*/,
                                   StatusResponse* response) override {
    ++calls;
    return Answer(fleet_, latency_, *context, *response);
  }

  std::atomic<std::uint64_t> calls = 0;

 private:
  const Fleet& fleet_;
  const milliseconds latency_;
};

class ClusterService final : public etcdserverpb::Cluster::CallbackService {
 public:
  ClusterService(const Fleet& fleet, milliseconds latency) : fleet_(fleet), latency_(latency) {}

  grpc::ServerUnaryReactor* MemberList(grpc::CallbackServerContext* context,
                                       const MemberListRequest* request,
                                       MemberListResponse* response) override {
    ++(request->linearizable() ? linearizable_calls : calls);
    return Answer(fleet_, latency_, *context, *response);
  }

  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> linearizable_calls = 0;

 private:
  const Fleet& fleet_;
  const milliseconds latency_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const std::string& pki) {
  if (pki.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ReadAll(pki + "/ca.crt");
  options.pem_key_cert_pairs.push_back(
      {ReadAll(pki + "/server.key"), ReadAll(pki + "/server.crt")});
  return grpc::SslServerCredentials(options);
}

bool ParseNumber(std::string_view text, std::uint16_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool Parse(const std::vector<std::string_view>& arguments, Options& options) {
  for (const std::string_view argument : arguments) {
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? argument : argument.substr(equals + 1);
    std::uint16_t number = 0;
    if (name == "--pki") {
      options.pki = value;
    } else if (!ParseNumber(value, number)) {
      return false;
    } else if (name == "--per-cluster") {
      options.per_cluster = number;
    } else if (name == "--latency-ms") {
      options.latency = milliseconds(number);
    } else if (equals == std::string_view::npos) {
      options.ports.push_back(number);
    } else {
      return false;
    }
  }
  return options.per_cluster > 0 && !options.ports.empty();
}

int Run(const Options& options) {
  const Fleet fleet(options);
  MaintenanceService maintenance(fleet, options.latency);
  ClusterService cluster(fleet, options.latency);
  grpc::ServerBuilder builder;
  // One listener per port is enough, and a port that is taken is an error.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  const auto credentials = Credentials(options.pki);
  for (const int port : options.ports) {
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), credentials);
  }
  builder.RegisterService(&maintenance);
  builder.RegisterService(&cluster);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "fleet: cannot listen on every port\n";
    return 1;
  }
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << maintenance.calls << ' ' << cluster.calls << ' ' << cluster.linearizable_calls
              << std::endl;
  }
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace warden::bench

int main(int argc, char** argv) {
  warden::bench::Options options;
  if (!warden::bench::Parse({argv + 1, argv + argc}, options)) {
    std::cerr << "usage: fleet [--per-cluster=N] [--latency-ms=N] [--pki=DIRECTORY] PORT...\n";
    return 2;
  }
  return warden::bench::Run(options);
}
