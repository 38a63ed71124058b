// Whether anybody listens at an address: a connection made and closed, without a byte.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/base/clock.h"
#include "exporter/base/resolver.h"
#include "exporter/base/result.h"

namespace warden {

// True if one of the host's addresses accepts a connection. False if all of them refuse it or
// nobody answers until the deadline, which for a machine that is off is the usual answer; so give
// it a short one. Fails, as Resolver does, if the name has no address, and with kUnknown if the
// system cannot make a connection at all. `host` is a name or an address without brackets.
// Thread-safe.
Result<bool> AcceptsTcp(Resolver& resolver, const std::string& host, std::uint16_t port,
                        const Deadline& deadline);

}  // namespace warden
