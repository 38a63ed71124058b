#include "exporter/restore/drill_etcd.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "exporter/base/environment.h"
#include "exporter/base/mutex.h"
#include "exporter/base/open_directory.h"
#include "exporter/base/process.h"
#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr std::string_view kClientSocket = "client:1";
constexpr std::string_view kPeerSocket = "peer:1";
// Of what etcd says; where it fails and why is at the end.
constexpr std::size_t kLogBytes = 256UL * 1024;
// One look whether it answers. It listens before it serves, so a call may have to wait.
constexpr Seconds kTryTime{10};
constexpr Milliseconds kTryPause{50};
// A database whose quota is used up would refuse every write from its first second on.
constexpr std::uint64_t kQuotaBytesMin = 8ULL << 30;

std::vector<std::string> LowPriority() {
  std::vector<std::string> argv;
  if (const auto nice = FindProgram("nice")) argv.insert(argv.end(), {nice->string(), "-n", "19"});
  if (const auto ionice = FindProgram("ionice")) {
    argv.insert(argv.end(), {ionice->string(), "-c", "3"});
  }
  return argv;
}

std::vector<std::string> Arguments(const EtcdStart& start) {
  const std::string client = "unix://" + std::string(kClientSocket);
  std::vector<std::string> argv = {"env", "-i", "--chdir=" + start.working_directory.string(),
                                   "GOMAXPROCS=1"};
  for (std::string& word : LowPriority()) argv.push_back(std::move(word));
  const std::uint64_t quota = std::max(kQuotaBytesMin, 2 * start.database_bytes);
  argv.insert(argv.end(), {start.program.path.string(), "--name=" + start.name,
                           "--data-dir=" + start.data_directory.string(),
                           "--listen-client-urls=" + client, "--advertise-client-urls=" + client,
                           "--listen-peer-urls=unix://" + std::string(kPeerSocket),
                           "--initial-advertise-peer-urls=" + start.peer_url,
                           "--initial-cluster=" + start.name + "=" + start.peer_url,
                           "--quota-backend-bytes=" + std::to_string(quota), "--logger=zap",
                           "--log-outputs=stdout", "--enable-grpc-gateway=false"});
  return argv;
}

// The end of a text that grows. Thread-safe.
class Tail {
 public:
  void Append(std::string_view text) WARDEN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    text_.append(text);
    if (text_.size() > 2 * kLogBytes) text_.erase(0, text_.size() - kLogBytes);
  }
  std::string Get() const WARDEN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return text_.size() <= kLogBytes ? text_ : text_.substr(text_.size() - kLogBytes);
  }

 private:
  mutable Mutex mutex_;
  std::string text_ WARDEN_GUARDED_BY(mutex_);
};

// The program and the thread that waits for it.
class Process {
 public:
  Process(std::vector<std::string> argv, const Deadline& deadline)
      : thread_([this, argv = std::move(argv), at = deadline.at](const std::stop_token& stop) {
          Run(argv, {.at = at, .stop = stop});
        }),
        on_stop_(deadline.stop, [this] { thread_.request_stop(); }) {}

