#include "exporter/http/web_face.h"

#include <sys/stat.h>

#include <utility>

namespace warden::http {
namespace {

constexpr Seconds kLookEvery{1};
constexpr int kAttemptsMax = 4;

}  // namespace

WebFace::WebFace(std::filesystem::path file, Loaded loaded, Logger& log)
    : file_(std::move(file)),
      tls_(loaded.settings->tls.has_value()),
      log_(log),
      settings_(std::move(loaded.settings)),
      next_look_(clock_.Steady() + kLookEvery),
      stamps_(std::move(loaded.stamps)) {}

Result<std::unique_ptr<WebFace>> WebFace::Open(const std::filesystem::path& file, Logger& log) {
  Loaded loaded{std::make_shared<const WebSettings>(), {}};
  if (!file.empty()) {
    WARDEN_ASSIGN_OR_RETURN(loaded, Load(file));
  }
  return std::unique_ptr<WebFace>(
      new WebFace(file, std::move(loaded), log));  // NOLINT: the constructor is private
}

WebFace::Stamps WebFace::Look(const std::vector<std::filesystem::path>& files) {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  Stamps stamps;
  for (const std::filesystem::path& file : files) {
    Stamp stamp{.file = file};
    struct stat status {};
    if (stat(file.c_str(), &status) == 0) {
      stamp.modified_nanoseconds =
          status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec;
      stamp.bytes = status.st_size;
      stamp.inode = status.st_ino;
    }
    stamps.push_back(std::move(stamp));
  }
  return stamps;
}

Result<WebFace::Loaded> WebFace::Load(const std::filesystem::path& file) {
  std::vector<std::filesystem::path> files{file};
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    // Looked at before they are read: a change in between shows at the next look.
    Stamps stamps = Look(files);
    WARDEN_ASSIGN_OR_RETURN(config::WebConfig config, config::LoadWebConfig(file));
    if (config.files != files) {
      files = config.files;
      continue;
    }
    WebSettings settings;
    if (config.tls) {
      WARDEN_ASSIGN_OR_RETURN(settings.tls, TlsSettings::Make(*config.tls));
      config.tls.reset();
    }
    settings.config = std::move(config);
    return Loaded{std::make_shared<const WebSettings>(std::move(settings)), std::move(stamps)};
  }
  return Status(Code::kAborted, file.string() + ": changes while it is read");
}

std::shared_ptr<const WebSettings> WebFace::Current() {
  {
    MutexLock lock(mutex_);
    const SteadyTime now = clock_.Steady();
    if (file_.empty() || looking_ || now < next_look_) return settings_;
    looking_ = true;
    next_look_ = now + kLookEvery;
  }
  {
    // Also after an exception, or nobody would ever look again.
    struct Looking {
      ~Looking() { face.EndLook(); }
      WebFace& face;
    };
    const Looking looking{*this};
    Refresh();
  }
  MutexLock lock(mutex_);
  return settings_;
}

void WebFace::EndLook() {
  MutexLock lock(mutex_);
  looking_ = false;
}

void WebFace::Refresh() {
  std::vector<std::filesystem::path> files;
  for (const Stamp& stamp : stamps_) files.push_back(stamp.file);
  // After a failure the files to look at are not known for certain: read them every time.
  if (failure_.empty() && Look(files) == stamps_) return;
  Result<Loaded> loaded = Load(file_);
  Status status = loaded.status();
  if (loaded.ok() && loaded->settings->tls.has_value() != tls_) {
    status = Status(Code::kFailedPrecondition,
                    file_.string() + ": TLS is turned on or off by a restart only");
  }
  if (!status.ok()) {
    if (std::exchange(failure_, status.message()) == status.message()) return;
    log_.Log(LogLevel::kError, "web configuration not reloaded, the last good one stays in use",
             {{"error", status}});
    return;
  }
  failure_.clear();
  stamps_ = std::move(loaded->stamps);
  {
    MutexLock lock(mutex_);
    settings_ = std::move(loaded->settings);
  }
  log_.Log(LogLevel::kInfo, "web configuration reloaded", {{"file", file_.string()}});
}

}  // namespace warden::http
