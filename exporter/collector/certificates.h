// The certificate files of one cluster's configuration, looked at in every scrape and read when
// they change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "exporter/base/mutex.h"
#include "exporter/collector/subject.h"
#include "exporter/config/config.h"

namespace warden::collector {

// One file, or none where the path is empty. Thread-safe.
class CachedCertificate {
 public:
  explicit CachedCertificate(std::filesystem::path path) : path_(std::move(path)) {}

  // The earliest expiry in the file; it is read only if its size or modification time is another
  // than before. nullopt if it cannot be read.
  std::optional<WallTime> NotAfter();

 private:
  // Tells one content from the next; a rotation through a symbolic link changes it too.
  struct Version {
    std::filesystem::file_time_type modified;
    std::uintmax_t size = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };

  const std::filesystem::path path_;
  Mutex mutex_;
  std::optional<Version> version_ WARDEN_GUARDED_BY(mutex_);
  std::optional<WallTime> not_after_ WARDEN_GUARDED_BY(mutex_);
};

// Thread-safe.
class CertificateFiles {
 public:
  explicit CertificateFiles(const config::TlsConfig& tls)
      : client_(tls.cert_file), ca_(tls.ca_file) {}

  CertificateTimes Read() { return {.client = client_.NotAfter(), .ca = ca_.NotAfter()}; }

 private:
  CachedCertificate client_;
  CachedCertificate ca_;
};

}  // namespace warden::collector
