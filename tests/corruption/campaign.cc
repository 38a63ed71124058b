// Damages snapshots of etcd in memory, at random and many times, and counts who notices:
//
//   corrupt [--bytes=N] [--pages=N] [--seed=N] [--processes=N] [--only=N] FILE[,EARLIER]...
//
// A FILE is what `etcdctl snapshot save` wrote, EARLIER one of the same cluster taken before. The
// numbers from 0 on are damages of one byte, behind them come those of pages; --only says
// everything about one of them. Exit code 1 if one was missed or crashed the program.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/corruption/damage.h"
#include "tests/corruption/judge.h"
#include "tests/corruption/workers.h"

namespace warden::corruption {
namespace {

constexpr unsigned kSecondsEach = 20;
constexpr int kDrawsMax = 10'000;
constexpr std::size_t kShownMax = 20;

struct Options {
  std::size_t bytes = 20'000;
  std::size_t pages = 5'000;
  std::size_t seed = 1;
  std::size_t processes = 2;
  std::optional<std::size_t> only;
  std::vector<std::string_view> files;
};

std::optional<std::size_t> ParseNumber(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Options> ParseOptions(const std::vector<std::string_view>& arguments) {
  Options options;
  for (const std::string_view argument : arguments) {
    if (!argument.starts_with("--")) {
      options.files.push_back(argument);
      continue;
    }
    const std::size_t equals = std::min(argument.find('='), argument.size() - 1);
    const std::string_view name = argument.substr(0, equals);
    const std::optional<std::size_t> number = ParseNumber(argument.substr(equals + 1));
    if (!number) return std::nullopt;
    if (name == "--bytes") {
      options.bytes = *number;
    } else if (name == "--pages") {
      options.pages = *number;
    } else if (name == "--seed") {
      options.seed = *number;
    } else if (name == "--processes" && *number > 0) {
      options.processes = *number;
    } else if (name == "--only") {
      options.only = number;
    } else {
      return std::nullopt;
    }
  }
  if (options.files.empty()) return std::nullopt;
  return options;
}

struct Damage {
  const Original* original = nullptr;
  std::string database;
  std::string what;
};

class Campaign {
 public:
  Campaign(const Options& options, std::vector<std::unique_ptr<Original>> originals)
      : options_(options), originals_(std::move(originals)) {}

  std::size_t count() const { return options_.bytes + options_.pages; }

  const Kind& KindOf(std::size_t number) const {
    return number < options_.bytes ? kByteKind
                                   : kPageKinds[(number - options_.bytes) % kPageKinds.size()];
  }

  // The same for the same seed and files, whatever came before.
  Damage Make(std::size_t number) const {
    std::seed_seq seed{options_.seed, number};
    Random random(seed);
    // Each kind goes over all files.
    const std::size_t turn =
        number < options_.bytes ? number : (number - options_.bytes) / kPageKinds.size();
    Damage damage{.original = originals_[turn % originals_.size()].get()};
    for (int i = 0; i < kDrawsMax; ++i) {
      damage.database = damage.original->database();
      damage.what = KindOf(number).draw(damage.original->target(), random, damage.database);
      if (damage.database != damage.original->database()) return damage;
    }
    std::cerr << damage.original->path() << ": " << KindOf(number).name << ": nothing to damage\n";
    std::abort();
  }

  int RunOnly(std::size_t number) const {
    Damage damage = Make(number);
    std::cout << "number " << number << " of seed " << options_.seed << ": " << KindOf(number).name
              << ", " << damage.what << "\n"
              << damage.original->path() << ": " << damage.original->Summary() << std::endl;
    std::string why;
    const Verdict verdict = damage.original->Judge(std::move(damage.database), &why);
    std::cout << "the digest " << (verdict.digest_differs ? "differs" : "is the same: MISSED")
              << "\n"
              << kClassNames[static_cast<std::size_t>(verdict.noticed_by)]
              << (why.empty() ? "" : ": ") << why << "\n";
    return verdict.noticed_by == Class::kMissed || !verdict.digest_differs ? 1 : 0;
  }

  std::vector<Verdict> RunAll() const {
    SharedArray<Verdict> verdicts(count());
    WorkInProcesses(
        count(), options_.processes, kSecondsEach,
        [&](std::size_t number) {
          Damage damage = Make(number);
          verdicts.items()[number] = damage.original->Judge(std::move(damage.database), nullptr);
        },
        [&](std::size_t number) { verdicts.items()[number] = Verdict{}; });
    return {verdicts.items().begin(), verdicts.items().end()};
  }

 private:
  const Options& options_;
  const std::vector<std::unique_ptr<Original>> originals_;
};

struct Row {
  std::string_view name;
  std::size_t count = 0;
  std::size_t digest_differs = 0;
  std::array<std::size_t, kClasses> classes{};

  void Add(const Verdict& verdict) {
    ++count;
    if (verdict.digest_differs) ++digest_differs;
    ++classes[static_cast<std::size_t>(verdict.noticed_by)];
  }
};

constexpr int kNameWidth = 31;
constexpr int kCountWidth = 7;

int WidthOf(std::string_view name) {
  return std::max(static_cast<int>(name.size()) + 2, kCountWidth);
}

void PrintRow(const Row& row) {
  std::cout << std::left << std::setw(kNameWidth) << row.name << std::right
            << std::setw(kCountWidth) << row.count << std::setw(kCountWidth) << row.digest_differs;
  for (std::size_t i = 0; i < kClasses; ++i) {
    std::cout << std::setw(WidthOf(kClassNames[i])) << row.classes[i];
  }
  std::cout << "\n";
}

void PrintTable(const Campaign& campaign, const std::vector<Verdict>& verdicts) {
  std::vector<Row> rows = {{.name = kByteKind.name}};
  for (const Kind& kind : kPageKinds) rows.push_back({.name = kind.name});
  Row total{.name = "all"};
  std::array<std::size_t, kPlaces.size()> places{};
  for (std::size_t number = 0; number < verdicts.size(); ++number) {
    const Verdict& verdict = verdicts[number];
    std::ranges::find(rows, campaign.KindOf(number).name, &Row::name)->Add(verdict);
    total.Add(verdict);
    for (std::size_t i = 0; i < kPlaces.size(); ++i) places[i] += verdict.places >> i & 1;
  }
  rows.push_back(total);
  std::cout << std::left << std::setw(kNameWidth) << "damage" << std::right
            << std::setw(kCountWidth) << "count" << std::setw(kCountWidth) << "L0";
  for (const std::string_view name : kClassNames) std::cout << std::setw(WidthOf(name)) << name;
  std::cout << "\n";
  for (const Row& row : rows) PrintRow(row);
  std::cout << "unprovable by the bucket whose content changed:\n";
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    if (places[i] > 0)
      std::cout << std::setw(kCountWidth) << places[i] << "  " << kPlaces[i] << "\n";
  }
}

// Those that nobody noticed though somebody should have, and the crashes: how to see one again.
int Judge(const Options& options, const std::vector<Verdict>& verdicts) {
  std::size_t bad = 0;
  for (std::size_t number = 0; number < verdicts.size(); ++number) {
    const Verdict& verdict = verdicts[number];
    const bool is_bad = verdict.noticed_by == Class::kMissed ||
                        verdict.noticed_by == Class::kCrashed || !verdict.digest_differs;
    if (!is_bad || ++bad > kShownMax) continue;
    const auto by =
        verdict.digest_differs ? verdict.noticed_by : std::max(verdict.noticed_by, Class::kMissed);
    std::cout << kClassNames[static_cast<std::size_t>(by)] << ": corrupt --bytes=" << options.bytes
              << " --pages=" << options.pages << " --seed=" << options.seed << " --only=" << number;
    for (const std::string_view file : options.files) std::cout << " " << file;
    std::cout << "\n";
  }
  std::cout << bad << " missed or crashed; seed " << options.seed << "\n";
  return bad == 0 ? 0 : 1;
}

int Run(const std::vector<std::string_view>& arguments) {
  const std::optional<Options> options = ParseOptions(arguments);
  if (!options) {
    std::cerr << "usage: corrupt [--bytes=N] [--pages=N] [--seed=N] [--processes=N] [--only=N] "
                 "FILE[,EARLIER]...\n";
    return 2;
  }
  std::vector<std::unique_ptr<Original>> originals;
  for (const std::string_view file : options->files) {
    const std::size_t comma = std::min(file.find(','), file.size());
    const std::size_t earlier = std::min(comma + 1, file.size());
    Result<std::unique_ptr<Original>> original =
        Original::Load(std::string(file.substr(0, comma)), std::string(file.substr(earlier)));
    if (!original.ok()) {
      std::cerr << "corrupt: " << file << ": " << original.error().message() << "\n";
      return 2;
    }
    std::cout << (*original)->path() << ": " << (*original)->Summary() << std::endl;
    originals.push_back(*std::move(original));
  }
  const Campaign campaign(*options, std::move(originals));
  if (options->only) return campaign.RunOnly(*options->only);
  const std::vector<Verdict> verdicts = campaign.RunAll();
  PrintTable(campaign, verdicts);
  return Judge(*options, verdicts);
}

}  // namespace
}  // namespace warden::corruption

int main(int argc, char** argv) {
  return warden::corruption::Run({argv + 1, argv + argc});
}
