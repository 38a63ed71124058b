// One etcd member that answers as a test says: a gRPC server on loopback with the services of
// exporter/proto/etcd.proto. It starts with a healthy 3.5 answer to everything.
#pragma once

#include <grpcpp/server.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/mutex.h"
#include "exporter/config/endpoint.h"
#include "exporter/proto/etcd.grpc.pb.h"
#include "tests/support/fake_answers.h"
#include "tests/support/fake_etcd_kv.h"
#include "tests/support/fake_etcd_tls.h"

namespace warden::testing {

// Thread-safe. The destructor ends what hangs.
class FakeEtcd {
 public:
  // `port` 0 takes a free one. `host` is "127.0.0.1", "[::1]" or "unix:/path". Members of one
  // cluster share their `kv`.
  explicit FakeEtcd(const std::optional<FakeEtcdTls>& tls = std::nullopt, int port = 0,
                    const std::string& host = "127.0.0.1",
                    std::shared_ptr<FakeEtcdKv> kv = std::make_shared<FakeEtcdKv>());
  ~FakeEtcd();
  FakeEtcd(const FakeEtcd&) = delete;
  FakeEtcd& operator=(const FakeEtcd&) = delete;

  int port() const { return port_; }
  FakeEtcdKv& kv() { return *kv_; }
  config::Endpoint endpoint() const;
  config::Endpoint endpoint(const std::string& host) const;  // by a name of the certificate

  // The answers of calls that neither fail nor hang.
  void SetStatus(etcdserverpb::StatusResponse response) WARDEN_EXCLUDES(mutex_);
  void SetMembers(etcdserverpb::MemberListResponse response) WARDEN_EXCLUDES(mutex_);
  void SetHash(etcdserverpb::HashKVResponse response) WARDEN_EXCLUDES(mutex_);
  // The stream ends with `end` once all steps were sent.
  void SetSnapshot(std::vector<SnapshotStep> steps, grpc::Status end = grpc::Status::OK)
      WARDEN_EXCLUDES(mutex_);

  // From now on the call fails; with OK it succeeds again.
  void Fail(Rpc rpc, const grpc::Status& status) WARDEN_EXCLUDES(mutex_);
  // From now on the call ends, as if it had not hung, after Release, or when the client gives up.
  void Hang(Rpc rpc) WARDEN_EXCLUDES(mutex_);
  void Release() WARDEN_EXCLUDES(mutex_);
  // The next calls that touch keys or leases take effect, but say that they timed out.
  void LoseAnswers(Rpc rpc, int count) WARDEN_EXCLUDES(mutex_);

  // From now on calls without metadata `token: <token>` get `refusal`, and Authenticate hands the
  // token out to user "warden" with this password; anybody else is told what etcd tells them.
  void RequireToken(const std::string& token, const std::string& password,
                    const grpc::Status& refusal) WARDEN_EXCLUDES(mutex_);
  // The next calls with a known token are refused: it has yet to reach this member.
  void LearnTokenLate(int refusals) WARDEN_EXCLUDES(mutex_);
  // Beside "warden": a user with a token of his own, which is good for every call.
  void AddUser(const std::string& name, const std::string& password, const std::string& token)
      WARDEN_EXCLUDES(mutex_);
  // Authentication is turned off: tokens are looked at no more, and Authenticate says so.
  void NeedNoUser() WARDEN_EXCLUDES(mutex_);
  void NeedsNoToken(Rpc rpc) WARDEN_EXCLUDES(mutex_);  // as Status up to 3.5.27
  int Count(Rpc rpc) const WARDEN_EXCLUDES(mutex_);
  // The token of each call so far; empty: none.
  std::vector<std::string> Tokens(Rpc rpc) const WARDEN_EXCLUDES(mutex_);
  Nanoseconds Patience(Rpc rpc) const WARDEN_EXCLUDES(mutex_);  // what the last one's client had
  // How many calls hung until the client gave them up. Waits up to ten seconds for `at_least`.
  int Abandoned(int at_least) const WARDEN_EXCLUDES(mutex_);
  // Waits up to ten seconds for that many calls to have arrived; returns how many have.
  int WaitForCalls(Rpc rpc, int at_least) const WARDEN_EXCLUDES(mutex_);
  // What the last Range asked for.
  etcdserverpb::RangeRequest last_range() const WARDEN_EXCLUDES(mutex_);
  std::int64_t last_hashed_revision() const WARDEN_EXCLUDES(mutex_);

 private:
  class Services;
  struct Behaviour {
    grpc::Status status;
    bool hang = false;
    bool open = false;
    int lost_answers = 0;
    std::vector<std::string> tokens;
    Nanoseconds patience{};
  };
  struct User {
    std::string password;
    std::string token;
  };

  // Counts the call, lets it hang if it should, and returns the failure it is to have.
  grpc::Status Enter(Rpc rpc, const grpc::ServerContext& context) WARDEN_EXCLUDES(mutex_);
  bool LosesAnswer(Rpc rpc) WARDEN_EXCLUDES(mutex_);
  // False if the client gave up.
  bool HangUntilReleased(const grpc::ServerContext& context) WARDEN_REQUIRES(mutex_);
  grpc::Status Authenticate(const etcdserverpb::AuthenticateRequest& request,
                            etcdserverpb::AuthenticateResponse& response) WARDEN_EXCLUDES(mutex_);
  grpc::Status Stream(const grpc::ServerContext& context,
                      grpc::ServerWriter<etcdserverpb::SnapshotResponse>& writer)
      WARDEN_EXCLUDES(mutex_);

  const bool tls_;
  const std::string host_;
  const std::shared_ptr<FakeEtcdKv> kv_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::array<Behaviour, kRpcCount> behaviours_ WARDEN_GUARDED_BY(mutex_);
  etcdserverpb::StatusResponse status_ WARDEN_GUARDED_BY(mutex_);
  etcdserverpb::MemberListResponse members_ WARDEN_GUARDED_BY(mutex_);
  etcdserverpb::HashKVResponse hash_ WARDEN_GUARDED_BY(mutex_);
  etcdserverpb::HashKVRequest last_hash_ WARDEN_GUARDED_BY(mutex_);
  etcdserverpb::RangeRequest last_range_ WARDEN_GUARDED_BY(mutex_);
  std::vector<SnapshotStep> steps_ WARDEN_GUARDED_BY(mutex_);
  grpc::Status snapshot_end_ WARDEN_GUARDED_BY(mutex_);
  std::map<std::string, User> users_ WARDEN_GUARDED_BY(mutex_);  // none: authentication is off
  grpc::Status refusal_ WARDEN_GUARDED_BY(mutex_);
  int late_refusals_ WARDEN_GUARDED_BY(mutex_) = 0;
  int releases_ WARDEN_GUARDED_BY(mutex_) = 0;
  int abandoned_ WARDEN_GUARDED_BY(mutex_) = 0;
};

}  // namespace warden::testing
