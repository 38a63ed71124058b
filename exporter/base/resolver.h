// Host names to addresses, within a time limit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/ip_address.h"
#include "exporter/base/mutex.h"
#include "exporter/base/result.h"

namespace warden {

class Resolver {
 public:
  virtual ~Resolver() = default;
  // All addresses of the host, at least one. kNotFound: there is no such name; kUnavailable: nobody
  // could say now; kDeadlineExceeded: no answer in time; kResourceExhausted: too many are asked.
  virtual Result<std::vector<IpAddress>> Resolve(const std::string& host, SteadyTime deadline) = 0;
};

// The machine's own resolver (files, DNS, whatever nsswitch.conf says). Thread-safe. A look-up that
// did not end in time goes on in the C library, which has no way to interrupt it; while kPendingMax
// of them do, further ones are kResourceExhausted.
class SystemResolver final : public Resolver {
 public:
  explicit SystemResolver(const Clock& clock);
  ~SystemResolver() override;
  Result<std::vector<IpAddress>> Resolve(const std::string& host, SteadyTime deadline) override;
  static constexpr std::size_t kPendingMax = 32;

 private:
  struct Lookup;
  // Makes room for one more, or fails.
  Status Reap() WARDEN_EXCLUDES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Lookup>> abandoned_ WARDEN_GUARDED_BY(mutex_);
};

}  // namespace warden
