#include "exporter/config/problems.h"

#include <algorithm>
#include <tuple>

namespace warden::config {
namespace {

constexpr std::size_t kWordBytesMax = 64;

// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

Status Problems::ToStatus(std::string_view file) const {
  if (list_.empty()) return Status();
  std::vector<Problem> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  std::string message;
  for (std::size_t i = 0; i < std::min(sorted.size(), kLinesMax); ++i) {
    if (i > 0) message += '\n';
    message += std::string(file) + ":" + std::to_string(sorted[i].at.line) + ":" +
               std::to_string(sorted[i].at.column) + ": " + sorted[i].path + ": " + sorted[i].what;
  }
  if (sorted.size() > kLinesMax) {
    message += "\n" + std::string(file) + ": " + std::to_string(sorted.size() - kLinesMax) +
               " more problems are not shown";
  }
  return {Code::kInvalidArgument, message};
}

std::string_view NearestWord(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() < 2 || word.size() > kWordBytesMax) return {};
  std::string_view nearest;
  std::size_t nearest_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    // "password" for "password_file" is no typing error, yet what was meant is plain.
    const bool shortened = candidate.starts_with(word);
    const std::size_t distance = shortened ? 1 : EditDistance(word, candidate);
    if (distance >= nearest_distance) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return nearest;
}

}  // namespace warden::config
