// Draws histories of backups and checks what retention decides of them:
//
//   retain [--histories=N] [--seed=N] [--first=N] [--only=N]
//
// Prints how often each kind of reason was seen, one "NUMBER KIND" a line. Exit code 1 if
// something is wrong; --only repeats one history.

#include <charconv>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/retention/properties.h"

namespace warden::retention {
namespace {

constexpr int kShownMax = 5;

struct Options {
  std::uint64_t histories = 100'000;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
};

bool ParseOption(std::string_view argument, Options& options) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view text = argument.substr(equals + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const std::string_view name = argument.substr(0, equals);
  if (name == "--histories") {
    options.histories = number;
  } else if (name == "--seed") {
    options.seed = number;
  } else if (name == "--first") {
    options.first = number;
  } else if (name == "--only") {
    options.first = number;
    options.histories = 1;
  } else {
    return false;
  }
  return true;
}

int Run(const Options& options) {
  Tally tally;
  int wrong = 0;
  for (std::uint64_t i = options.first; i < options.first + options.histories; ++i) {
    const std::string what = CheckNumber(options.seed, i, tally);
    if (what.empty()) continue;
    if (++wrong > kShownMax) continue;
    std::cerr << "retain --seed=" << options.seed << " --only=" << i << ": " << what << "\n";
  }
  for (const auto& [kind, count] : tally) std::cout << count << " " << kind << "\n";
  if (wrong > 0) std::cerr << wrong << " histories were judged wrong\n";
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace warden::retention

int main(int argc, char** argv) {
  warden::retention::Options options;
  for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc)) {
    if (warden::retention::ParseOption(argument, options)) continue;
    std::cerr << "usage: retain [--histories=N] [--seed=N] [--first=N] [--only=N]\n";
    return 2;
  }
  return warden::retention::Run(options);
}
