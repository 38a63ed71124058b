#include "exporter/app/serve.h"

#include <csignal>
#include <utility>

#include "exporter/app/alerts.h"
#include "exporter/app/build.h"
#include "exporter/app/routes.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

// Keeps SIGINT, SIGTERM and SIGHUP from every thread started in its life, so that one call can wait
// for them.
class Signals {
 public:
  explicit Signals(Logger& log) : log_(log) {
    sigemptyset(&waited_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&waited_, signal);
    pthread_sigmask(SIG_BLOCK, &waited_, &before_);
  }
  ~Signals() { Restore(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Returns the first that means the end; from then on another one has its default effect: it ends
  // the process.
  int Wait() {
    int signal = 0;
    while (sigwait(&waited_, &signal) != 0 || signal == SIGHUP) {
      log_.Log(LogLevel::kWarn, "ignored SIGHUP; restart to read the configuration again");
    }
    Restore();
    return signal;
  }

 private:
  void Restore() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Logger& log_;
  sigset_t waited_{};
  sigset_t before_{};
};

}  // namespace

Status Serve(config::ValidConfig config, const ServeOptions& options, const Env& env) {
  Signals signals(env.log);
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                          Runtime::Build(std::move(config), env));
  WARDEN_ASSIGN_OR_RETURN(std::unique_ptr<http::Server> server,
                          http::StartServer(
                              {.listen_addresses = options.listen_addresses}, MakeRoutes(*runtime),
                              [&runtime](std::string_view handler, int code, Nanoseconds duration) {
                                metrics::Instruments& instruments = runtime->instruments();
                                instruments.HttpAnswered(handler, code, duration);
                                if (handler == kWebhookPath) instruments.WebhookAnswered(code);
                              },
                              env.log));
  runtime->StartWorkers();
  env.log.Log(LogLevel::kInfo, "serving",
              {{"version", CurrentBuild().version},
               {"clusters", runtime->clusters().size()},
               {"listen", Join(options.listen_addresses, ",")}});
  const int signal = signals.Wait();
  env.log.Log(LogLevel::kInfo, "shutting down",
              {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  runtime->RequestStop();
  server.reset();
  return {};
}

}  // namespace warden::app
