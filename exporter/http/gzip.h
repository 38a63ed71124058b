// Compressed answers (RFC 1952), for clients that ask for them (RFC 9110, section 12.5.3). Pure.
#pragma once

#include <string>
#include <string_view>

#include "exporter/http/response.h"

namespace warden::http {

// Smaller bodies gain nothing: they fit into one packet as they are.
inline constexpr std::size_t kGzipBytesMin = 1024;

// Whether an Accept-Encoding header wants gzip: named or meant by "*", with a weight above zero and
// not below that of "identity". A malformed weight counts as zero.
bool AcceptsGzip(std::string_view accept_encoding);

// Whether the answer is text of some length and not encoded yet.
bool IsCompressible(const Response& response);

// Encodes the body and says so in the headers; leaves the answer as it is if zlib fails.
void Compress(Response& response);

}  // namespace warden::http
