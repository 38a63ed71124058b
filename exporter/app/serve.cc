#include "exporter/app/serve.h"

#include <csignal>
#include <thread>

#include "exporter/app/build.h"
#include "exporter/app/host.h"
#include "exporter/base/mutex.h"
#include "exporter/base/text.h"

namespace warden::app {
namespace {

// Keeps SIGINT, SIGTERM and SIGHUP from every thread started in its life, so that one call can wait
// for them.
class Signals {
 public:
  Signals() {
    sigemptyset(&waited_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&waited_, signal);
    pthread_sigmask(SIG_BLOCK, &waited_, &before_);
  }
  ~Signals() { Restore(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Returns the next one.
  int Wait() {
    int signal = 0;
    while (sigwait(&waited_, &signal) != 0) {
    }
    return signal;
  }
  // From now on each has its default effect: it ends the process.
  void Restore() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t waited_{};
  sigset_t before_{};
};

// Reads the configuration again whenever asked to, on a thread of its own, so that a reload which
// takes long delays no SIGTERM.
class Reloads {
 public:
  explicit Reloads(Host& host) : host_(host), thread_([this] { Run(); }) {}
  // Waits for the reload under way, which Host::RequestStop cuts short.
  ~Reloads() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    thread_.join();
  }
  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

  // Requests during a reload are answered by one more after it: the file may have changed since.
  void Request() {
    MutexLock lock(mutex_);
    wanted_ = true;
    changed_.NotifyAll();
  }

 private:
  void Run() {
    while (Await()) host_.Reload().ok();  // A failure is logged and counted there.
  }
  // False: no more.
  bool Await() {
    MutexLock lock(mutex_);
    while (!wanted_ && !stopping_) changed_.Wait(mutex_);
    wanted_ = false;
    return !stopping_;
  }

  Host& host_;
  Mutex mutex_;
  CondVar changed_;
  bool wanted_ WARDEN_GUARDED_BY(mutex_) = false;
  bool stopping_ WARDEN_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // the last member: it uses the others
};

void LogServing(const Host& host, const http::Server& server, const ServeOptions& options,
                Logger& log) {
  const std::string version = CurrentBuild().version;
  const std::size_t clusters = host.runtime()->clusters().size();
  const std::string listen = Join(options.http.listen_addresses, ",");
  const std::string& prefix = options.routes.address.prefix;
  if (options.http.web_config_file.empty()) {
    log.Log(LogLevel::kInfo, "serving",
            {{"version", version}, {"clusters", clusters}, {"listen", listen}, {"prefix", prefix}});
  } else {
    log.Log(LogLevel::kInfo, "serving",
            {{"version", version},
             {"clusters", clusters},
             {"listen", listen},
             {"prefix", prefix},
             {"tls", server.tls() ? "true" : "false"},
             {"users", server.users()}});
  }
}

}  // namespace

Status Serve(const std::filesystem::path& config_file, const ServeOptions& options,
             const Env& env) {
  Signals signals;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<Host> host, Host::Open(config_file, env));
  WARDEN_ASSIGN_OR_RETURN(
      std::unique_ptr<http::Server> server,
      http::StartServer(options.http, MakeRoutes(*host, options.routes),
                        MakeObserver(host->common().instruments, options.routes), env.log));
  host->Start();
  LogServing(*host, *server, options, env.log);
  Reloads reloads(*host);
  int signal = signals.Wait();
  for (; signal == SIGHUP; signal = signals.Wait()) reloads.Request();
  signals.Restore();
  env.log.Log(LogLevel::kInfo, "shutting down",
              {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  host->RequestStop();
  server.reset();
  return {};
}

}  // namespace warden::app
