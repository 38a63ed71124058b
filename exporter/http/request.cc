#include "exporter/http/request.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "exporter/base/text.h"

namespace warden::http {

std::string QueryValue(const Request& request, std::string_view name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

std::optional<std::string> DecodePercent(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const std::string_view digits = text.substr(i + 1, 2);
      unsigned char byte = 0;
      const char* const end = digits.data() + digits.size();
      const auto [parsed, error] = std::from_chars(digits.data(), end, byte, 16);
      if (digits.size() != 2 || error != std::errc() || parsed != end || byte == 0) {
        return std::nullopt;
      }
      decoded += static_cast<char>(byte);
      i += 2;
    }
  }
  return decoded;
}

std::optional<Query> DecodeQuery(std::string_view text) {
  Query query;
  for (const std::string_view pair : Split(text, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view raw = pair.substr(std::min(equals + 1, pair.size()));
    std::optional<std::string> name = DecodePercent(pair.substr(0, equals), true);
    std::optional<std::string> value = DecodePercent(raw, true);
    if (!name || !value) return std::nullopt;
    query.emplace(*std::move(name), *std::move(value));
  }
  return query;
}

std::optional<std::uint64_t> ParseContentLength(std::string_view text) {
  std::uint64_t length = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, length);
  if (text.empty() || parsed != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return length;
}

}  // namespace warden::http
