// One request from header to answer, and the wall: whatever a handler throws ends here.
#pragma once

#include <civetweb.h>

#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/http/request.h"
#include "exporter/http/response.h"
#include "exporter/http/router.h"
#include "exporter/http/server.h"

namespace warden::http {

// Called on civetweb's threads, several at a time; nothing changes after construction.
class Service {
 public:
  Service(std::vector<Route> routes, Observer observer, Milliseconds request_timeout, Logger& log)
      : routes_(std::move(routes)),
        observer_(std::move(observer)),
        request_timeout_(request_timeout),
        log_(log) {}

  // Answers a request whose header civetweb has parsed.
  void Serve(mg_connection* connection) const;

  // Answers bytes that civetweb could not take for a request; `code` and `reason` are its opinion.
  void Refuse(mg_connection* connection, int code, std::string_view reason) const;

  // A message of civetweb's own; `about_connection` if some client caused it.
  void LogMessage(std::string_view message, bool about_connection) const;

 private:
  // Asks the route's guard, reads the body, calls the handler.
  Response Answer(mg_connection* connection, Incoming& incoming, const Choice& choice,
                  SteadyTime deadline) const;
  void Send(mg_connection* connection, const Response& response, Framing framing) const;
  // Runs the function; false if it threw, which is logged.
  template <typename Function>
  bool Contain(std::string_view what, const Function& function) const;

  const std::vector<Route> routes_;
  const Observer observer_;
  const Milliseconds request_timeout_;
  Logger& log_;
  const SystemClock clock_;
};

}  // namespace warden::http
