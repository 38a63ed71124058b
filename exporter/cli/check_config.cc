#include <memory>
#include <ostream>

#include "exporter/cli/command.h"
#include "exporter/config/config.h"

namespace warden::cli {

Run DeclareCheckConfig(CLI::App& app) {
  auto file = std::make_shared<std::string>();
  app.add_option("file", *file, "The configuration file")->required()->type_name("FILE");
  return [file](Console& console) {
    const auto config = config::Load(*file);
    if (!config.ok()) {
      // One line per error, each with its place: fit for editors.
      console.err << config.error().message() << "\n";
      return kUsage;
    }
    console.out << *file << ": ok, " << (*config)->clusters.size() << " cluster"
                << ((*config)->clusters.size() == 1 ? "" : "s") << "\n";
    return kSuccess;
  };
}

}  // namespace warden::cli
