#include "exporter/app/serve.h"

#include <memory>

#include "exporter/base/log.h"
#include "exporter/cli/command.h"
#include "exporter/cli/output.h"

namespace warden::cli {
namespace {

struct Flags {
  std::string config_file;
  std::vector<std::string> listen_addresses = {":12379"};
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

int RunServe(Console& console, const Flags& flags) {
  const auto level = ParseLogLevel(flags.log_level);
  if (!level.ok()) return Fail(console, kUsage, level.error().WithContext("--log.level"));
  const auto format = ParseLogFormat(flags.log_format);
  if (!format.ok()) return Fail(console, kUsage, format.error().WithContext("--log.format"));
  auto config = config::Load(flags.config_file);
  if (!config.ok()) return Fail(console, kUsage, config.error());
  const auto log = MakeStderrLogger(*level, *format);
  const SystemClock clock;
  PosixFiles files;
  const Status served = app::Serve(*std::move(config), {.listen_addresses = flags.listen_addresses},
                                   {.files = files, .clock = clock, .log = *log});
  return served.ok() ? kSuccess : Fail(console, kUsage, served);
}

}  // namespace

Run DeclareServe(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--config.file", flags->config_file, "The configuration file")->required();
  app.add_option("--web.listen-address", flags->listen_addresses,
                 "Address to serve on, host:port or :port; may be given several times")
      ->capture_default_str();
  app.add_option("--log.level", flags->log_level, "debug, info, warn or error")
      ->capture_default_str();
  app.add_option("--log.format", flags->log_format, "logfmt or json")->capture_default_str();
  return [flags](Console& console) { return RunServe(console, *flags); };
}

}  // namespace warden::cli
