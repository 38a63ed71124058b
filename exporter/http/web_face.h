// The web configuration in use: it follows its files while the server runs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/base/mutex.h"
#include "exporter/base/result.h"
#include "exporter/config/web.h"
#include "exporter/http/tls_settings.h"

namespace warden::http {

struct WebSettings {
  config::WebConfig config;
  std::optional<TlsSettings> tls;
};

// Thread-safe.
class WebFace {
 public:
  // Reads the file; an empty path is plain HTTP for everybody.
  static Result<std::unique_ptr<WebFace>> Open(const std::filesystem::path& file, Logger& log);

  // At most once a second it looks whether a file has changed, and reads them all if so. Whoever
  // calls meanwhile gets the settings from before. A file that has become bad is logged, and the
  // last good settings stay in use until it is good again; so does a change that turns TLS on or
  // off, which needs a restart.
  std::shared_ptr<const WebSettings> Current();

  // Whether the server speaks TLS; never changes.
  bool tls() const { return tls_; }

 private:
  // What changes when a file's content does.
  struct Stamp {
    std::filesystem::path file;
    std::int64_t modified_nanoseconds = -1;  // -1: the file cannot be looked at
    std::int64_t bytes = 0;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::vector<Stamp>;
  struct Loaded {
    std::shared_ptr<const WebSettings> settings;
    Stamps stamps;
  };

  WebFace(std::filesystem::path file, Loaded loaded, Logger& log);
  static Stamps Look(const std::vector<std::filesystem::path>& files);
  static Result<Loaded> Load(const std::filesystem::path& file);
  // Loads again if need be. Called by one thread at a time, without the mutex.
  void Refresh();
  void EndLook() WARDEN_EXCLUDES(mutex_);

  const std::filesystem::path file_;
  const bool tls_;
  Logger& log_;
  const SystemClock clock_;
  Mutex mutex_;
  std::shared_ptr<const WebSettings> settings_ WARDEN_GUARDED_BY(mutex_);
  SteadyTime next_look_ WARDEN_GUARDED_BY(mutex_);
  bool looking_ WARDEN_GUARDED_BY(mutex_) = false;
  // Of the thread that looks.
  Stamps stamps_;
  std::string failure_;  // of the last attempt; empty: none
};

}  // namespace warden::http
