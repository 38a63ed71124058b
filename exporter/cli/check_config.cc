#include <memory>
#include <ostream>
#include <string>

#include "exporter/cli/command.h"
#include "exporter/config/config.h"
#include "exporter/config/web.h"
#include "exporter/offsite/preflight.h"

namespace warden::cli {
namespace {

// rclone is asked for what it knows, not for what is there.
constexpr Seconds kToolsTimeout{20};

struct Flags {
  std::string file;
  std::string web_file;
};

// One line per error, each with its place: fit for editors.
bool Passes(Console& console, const Status& checked) {
  if (!checked.ok()) console.err << checked.message() << "\n";
  return checked.ok();
}

int RunCheckConfig(Console& console, const Flags& flags) {
  const auto config = config::Load(flags.file);
  bool passed = Passes(console, config.status());
  if (config.ok()) {
    const Deadline deadline{.at = SystemClock().Steady() + kToolsTimeout, .stop = {}};
    for (const std::string& each : offsite::FindObstacles((*config)->clusters, deadline)) {
      console.err << flags.file << ": " << each << "\n";
      passed = false;
    }
  }
  if (config.ok() && passed) {
    const std::size_t clusters = (*config)->clusters.size();
    console.out << flags.file << ": ok, " << clusters << " cluster" << (clusters == 1 ? "" : "s")
                << "\n";
  }
  if (!flags.web_file.empty()) {
    const bool web_passed = Passes(console, config::CheckWebConfig(flags.web_file));
    if (web_passed) console.out << flags.web_file << ": ok\n";
    passed = passed && web_passed;
  }
  return passed ? kSuccess : kUsage;
}

}  // namespace

Run DeclareCheckConfig(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("file", flags->file, "The configuration file")->required()->type_name("FILE");
  app.add_option("--web.config.file", flags->web_file,
                 "Also check this web configuration file, which `serve` takes with the same flag")
      ->type_name("FILE");
  return [flags](Console& console) { return RunCheckConfig(console, *flags); };
}

}  // namespace warden::cli
