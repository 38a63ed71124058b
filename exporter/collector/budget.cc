#include "exporter/collector/budget.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "exporter/base/text.h"

namespace warden::collector {
namespace {

using FloatMilliseconds = std::chrono::duration<double, std::milli>;

std::optional<FloatMilliseconds> ParseTimeout(std::string_view header) {
  constexpr std::size_t kBytesMax = 64;
  const std::string_view text = Trim(header.substr(0, kBytesMax + 1));
  if (text.size() > kBytesMax) return std::nullopt;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(seconds) || seconds <= 0) return std::nullopt;
  return std::chrono::duration<double>(seconds);
}

}  // namespace

Budget ScrapeBudget(std::optional<std::string_view> header, const config::ScrapeConfig& scrape) {
  // In floating point until the configured timeout has capped what might not fit an integer.
  FloatMilliseconds budget = scrape.timeout;
  const auto timeout = header ? ParseTimeout(*header) : std::nullopt;
  if (timeout) {
    budget = std::min(budget, std::max(*timeout - scrape.timeout_offset, *timeout / 2));
  }
  return {.time = std::max(std::chrono::duration_cast<Milliseconds>(budget), kBudgetMin),
          .valid_header = !header || timeout};
}

}  // namespace warden::collector
