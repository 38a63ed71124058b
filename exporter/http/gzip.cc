#include "exporter/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "exporter/base/text.h"

namespace warden::http {
namespace {

// "0", "1", "0.5", "1.000": RFC 9110, section 12.4.2. 0 if it is anything else.
double ParseWeight(std::string_view text) {
  constexpr std::size_t kBytesMax = 5;
  double weight = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), weight, std::chars_format::fixed);
  const bool valid = error == std::errc() && end == text.data() + text.size() &&
                     text.size() <= kBytesMax && weight >= 0 && weight <= 1;
  return valid ? weight : 0;
}

// The weight of one coding, "gzip;q=0.5"; without one it is 1.
double WeightOf(std::string_view parameters) {
  if (parameters.empty()) return 1;
  const std::string_view parameter = Trim(parameters.substr(1));
  if (ToLower(parameter.substr(0, 2)) != "q=") return 0;
  return ParseWeight(parameter.substr(2));
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<double> gzip;
  std::optional<double> any;
  std::optional<double> identity;
  for (const std::string_view part : Split(accept_encoding, ',')) {
    const std::size_t semicolon = std::min(part.find(';'), part.size());
    const std::string coding = ToLower(Trim(part.substr(0, semicolon)));
    const double weight = WeightOf(Trim(part.substr(semicolon)));
    if (coding == "gzip" || coding == "x-gzip") gzip = std::max(gzip.value_or(0), weight);
    if (coding == "*") any = weight;
    if (coding == "identity") identity = weight;
  }
  const double weight = gzip ? *gzip : any.value_or(0);
  return weight > 0 && weight >= identity.value_or(0);
}

bool IsCompressible(const Response& response) {
  const std::string type = ToLower(response.content_type);
  const bool text = type.starts_with("text/") || type.starts_with("application/json");
  const auto encodes = [](const auto& header) {
    return ToLower(header.first) == "content-encoding";
  };
  return text && response.body.size() >= kGzipBytesMin &&
         std::ranges::none_of(response.headers, encodes);
}

void Compress(Response& response) {
  // A page of metrics shrinks to a tenth at any level, and a scrape has a deadline.
  constexpr int kLevel = Z_BEST_SPEED;
  constexpr int kWindowBitsGzip = 15 + 16;
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBitsGzip, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return;
  }
  std::string packed(deflateBound(&stream, response.body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(response.body.data());
  stream.avail_in = static_cast<uInt>(response.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int end = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace warden::http
