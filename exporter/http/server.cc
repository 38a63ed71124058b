#include "exporter/http/server.h"

#include <civetweb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "exporter/base/mutex.h"
#include "exporter/base/text.h"
#include "exporter/http/civetweb_socket.h"
#include "exporter/http/connections.h"
#include "exporter/http/listen.h"
#include "exporter/http/service.h"
#include "exporter/http/tls.h"
#include "exporter/http/web_face.h"

namespace warden::http {
namespace {

// How long a connection may idle between two requests. Each holds a thread meanwhile, so this is
// short.
constexpr const char* kKeepAliveMillis = "2000";
constexpr const char* kHeaderBytesMax = "16384";
// Connections that the kernel keeps until they are accepted; it may allow fewer (somaxconn).
constexpr const char* kListenBacklog = "4096";
constexpr const char* kQueueMax = "256";  // accepted connections that wait for a thread
constexpr int kThreadsMax = 1024;
constexpr int kUnsentBytes = 64 * 1024;  // of an answer, in the kernel

using Context = std::unique_ptr<mg_context, decltype(&mg_stop)>;

class CivetServer final : public Server {
 public:
  CivetServer(const Options& options, std::vector<Route> routes, Observer observer,
              std::unique_ptr<WebFace> face, Logger& log)
      : face_(std::move(face)),
        connections_(options.threads),
        tls_(*face_, connections_),
        service_(std::move(routes), std::move(observer), options.request_timeout, *face_,
                 connections_, log) {}

  Status Start(const Options& options, const std::string& listeners);
  std::vector<int> ports() const override { return ports_; }
  bool tls() const override { return face_->tls(); }
  std::size_t users() const override { return face_->Current()->config.users.size(); }

 private:
  static CivetServer& Of(const mg_connection* connection) {
    return *static_cast<CivetServer*>(mg_get_user_data(mg_get_context(connection)));
  }
  static int OnTlsContext(void* context, void* self);
  static int OnConnection(const mg_connection* connection, void** data);
  static void OnClose(const mg_connection* connection);
  static int OnRequest(mg_connection* connection);
  static int OnError(mg_connection* connection, int code, const char* reason);
  static int OnMessage(const mg_connection* connection, const char* message);

  const std::unique_ptr<WebFace> face_;
  Connections connections_;
  Tls tls_;
  Service service_;
  mutable Mutex mutex_;
  // Why a start failed; whatever civetweb says later follows from it.
  mutable std::string first_message_ WARDEN_GUARDED_BY(mutex_);
  std::vector<int> ports_;
  // The last member: its end waits for the handlers, which use the others.
  Context context_{nullptr, mg_stop};
};

int CivetServer::OnTlsContext(void* context, void* self) {
  // Above zero: civetweb shall load no certificate of its own.
  return static_cast<CivetServer*>(self)->tls_.Install(static_cast<SSL_CTX*>(context)) ? 1 : -1;
}

// Over TLS after the handshake, with which Tls has begun the connection.
int CivetServer::OnConnection(const mg_connection* connection, void** /*data*/) {
  Connections& connections = Of(connection).connections_;
  const int socket = WardenSocketOf(connection);
  // Otherwise the kernel would take megabytes at a time, and a client that reads slowly but
  // steadily would look like one that does not read. Where it is refused, things stay like that.
  setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof(kUnsentBytes));
  connections.Begin(connection, socket);
  connections.Wait(connection, Connections::kRequestPatience);
  return 0;
}

// Before the socket is closed, and also if there was no more than a failed handshake.
void CivetServer::OnClose(const mg_connection* connection) {
  Of(connection).connections_.End(connection);
}

int CivetServer::OnRequest(mg_connection* connection) {
  CivetServer& server = Of(connection);
  server.connections_.Work(connection);
  server.service_.Serve(connection);
  return 1;  // civetweb shall do nothing of its own
}

int CivetServer::OnError(mg_connection* connection, int code, const char* reason) {
  Of(connection).service_.RefuseBytes(connection, code, reason);
  return 0;
}

int CivetServer::OnMessage(const mg_connection* connection, const char* message) {
  const CivetServer& server = Of(connection);
  const std::string line = ToSingleLine(message);
  // civetweb makes a connection without a socket up for what is about none.
  server.service_.LogMessage(line, WardenSocketOf(connection) > 0);
  MutexLock lock(server.mutex_);
  if (server.first_message_.empty()) server.first_message_ = line;
  return 1;  // neither stderr nor a file
}

Status CivetServer::Start(const Options& options, const std::string& listeners) {
  // civetweb counts these calls without a lock; once per process is enough, and C++ makes it once.
  static const unsigned features = mg_init_library(MG_FEATURES_IPV6 | MG_FEATURES_TLS);
  if (features != (MG_FEATURES_IPV6 | MG_FEATURES_TLS)) {
    return {Code::kInternal, "start the HTTP server: civetweb did not initialise"};
  }
  mg_callbacks callbacks{};
  callbacks.init_ssl = OnTlsContext;
  callbacks.init_connection = OnConnection;
  callbacks.connection_close = OnClose;
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
  WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<WebFace> face,
                          WebFace::Open(options.web_config_file, log));
  const std::string_view suffix = face->tls() ? "s" : "";
  std::vector<std::string> listeners;
  for (const std::string& address : options.listen_addresses) {
    WARDEN_ASSIGN_OR_RETURN(std::string listener, PrepareListener(address));
    listeners.push_back(listener.append(suffix));
  }
  auto server = std::make_unique<CivetServer>(options, std::move(routes), std::move(observer),
                                              std::move(face), log);
  const Status started = server->Start(options, Join(listeners, ","));
  if (!started.ok()) {
    return started.WithContext("listen on " + Join(options.listen_addresses, ", "));
  }
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace warden::http
