#include "exporter/http/service.h"

#include <algorithm>
#include <exception>

#include "exporter/http/gzip.h"

namespace warden::http {
namespace {

constexpr std::size_t kPieceBytes = 64UL * 1024;

}  // namespace

template <typename Function>
bool Service::Contain(std::string_view what, const Function& function) const {
  try {
    function();
    return true;
  } catch (const std::exception& exception) {
    log_.Log(LogLevel::kError, what, {{"error", exception.what()}});
  } catch (...) {
    log_.Log(LogLevel::kError, what, {{"error", "an exception of unknown type"}});
  }
  return false;
}

void Service::Serve(mg_connection* connection) {
  const SteadyTime start = clock_.Steady();
  const SteadyTime deadline = start + request_timeout_;
  Settings settings;
  Incoming incoming;
  Choice choice;
  Response response;
  const bool answered = Contain("request failed", [&] {
    settings = face_.Current();
    std::optional<Response> refusal = ReadHeader(*mg_get_request_info(connection), incoming);
    if (!refusal) {
      choice = ChooseRoute(routes_, incoming.request.method, incoming.request.path);
      refusal = Refuse(settings->config, incoming, choice);
    }
    response =
        refusal ? *std::move(refusal) : Answer(connection, incoming, *choice.route, deadline);
  });
  if (!answered) response = ErrorResponse(500, "internal error, see the log");

  const Framing framing{.keep_alive = incoming.keep_alive && !incoming.unread,
                        .head = incoming.request.method == "HEAD"};
  Contain("request answered, but not accounted for", [&] {
    Send(connection, response, framing, settings);
    const Nanoseconds duration = clock_.Steady() - start;
    observer_(choice.label, response.code, duration);
    log_.Log(LogLevel::kDebug, "request answered",
             {{"method", incoming.request.method},
              {"path", incoming.request.path},
              {"code", response.code},
              {"duration", duration}});
  });
  connections_.Wait(connection, Connections::kRequestPatience);
  // Whoever waits for "100 Continue" has not sent a body, and will not.
  if (incoming.unread && !incoming.expects_continue) Drain(connection, deadline);
}

std::optional<Response> Service::Refuse(const config::WebConfig& config, const Incoming& incoming,
                                        const Choice& choice) {
  // What there is and what there is not is told only to those who may ask.
  if (choice.route == nullptr || !choice.route->without_web_auth) {
    if (auto refusal = gatekeeper_.Refuse(config, incoming.request, clock_.Steady()))
      return refusal;
  }
  if (choice.route == nullptr && choice.allow.empty()) {
    return ErrorResponse(404, "nothing is served at this path");
  }
  if (choice.route == nullptr) {
    Response refusal = ErrorResponse(405, "this path answers " + choice.allow + " only");
    refusal.headers.emplace_back("Allow", choice.allow);
    return refusal;
  }
  return choice.route->guard ? choice.route->guard(incoming.request) : std::nullopt;
}

Response Service::Answer(mg_connection* connection, Incoming& incoming, const Route& route,
                         SteadyTime deadline) const {
  if (auto refusal = ReadBody(connection, incoming, route.body_bytes_max, deadline)) {
    return *std::move(refusal);
  }
  Response response = route.handler(incoming.request);
  if (!IsCompressible(response)) return response;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const auto accepted = incoming.request.headers.find("accept-encoding");
  if (accepted != incoming.request.headers.end() && AcceptsGzip(accepted->second)) {
    Compress(response);
  }
  return response;
}

void Service::RefuseBytes(mg_connection* connection, int code, std::string_view reason) const {
  Contain("refusal not accounted for", [&] {
    // civetweb reads a missing or absurd Content-Length as "length required".
    const Response response = code == 411 ? ErrorResponse(400, "Content-Length is not a number")
                                          : ErrorResponse(code, reason);
    Send(connection, response, {.keep_alive = false, .head = false}, face_.Current());
    observer_("other", response.code, Nanoseconds(0));
    log_.Log(LogLevel::kDebug, "request refused", {{"code", response.code}, {"reason", reason}});
  });
}

void Service::LogMessage(std::string_view message, bool about_connection) const {
  Contain("message lost", [&] {
    log_.Log(about_connection ? LogLevel::kDebug : LogLevel::kWarn, "HTTP server",
             {{"message", message}});
  });
}

void Service::Send(mg_connection* connection, const Response& response, Framing framing,
                   const Settings& settings) const {
  if (!framing.keep_alive) mg_disable_connection_keep_alive(connection);
  using Headers = std::map<std::string, std::string>;
  static const Headers none;
  const Headers& more = settings == nullptr ? none : settings->config.headers;
  const std::string text = FormatResponse(response, framing, more);
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
    const std::size_t piece = std::min(kPieceBytes, text.size() - at);
    connections_.Wait(connection, Connections::kAnswerPatience);
    const int written = mg_write(connection, text.data() + at, piece);
    // A client that went away is no failure of ours.
    if (written < 0 || static_cast<std::size_t>(written) != piece) return;
  }
}

}  // namespace warden::http
