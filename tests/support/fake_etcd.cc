#include "tests/support/fake_etcd.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace warden::testing {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr Milliseconds kPoll{5};
constexpr Seconds kPatience{10};
const grpc::Status kLostAnswer(grpc::StatusCode::UNAVAILABLE, "etcdserver: request timed out");

using KeepAliveStream = grpc::ServerReaderWriter<etcdserverpb::LeaseKeepAliveResponse,
                                                 etcdserverpb::LeaseKeepAliveRequest>;

std::string TokenOf(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("token");
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

class FakeEtcd::Services final : public etcdserverpb::KV::Service,
                                 public etcdserverpb::Lease::Service,
                                 public etcdserverpb::Cluster::Service,
                                 public etcdserverpb::Maintenance::Service,
                                 public etcdserverpb::Auth::Service {
 public:
  explicit Services(FakeEtcd& etcd) : etcd_(etcd) {}

  void Register(grpc::ServerBuilder& builder) {
    builder.RegisterService(static_cast<etcdserverpb::KV::Service*>(this));
    builder.RegisterService(static_cast<etcdserverpb::Lease::Service*>(this));
    builder.RegisterService(static_cast<etcdserverpb::Cluster::Service*>(this));
    builder.RegisterService(static_cast<etcdserverpb::Maintenance::Service*>(this));
    builder.RegisterService(static_cast<etcdserverpb::Auth::Service*>(this));
  }

  grpc::Status Range(grpc::ServerContext* context, const etcdserverpb::RangeRequest* request,
                     etcdserverpb::RangeResponse* response) override {
    {
      MutexLock lock(etcd_.mutex_);
      etcd_.last_range_ = *request;
      *response->mutable_header() = etcd_.status_.header();
    }
    return Serve(Rpc::kRange, *context, [&] { return etcd_.kv().Range(*request, *response); });
  }

  grpc::Status Txn(grpc::ServerContext* context, const etcdserverpb::TxnRequest* request,
                   etcdserverpb::TxnResponse* response) override {
    return Serve(Rpc::kTxn, *context, [&] { return etcd_.kv().Txn(*request, *response); });
  }

  grpc::Status LeaseGrant(grpc::ServerContext* context,
                          const etcdserverpb::LeaseGrantRequest* request,
                          etcdserverpb::LeaseGrantResponse*) override {
    return Serve(Rpc::kLeaseGrant, *context, [&] { return etcd_.kv().Grant(*request); });
  }

  grpc::Status LeaseRevoke(grpc::ServerContext* context,
                           const etcdserverpb::LeaseRevokeRequest* request,
                           etcdserverpb::LeaseRevokeResponse*) override {
    return Serve(Rpc::kLeaseRevoke, *context, [&] { return etcd_.kv().Revoke(request->id()); });
  }

  grpc::Status LeaseKeepAlive(grpc::ServerContext* context, KeepAliveStream* stream) override {
    etcdserverpb::LeaseKeepAliveRequest request;
    while (stream->Read(&request)) {
      etcdserverpb::LeaseKeepAliveResponse response;
      grpc::Status status = Serve(Rpc::kLeaseKeepAlive, *context, [&] {
        response.set_ttl(etcd_.kv().KeepAlive(request.id()));
        return grpc::Status::OK;
      });
      if (!status.ok()) return status;
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status LeaseLeases(grpc::ServerContext* context, const etcdserverpb::LeaseLeasesRequest*,
                           etcdserverpb::LeaseLeasesResponse* response) override {
    return Serve(Rpc::kLeaseLeases, *context, [&] {
      for (const auto& [lease, ttl] : etcd_.kv().leases()) response->add_leases()->set_id(lease);
      MutexLock lock(etcd_.mutex_);
      *response->mutable_header() = etcd_.status_.header();
      return grpc::Status::OK;
    });
  }

  grpc::Status MemberList(grpc::ServerContext* context,
                          const etcdserverpb::MemberListRequest* request,
                          etcdserverpb::MemberListResponse* response) override {
    const Rpc rpc = request->linearizable() ? Rpc::kQuorumRead : Rpc::kMemberList;
    grpc::Status status = etcd_.Enter(rpc, *context);
    MutexLock lock(etcd_.mutex_);
    if (!status.ok()) return status;
    *response = etcd_.members_;
    *response->mutable_header() = etcd_.status_.header();
    return status;
  }

  grpc::Status Status(grpc::ServerContext* context, const etcdserverpb::StatusRequest*,
                      etcdserverpb::StatusResponse* response) override {
    grpc::Status status = etcd_.Enter(Rpc::kStatus, *context);
    MutexLock lock(etcd_.mutex_);
    if (status.ok()) *response = etcd_.status_;
    return status;
  }

  grpc::Status Snapshot(grpc::ServerContext* context, const etcdserverpb::SnapshotRequest*,
                        grpc::ServerWriter<etcdserverpb::SnapshotResponse>* writer) override {
    grpc::Status status = etcd_.Enter(Rpc::kSnapshot, *context);
    return status.ok() ? etcd_.Stream(*context, *writer) : status;
  }

  grpc::Status HashKV(grpc::ServerContext* context, const etcdserverpb::HashKVRequest* request,
                      etcdserverpb::HashKVResponse* response) override {
    grpc::Status status = etcd_.Enter(Rpc::kHashKv, *context);
    MutexLock lock(etcd_.mutex_);
    etcd_.last_hash_ = *request;
    if (status.ok()) *response = etcd_.hash_;
    return status;
  }

  grpc::Status Authenticate(grpc::ServerContext* context,
                            const etcdserverpb::AuthenticateRequest* request,
                            etcdserverpb::AuthenticateResponse* response) override {
    grpc::Status status = etcd_.Enter(Rpc::kAuthenticate, *context);
    return status.ok() ? etcd_.Authenticate(*request, *response) : status;
  }

  grpc::Status AuthStatus(grpc::ServerContext* context, const etcdserverpb::AuthStatusRequest*,
                          etcdserverpb::AuthStatusResponse* response) override {
    grpc::Status status = etcd_.Enter(Rpc::kAuthStatus, *context);
    MutexLock lock(etcd_.mutex_);
    response->set_enabled(!etcd_.users_.empty());
    return status;
  }

 private:
  // The call with its effect on the keys, which stays even where the answer is lost.
  template <typename Effect>
  grpc::Status Serve(Rpc rpc, const grpc::ServerContext& context, const Effect& effect) {
    grpc::Status status = etcd_.Enter(rpc, context);
    if (!status.ok()) return status;
    status = effect();
    return status.ok() && etcd_.LosesAnswer(rpc) ? kLostAnswer : status;
  }

  FakeEtcd& etcd_;
};

FakeEtcd::FakeEtcd(const std::optional<FakeEtcdTls>& tls, int port, const std::string& host,
                   std::shared_ptr<FakeEtcdKv> kv)
    : tls_(tls.has_value()),
      host_(host),
      kv_(std::move(kv)),
      services_(std::make_unique<Services>(*this)) {
  SetStatus(MakeStatusResponse(1, 1, "3.5.16"));
  SetMembers(MakeMemberListResponse({1}));
  grpc::ServerBuilder builder;
  const std::string address = host_.starts_with(kUnix) ? host_ : host_ + ":" + std::to_string(port);
  builder.AddListeningPort(address, FakeEtcdCredentials(tls), &port_);
  services_->Register(builder);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) throw std::runtime_error("the fake etcd could not listen");
}

FakeEtcd::~FakeEtcd() {
  // Calls in flight are cancelled at once, and the services outlive their handlers.
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

config::Endpoint FakeEtcd::endpoint() const {
  const std::string url =
      host_.starts_with(kUnix)
          ? (tls_ ? "unixs://" : "unix://") + host_.substr(kUnix.size())
          : (tls_ ? "https://" : "http://") + host_ + ":" + std::to_string(port_);
  return *config::ParseEndpoint(url);
}

config::Endpoint FakeEtcd::endpoint(const std::string& host) const {
  const std::string address = host + ":" + std::to_string(port_);
  return {
      .url = (tls_ ? "https://" : "http://") + address, .target = "dns:///" + address, .tls = tls_};
}

void FakeEtcd::SetStatus(etcdserverpb::StatusResponse response) {
  MutexLock lock(mutex_);
  status_ = std::move(response);
}

void FakeEtcd::SetMembers(etcdserverpb::MemberListResponse response) {
  MutexLock lock(mutex_);
  members_ = std::move(response);
}

void FakeEtcd::SetHash(etcdserverpb::HashKVResponse response) {
  MutexLock lock(mutex_);
  hash_ = std::move(response);
}

void FakeEtcd::SetSnapshot(std::vector<SnapshotStep> steps, grpc::Status end) {
  MutexLock lock(mutex_);
  steps_ = std::move(steps);
  snapshot_end_ = std::move(end);
}

void FakeEtcd::Fail(Rpc rpc, const grpc::Status& status) {
  MutexLock lock(mutex_);
  behaviours_.at(static_cast<std::size_t>(rpc)).status = status;
}

void FakeEtcd::Hang(Rpc rpc) {
  MutexLock lock(mutex_);
  behaviours_.at(static_cast<std::size_t>(rpc)).hang = true;
}

void FakeEtcd::LoseAnswers(Rpc rpc, int count) {
  MutexLock lock(mutex_);
  behaviours_.at(static_cast<std::size_t>(rpc)).lost_answers = count;
}

bool FakeEtcd::LosesAnswer(Rpc rpc) {
  MutexLock lock(mutex_);
  int& left = behaviours_.at(static_cast<std::size_t>(rpc)).lost_answers;
  if (left == 0) return false;
  --left;
  return true;
}

void FakeEtcd::Release() {
  MutexLock lock(mutex_);
  for (Behaviour& behaviour : behaviours_) behaviour.hang = false;
  ++releases_;
  changed_.NotifyAll();
}

void FakeEtcd::RequireToken(const std::string& token, const std::string& password,
                            const grpc::Status& refusal) {
  MutexLock lock(mutex_);
  users_ = {{"warden", {.password = password, .token = token}}};
  refusal_ = refusal;
}

void FakeEtcd::LearnTokenLate(int refusals) {
  MutexLock lock(mutex_);
  late_refusals_ = refusals;
}

void FakeEtcd::AddUser(const std::string& name, const std::string& password,
                       const std::string& token) {
  MutexLock lock(mutex_);
  users_[name] = {.password = password, .token = token};
}

void FakeEtcd::NeedNoUser() {
  MutexLock lock(mutex_);
  users_.clear();
}

void FakeEtcd::NeedsNoToken(Rpc rpc) {
  MutexLock lock(mutex_);
  behaviours_.at(static_cast<std::size_t>(rpc)).open = true;
}

int FakeEtcd::Count(Rpc rpc) const {
  return static_cast<int>(Tokens(rpc).size());
}

std::vector<std::string> FakeEtcd::Tokens(Rpc rpc) const {
  MutexLock lock(mutex_);
  return behaviours_.at(static_cast<std::size_t>(rpc)).tokens;
}

Nanoseconds FakeEtcd::Patience(Rpc rpc) const {
  MutexLock lock(mutex_);
  return behaviours_.at(static_cast<std::size_t>(rpc)).patience;
}

int FakeEtcd::Abandoned(int at_least) const {
  const SteadyTime patience = SystemClock().Steady() + kPatience;
  MutexLock lock(mutex_);
  while (abandoned_ < at_least && SystemClock().Steady() < patience) {
    changed_.WaitUntil(mutex_, patience);
  }
  return abandoned_;
}

int FakeEtcd::WaitForCalls(Rpc rpc, int at_least) const {
  const SteadyTime patience = SystemClock().Steady() + kPatience;
  MutexLock lock(mutex_);
  const Behaviour& behaviour = behaviours_.at(static_cast<std::size_t>(rpc));
  while (static_cast<int>(behaviour.tokens.size()) < at_least &&
         SystemClock().Steady() < patience) {
    changed_.WaitUntil(mutex_, patience);
  }
  return static_cast<int>(behaviour.tokens.size());
}

etcdserverpb::RangeRequest FakeEtcd::last_range() const {
  MutexLock lock(mutex_);
  return last_range_;
}

std::int64_t FakeEtcd::last_hashed_revision() const {
  MutexLock lock(mutex_);
  return last_hash_.revision();
}

grpc::Status FakeEtcd::Enter(Rpc rpc, const grpc::ServerContext& context) {
  const std::string token = TokenOf(context);
  MutexLock lock(mutex_);
  Behaviour& behaviour = behaviours_.at(static_cast<std::size_t>(rpc));
  behaviour.tokens.push_back(token);
  behaviour.patience = context.deadline() - std::chrono::system_clock::now();
  changed_.NotifyAll();
  if (behaviour.hang && !HangUntilReleased(context)) return grpc::Status::CANCELLED;
  const bool open = behaviour.open || rpc == Rpc::kAuthenticate;
  const bool known = std::any_of(users_.begin(), users_.end(),
                                 [&](const auto& user) { return user.second.token == token; });
  if (users_.empty() || open) return behaviour.status;
  if (!known) return refusal_;
  if (late_refusals_ == 0) return behaviour.status;
  --late_refusals_;
  return {grpc::StatusCode::UNAUTHENTICATED, "etcdserver: invalid auth token"};
}

bool FakeEtcd::HangUntilReleased(const grpc::ServerContext& context) {
  const int released = releases_;
  while (releases_ == released) {
    if (context.IsCancelled()) {
      ++abandoned_;
      changed_.NotifyAll();
      return false;
    }
    changed_.WaitUntil(mutex_, SystemClock().Steady() + kPoll);
  }
  return true;
}

grpc::Status FakeEtcd::Authenticate(const etcdserverpb::AuthenticateRequest& request,
                                    etcdserverpb::AuthenticateResponse& response) {
  MutexLock lock(mutex_);
  if (users_.empty()) {
    return {grpc::StatusCode::FAILED_PRECONDITION, "etcdserver: authentication is not enabled"};
  }
  const auto user = users_.find(request.name());
  if (user == users_.end() || request.password() != user->second.password) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            "etcdserver: authentication failed, invalid user ID or password"};
  }
  *response.mutable_header() = status_.header();
  response.set_token(user->second.token);
  return grpc::Status::OK;
}

grpc::Status FakeEtcd::Stream(const grpc::ServerContext& context,
                              grpc::ServerWriter<etcdserverpb::SnapshotResponse>& writer) {
  std::vector<SnapshotStep> steps;
  grpc::Status end;
  {
    MutexLock lock(mutex_);
    steps = steps_;
    end = snapshot_end_;
  }
  for (const SnapshotStep& step : steps) {
    if (step.kind == SnapshotStep::Kind::kHang) {
      MutexLock lock(mutex_);
      if (!HangUntilReleased(context)) return grpc::Status::CANCELLED;
      continue;
    }
    etcdserverpb::SnapshotResponse message;
    message.set_remaining_bytes(step.remaining_bytes);
    message.set_blob(step.blob);
    message.set_version(step.version);
    bool open = writer.Write(message);
    while (open && step.kind == SnapshotStep::Kind::kEmptyForever) open = writer.Write(message);
    if (!open) {
      MutexLock lock(mutex_);
      ++abandoned_;
      changed_.NotifyAll();
      return grpc::Status::CANCELLED;
    }
  }
  return end;
}

}  // namespace warden::testing
