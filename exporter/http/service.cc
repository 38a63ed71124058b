#include "exporter/http/service.h"

#include <exception>

namespace warden::http {

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

void Service::Serve(mg_connection* connection) const {
  const SteadyTime start = clock_.Steady();
  const SteadyTime deadline = start + request_timeout_;
  Incoming incoming;
  Choice choice;
  Response response;
  const bool answered = Contain("request failed", [&] {
    std::optional<Response> refusal = ReadHeader(*mg_get_request_info(connection), incoming);
    if (refusal) {
      response = *std::move(refusal);
      return;
    }
    choice = ChooseRoute(routes_, incoming.request.method, incoming.request.path);
    response = Answer(connection, incoming, choice, deadline);
  });
  if (!answered) response = ErrorResponse(500, "internal error, see the log");

  const Framing framing{.keep_alive = incoming.keep_alive && !incoming.unread,
                        .head = incoming.request.method == "HEAD"};
  Contain("request answered, but not accounted for", [&] {
    Send(connection, response, framing);
    const Nanoseconds duration = clock_.Steady() - start;
    observer_(choice.label, response.code, duration);
    log_.Log(LogLevel::kDebug, "request answered",
             {{"method", incoming.request.method},
              {"path", incoming.request.path},
              {"code", response.code},
              {"duration", duration}});
  });
  // Whoever waits for "100 Continue" has not sent a body, and will not.
  if (incoming.unread && !incoming.expects_continue) Drain(connection, deadline);
}

Response Service::Answer(mg_connection* connection, Incoming& incoming, const Choice& choice,
                         SteadyTime deadline) const {
  if (choice.route == nullptr && choice.allow.empty()) {
    return ErrorResponse(404, "nothing is served at this path");
  }
  if (choice.route == nullptr) {
    Response refusal = ErrorResponse(405, "this path answers " + choice.allow + " only");
    refusal.headers.emplace_back("Allow", choice.allow);
    return refusal;
  }
  const Route& route = *choice.route;
  if (route.guard) {
    if (std::optional<Response> refusal = route.guard(incoming.request)) return *std::move(refusal);
  }
  if (std::optional<Response> refusal =
          ReadBody(connection, incoming, route.body_bytes_max, deadline)) {
    return *std::move(refusal);
  }
  return route.handler(incoming.request);
}

void Service::Refuse(mg_connection* connection, int code, std::string_view reason) const {
  Contain("refusal not accounted for", [&] {
    // civetweb reads a missing or absurd Content-Length as "length required".
    const Response response = code == 411 ? ErrorResponse(400, "Content-Length is not a number")
                                          : ErrorResponse(code, reason);
    Send(connection, response, {.keep_alive = false, .head = false});
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

void Service::Send(mg_connection* connection, const Response& response, Framing framing) const {
  if (!framing.keep_alive) mg_disable_connection_keep_alive(connection);
  const std::string text = FormatResponse(response, framing);
  // A client that went away is no failure of ours.
  mg_write(connection, text.data(), text.size());
}

}  // namespace warden::http
