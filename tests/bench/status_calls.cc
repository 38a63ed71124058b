// The peer of a scrape: plain Status calls, one after the other on a connection that stays open.
//
//   status_calls HOST:PORT [CA CERT KEY]
//
// Prints "ready" once the first call was answered. Each line on standard input is a number of calls
// to make; the answer is the nanoseconds that they took together. Ends with its standard input, and
// at the first call that fails.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/proto/etcd.grpc.pb.h"

namespace warden::bench {
namespace {

std::string ReadAll(std::string_view path) {
  std::ifstream file{std::string(path)};
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const std::vector<std::string_view>& files) {
  if (files.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = ReadAll(files[0]),
                               .pem_private_key = ReadAll(files[2]),
                               .pem_cert_chain = ReadAll(files[1])});
}

bool Call(etcdserverpb::Maintenance::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  etcdserverpb::StatusResponse response;
  const grpc::Status status = stub.Status(&context, {}, &response);
  if (!status.ok()) std::cerr << "status_calls: " << status.error_message() << '\n';
  return status.ok();
}

int Run(const std::string& target, const std::vector<std::string_view>& files) {
  const auto channel = grpc::CreateChannel(target, Credentials(files));
  const auto stub = etcdserverpb::Maintenance::NewStub(channel);
  if (!Call(*stub)) return 1;
  std::cout << "ready" << std::endl;
  for (int calls = 0; std::cin >> calls;) {
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) {
      if (!Call(*stub)) return 1;
    }
    std::cout << (std::chrono::steady_clock::now() - started) / std::chrono::nanoseconds(1)
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace warden::bench

int main(int argc, char** argv) {
  if (argc != 2 && argc != 5) {
    std::cerr << "usage: status_calls HOST:PORT [CA CERT KEY]\n";
    return 2;
  }
  return warden::bench::Run(argv[1], {argv + 2, argv + argc});
}
