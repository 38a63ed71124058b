// Hostile requests. The first byte chooses the part of a request that the others are: what the
// parsers accept has to have the form that they promise.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "exporter/http/auth.h"
#include "exporter/http/gzip.h"
#include "exporter/http/listen.h"
#include "exporter/http/request.h"
#include "exporter/http/response.h"

namespace {

using namespace warden::http;  // NOLINT(google-build-using-namespace): it is what is under test

void Require(bool ok) {
  if (!ok) std::abort();
}

void FuzzPath(std::string_view text) {
  for (const bool plus_is_space : {false, true}) {
    const auto decoded = DecodePercent(text, plus_is_space);
    Require(!decoded || decoded->size() <= text.size());
  }
}

void FuzzQuery(std::string_view text) {
  const auto query = DecodeQuery(text);
  if (!query) return;
  std::size_t bytes = 0;
  for (const auto& [name, value] : *query) bytes += name.size() + value.size();
  Require(bytes <= text.size());
}

void FuzzAuthorization(std::string_view text) {
  Request request;
  request.headers["authorization"] = text;
  const auto credentials = ParseBasicAuth(request);
  Require(!credentials || (credentials->user.find(':') == std::string::npos &&
                           credentials->user.size() + credentials->password.size() < text.size()));
  HasBearerToken(request, "token");
  if (!text.empty()) {
    request.headers["authorization"] = "Bearer x" + std::string(text);
    Require(!HasBearerToken(request, "y" + std::string(text)));
  }
}

void FuzzEncoding(std::string_view text) {
  if (AcceptsGzip(text)) Require(text.find_first_of("gG*") != std::string_view::npos);
}

// Whatever a header holds, the answer has one header and its length is right.
void FuzzResponse(std::string_view text) {
  const Response response{.body = "body",
                          .headers = {{"Location", std::string(text)}, {"X-Last", "1"}}};
  const std::string answer = FormatResponse(response, {}, {{"X-More", std::string(text)}});
  Require(answer.ends_with("\r\n\r\nbody") && answer.find("\r\n\r\n") == answer.size() - 8);
}

void FuzzLength(std::string_view text) {
  if (ParseContentLength(text)) {
    Require(text.find_first_not_of("0123456789") == std::string_view::npos);
  }
  const auto address = ParseListenAddress(text);
  Require(!address.ok() || (address->port >= 0 && address->port <= 65'535));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  constexpr void (*kParts[])(std::string_view) = {FuzzPath,     FuzzQuery,    FuzzAuthorization,
                                                  FuzzEncoding, FuzzResponse, FuzzLength};
  kParts[data[0] % std::size(kParts)](text);
  return 0;
}
