#include "exporter/base/resolver.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

namespace warden {
namespace {

IpAddress AddressOf(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return MapIpv4(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  IpAddress result{};
  std::copy(std::begin(v6.sin6_addr.s6_addr), std::end(v6.sin6_addr.s6_addr), result.begin());
  return result;
}

// Whether another try may well succeed: the name servers did not answer, or the machine is short of
// something.
bool IsPassing(int failure) {
  return failure == EAI_AGAIN || failure == EAI_SYSTEM || failure == EAI_MEMORY;
}

timespec ToTimespec(Nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<Seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

}  // namespace

// The C library writes into it until the look-up has ended, so it stays where it is.
struct SystemResolver::Lookup {
  explicit Lookup(std::string name) : host(std::move(name)) {
    hints.ai_socktype = SOCK_STREAM;  // each address once
    request.ar_name = host.c_str();
    request.ar_request = &hints;
  }
  ~Lookup() {
    if (request.ar_result != nullptr) freeaddrinfo(request.ar_result);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  bool ended() { return gai_error(&request) != EAI_INPROGRESS; }

  const std::string host;
  addrinfo hints{};
  gaicb request{};
};

SystemResolver::SystemResolver(const Clock& clock) : clock_(clock) {}

SystemResolver::~SystemResolver() {
  for (auto& lookup : abandoned_) {
    // Left to the C library, which still uses it.
    if (!lookup->ended()) (void)lookup.release();
  }
}

Status SystemResolver::Reap() {
  MutexLock lock(mutex_);
  std::erase_if(abandoned_, [](const auto& lookup) { return lookup->ended(); });
  if (abandoned_.size() < kPendingMax) return {};
  return {Code::kResourceExhausted, "too many look-ups of host names have no answer yet"};
}

Result<std::vector<IpAddress>> SystemResolver::Resolve(const std::string& host,
                                                       SteadyTime deadline) {
  WARDEN_RETURN_IF_ERROR(Reap().WithContext("look up " + host));
  auto lookup = std::make_unique<Lookup>(host);
  gaicb* list[] = {&lookup->request};
  if (const int failure = getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr); failure != 0) {
    return Status(Code::kUnavailable, "look up " + host + ": " + gai_strerror(failure));
  }
  while (!lookup->ended()) {
    const Nanoseconds left = deadline - clock_.Steady();
    if (left <= Nanoseconds(0)) {
      gai_cancel(&lookup->request);
      MutexLock lock(mutex_);
      if (!lookup->ended()) abandoned_.push_back(std::move(lookup));
      return Status(Code::kDeadlineExceeded, "look up " + host + ": no answer in time");
    }
    const timespec timeout = ToTimespec(left);
    const gaicb* waited[] = {&lookup->request};
    gai_suspend(waited, 1, &timeout);
  }
  if (const int failure = gai_error(&lookup->request); failure != 0) {
    return Status(IsPassing(failure) ? Code::kUnavailable : Code::kNotFound,
                  "look up " + host + ": " + gai_strerror(failure));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = lookup->request.ar_result; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6) {
      addresses.push_back(AddressOf(*each->ai_addr));
    }
  }
  if (addresses.empty()) return Status(Code::kNotFound, "look up " + host + ": it has no address");
  return addresses;
}

}  // namespace warden
