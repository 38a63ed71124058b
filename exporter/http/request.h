// A request as handlers see it, and how its parts are decoded. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace warden::http {

using Query = std::multimap<std::string, std::string, std::less<>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query: "/api/v1/jobs/x"
  // Decoded, names and values; several values of one name keep their order. `find` yields the
  // first.
  Query query;
  // Names in lower case; the first value counts.
  std::map<std::string, std::string, std::less<>> headers;
  std::string body;
};

// The first value of a query parameter; empty if it is missing.
std::string QueryValue(const Request& request, std::string_view name);

// "%41+b" with every escape decoded; nullopt if an escape is malformed or yields a NUL.
std::optional<std::string> DecodePercent(std::string_view text, bool plus_is_space);

// "a=1&b=%20" as pairs in their order. nullopt as DecodePercent.
std::optional<Query> DecodeQuery(std::string_view text);

// Digits only, as RFC 9110 wants; nullopt otherwise. A number beyond 64 bits is the largest one.
std::optional<std::uint64_t> ParseContentLength(std::string_view text);

}  // namespace warden::http
