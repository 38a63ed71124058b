#include "exporter/http/server.h"

#include <civetweb.h>

#include <array>
#include <utility>

#include "exporter/base/mutex.h"
#include "exporter/base/text.h"
#include "exporter/http/listen.h"
#include "exporter/http/service.h"

namespace warden::http {
namespace {

// How long a connection may idle between two requests. Each holds a thread meanwhile, so this is
// short.
constexpr const char* kKeepAliveMillis = "2000";
constexpr const char* kHeaderBytesMax = "16384";
constexpr const char* kListenBacklog = "128";
constexpr const char* kQueueMax = "64";  // accepted connections that wait for a thread
constexpr int kThreadsMax = 1024;

using Context = std::unique_ptr<mg_context, decltype(&mg_stop)>;

class CivetServer final : public Server {
 public:
  CivetServer(std::vector<Route> routes, Observer observer, Milliseconds request_timeout,
              Logger& log)
      : service_(std::move(routes), std::move(observer), request_timeout, log) {}

  Status Start(const Options& options, const std::string& listeners);
  std::vector<int> ports() const override { return ports_; }

 private:
  static const CivetServer& Of(const mg_connection* connection) {
    return *static_cast<const CivetServer*>(mg_get_user_data(mg_get_context(connection)));
  }
  static int OnRequest(mg_connection* connection);
  static int OnError(mg_connection* connection, int code, const char* reason);
  static int OnMessage(const mg_connection* connection, const char* message);

  const Service service_;
  mutable Mutex mutex_;
  // Why a start failed; whatever civetweb says later follows from it.
  mutable std::string first_message_ WARDEN_GUARDED_BY(mutex_);
  std::vector<int> ports_;
  // The last member: its end waits for the handlers, which use the others.
  Context context_{nullptr, mg_stop};
};

int CivetServer::OnRequest(mg_connection* connection) {
  Of(connection).service_.Serve(connection);
  return 1;  // civetweb shall do nothing of its own
}

int CivetServer::OnError(mg_connection* connection, int code, const char* reason) {
  Of(connection).service_.Refuse(connection, code, reason);
  return 0;
}

int CivetServer::OnMessage(const mg_connection* connection, const char* message) {
  const CivetServer& server = Of(connection);
  const std::string line = ToSingleLine(message);
  server.service_.LogMessage(line, mg_get_request_info(connection) != nullptr);
  MutexLock lock(server.mutex_);
  if (server.first_message_.empty()) server.first_message_ = line;
  return 1;  // neither stderr nor a file
}

Status CivetServer::Start(const Options& options, const std::string& listeners) {
  // civetweb counts these calls without a lock; once per process is enough, and C++ makes it once.
  static const unsigned features = mg_init_library(MG_FEATURES_IPV6);
  if ((features & MG_FEATURES_IPV6) == 0) {
    return {Code::kInternal, "start the HTTP server: civetweb did not initialise"};
  }
  mg_callbacks callbacks{};
  callbacks.begin_request = OnRequest;
  callbacks.http_error = OnError;
  callbacks.log_message = OnMessage;
  const std::string threads = std::to_string(options.threads);
  const std::string timeout = std::to_string(options.request_timeout.count());
  const std::array<const char*, 21> settings = {"listening_ports",
                                                listeners.c_str(),
                                                "num_threads",
                                                threads.c_str(),
                                                "request_timeout_ms",
                                                timeout.c_str(),
                                                "keep_alive_timeout_ms",
                                                kKeepAliveMillis,
                                                "enable_keep_alive",
                                                "yes",
                                                "tcp_nodelay",
                                                "1",
                                                "max_request_size",
                                                kHeaderBytesMax,
                                                "listen_backlog",
                                                kListenBacklog,
                                                "connection_queue",
                                                kQueueMax,
                                                "decode_url",
                                                "no",
                                                nullptr};
  context_.reset(mg_start(&callbacks, this, const_cast<const char**>(settings.data())));
  if (context_ == nullptr) {
    MutexLock lock(mutex_);
    return {Code::kFailedPrecondition, first_message_};
  }
  std::vector<mg_server_port> ports(options.listen_addresses.size());
  const int count =
      mg_get_server_ports(context_.get(), static_cast<int>(ports.size()), ports.data());
  for (int i = 0; i < count; ++i) ports_.push_back(ports[static_cast<std::size_t>(i)].port);
  return {};
}

Status Check(const Options& options) {
  if (options.listen_addresses.empty()) {
    return {Code::kInvalidArgument, "start the HTTP server: no listen address"};
  }
  if (options.threads < 1 || options.threads > kThreadsMax) {
    return {Code::kInvalidArgument,
            "start the HTTP server: threads must be from 1 to " + std::to_string(kThreadsMax)};
  }
  if (options.request_timeout <= Milliseconds(0) || options.request_timeout > Seconds(3600)) {
    return {Code::kInvalidArgument,
            "start the HTTP server: the request timeout must be above 0 and "
            "at most an hour"};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> StartServer(const Options& options, std::vector<Route> routes,
                                            Observer observer, Logger& log) {
  WARDEN_RETURN_IF_ERROR(Check(options));
  std::vector<std::string> listeners;
  for (const std::string& address : options.listen_addresses) {
    WARDEN_ASSIGN_OR_RETURN(std::string listener, PrepareListener(address));
    listeners.push_back(std::move(listener));
  }
  auto server = std::make_unique<CivetServer>(std::move(routes), std::move(observer),
                                              options.request_timeout, log);
  const Status started = server->Start(options, Join(listeners, ","));
  if (!started.ok()) {
    return started.WithContext("listen on " + Join(options.listen_addresses, ", "));
  }
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace warden::http