  void Stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  // How it ended; nullopt while it runs.
  std::optional<Status> ended() const WARDEN_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return ended_;
  }
  std::string Log() const { return log_.Get(); }

 private:
  void Run(const std::vector<std::string>& argv, const Deadline& deadline) WARDEN_EXCLUDES(mutex_) {
    Command command;
    command.argv = argv;
    command.sink = [this](std::span<const std::byte> bytes) -> Status {
      log_.Append({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      return {};
    };
    const Result<Ended> run = RunProgram(command, deadline);
    if (run.ok()) log_.Append(run->errors);
    MutexLock lock(mutex_);
    ended_ = run.ok() ? Describe(*run) : run.error();
  }

  // It was started through other programs, of which nobody needs to hear.
  static Status Describe(Ended ended) {
    ended.program = "etcd";
    Status status = ended.ToStatus();
    return status.ok() ? Status(Code::kUnavailable, "etcd ended by itself") : status;
  }

  Tail log_;
  mutable Mutex mutex_;
  std::optional<Status> ended_ WARDEN_GUARDED_BY(mutex_);
  // Last, and in this order: they use all of the above.
  std::jthread thread_;
  std::stop_callback<std::function<void()>> on_stop_;
};

// The last line of a log at this level or above, for people.
std::string LastComplaint(const std::string& log) {
  std::string complaint;
  for (const std::string_view line : Split(log, '\n')) {
    for (const std::string_view level : {"\"error\"", "\"fatal\"", "\"panic\"", "panic: "}) {
      if (line.find(level) != std::string_view::npos) complaint = ToSingleLine(line);
    }
  }
  return complaint;
}

class StartedEtcd final : public RestoredEtcd {
 public:
  StartedEtcd(OpenDirectory directory, config::Endpoint endpoint, const EtcdStart& start,
              const Deadline& deadline)
      : directory_(std::move(directory)),
        endpoint_(std::move(endpoint)),
        process_(Arguments(start), deadline) {}

  Status WaitUntilReady(const Deadline& deadline) override {
    while (true) {
      // Each time anew, since a connection that was refused waits before it tries again.
      cluster_ = etcd::MakeCluster(Options(), clock_);
      const SteadyTime at = std::min(deadline.at, clock_.Steady() + kTryTime);
      const std::vector<etcd::EndpointHealth> health =
          cluster_->CheckHealth({.at = at, .stop = deadline.stop});
      if (!health.empty() && !health.front().error) break;
      if (const auto ended = process_.ended()) return WhyItEnded(*ended);
      if (deadline.stop.stop_requested()) return {Code::kCancelled, "cancelled"};
      if (clock_.Steady() >= deadline.at) {
        return {Code::kDeadlineExceeded, "etcd did not answer in time"};
      }
      Pause(kTryPause, deadline.stop);
    }
    reads_ = etcd::MakeReads(Options(), clock_);
    return {};
  }

  Result<etcd::KvHash> HashKv(std::int64_t revision, const Deadline& deadline) override {
    return ToResult(cluster_->HashKv(endpoint_, revision, deadline));
  }
  Result<std::uint64_t> CountKeys(std::int64_t revision, const Deadline& deadline) override {
    WARDEN_ASSIGN_OR_RETURN(
        const etcd::KeyCount count,
        ToResult(reads_->CountKeys(endpoint_, {.revision = revision}, deadline)));
    return count.keys;
  }
  Result<std::uint64_t> CountLeases(const Deadline& deadline) override {
    WARDEN_ASSIGN_OR_RETURN(const etcd::LeaseCount count,
                            ToResult(reads_->CountLeases(endpoint_, deadline)));
    return count.leases;
  }
  Result<std::vector<std::optional<etcd::KeyEntry>>> ReadKeys(std::span<const std::string> keys,
                                                              std::int64_t revision,
                                                              const Deadline& deadline) override {
    return ToResult(etcd::ReadKeys(*reads_, endpoint_, keys, {.revision = revision}, deadline));
  }

  const config::Endpoint& endpoint() const override { return endpoint_; }
  void Stop() override { process_.Stop(); }
  std::string Log() const override { return process_.Log(); }

 private:
  etcd::ClusterOptions Options() const {
    return {
        .endpoints = {endpoint_}, .tls = {}, .auth = {}, .backup_auth = {}, .on_token_refresh = {}};
  }

  template <typename T>
  Result<T> ToResult(etcd::RpcOutcome<T> outcome) const {
    if (outcome.ok()) return *std::move(outcome.value);
    // That it is gone says more than that nobody answers.
    if (const auto ended = process_.ended()) return WhyItEnded(*ended);
    return etcd::ToStatus(*outcome.error);
  }

  Status WhyItEnded(const Status& ended) const {
    const std::string complaint = LastComplaint(process_.Log());
    if (ended.code() == Code::kCancelled || complaint.empty()) return ended;
    return {Code::kUnavailable, ended.message() + "; its last complaint: " + complaint};
  }

  const SystemClock clock_;
  const OpenDirectory directory_;  // with the socket
  const config::Endpoint endpoint_;
  Process process_;
  std::unique_ptr<etcd::Cluster> cluster_;
  std::unique_ptr<etcd::Reads> reads_;
};

}  // namespace

Result<std::unique_ptr<RestoredEtcd>> StartEtcd(const EtcdStart& start, const Deadline& deadline) {
  WARDEN_ASSIGN_OR_RETURN(OpenDirectory directory, OpenDirectory::Open(start.working_directory));
  const std::string socket = (directory.ShortPath() / kClientSocket).string();
  WARDEN_ASSIGN_OR_RETURN(config::Endpoint endpoint, config::ParseEndpoint("unix://" + socket));
  return std::unique_ptr<RestoredEtcd>(
      std::make_unique<StartedEtcd>(std::move(directory), std::move(endpoint), start, deadline));
}

}  // namespace warden::restore
