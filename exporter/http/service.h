// One request from header to answer, and the wall: whatever a handler throws ends here.
#pragma once

#include <civetweb.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/http/connections.h"
#include "exporter/http/gatekeeper.h"
#include "exporter/http/incoming.h"
#include "exporter/http/router.h"
#include "exporter/http/server.h"
#include "exporter/http/web_face.h"

namespace warden::http {

// Called on civetweb's threads, several at a time.
class Service {
 public:
  Service(std::vector<Route> routes, Observer observer, Milliseconds request_timeout, WebFace& face,
          Connections& connections, Logger& log)
      : routes_(std::move(routes)),
        observer_(std::move(observer)),
        request_timeout_(request_timeout),
        face_(face),
        connections_(connections),
        log_(log) {}

  // Answers a request whose header civetweb has parsed.
  void Serve(mg_connection* connection);

  // Answers bytes that civetweb could not take for a request; `code` and `reason` are its opinion.
  void RefuseBytes(mg_connection* connection, int code, std::string_view reason) const;

  // A message of civetweb's own; `about_connection` if some client caused it.
  void LogMessage(std::string_view message, bool about_connection) const;

 private:
  using Settings = std::shared_ptr<const WebSettings>;

  // The answer to a request that must not reach the handler, by rate limit, user, path or guard.
  std::optional<Response> Refuse(const config::WebConfig& config, const Incoming& incoming,
                                 const Choice& choice);
  // Reads the body, calls the handler, and compresses what it answers if the client asks for that.
  Response Answer(mg_connection* connection, Incoming& incoming, const Route& route,
                  SteadyTime deadline) const;
  // Writes the answer piece by piece: the client has kAnswerPatience for each.
  void Send(mg_connection* connection, const Response& response, Framing framing,
            const Settings& settings) const;
  // Runs the function; false if it threw, which is logged.
  template <typename Function>
  bool Contain(std::string_view what, const Function& function) const;

  const std::vector<Route> routes_;
  const Observer observer_;
  const Milliseconds request_timeout_;
  WebFace& face_;
  Connections& connections_;
  Logger& log_;
  Gatekeeper gatekeeper_;
  const SystemClock clock_;
};

}  // namespace warden::http
