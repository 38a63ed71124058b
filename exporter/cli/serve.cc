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
  std::string web_config_file;
  std::string external_url;
  std::string route_prefix;
  bool health_without_auth = false;
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

int RunServe(Console& console, const Flags& flags) {
  const auto level = ParseLogLevel(flags.log_level);
  if (!level.ok()) return Fail(console, kUsage, level.error().WithContext("--log.level"));
  const auto format = ParseLogFormat(flags.log_format);
  if (!format.ok()) return Fail(console, kUsage, format.error().WithContext("--log.format"));
  Result<app::PublicAddress> address =
      app::MakePublicAddress(flags.route_prefix, flags.external_url);
  if (!address.ok()) return Fail(console, kUsage, address.error());
  const auto log = MakeStderrLogger(*level, *format);
  const SystemClock clock;
  PosixFiles files;
  const app::ServeOptions options{
      .http = {.listen_addresses = flags.listen_addresses,
               .web_config_file = flags.web_config_file},
      .routes = {.address = *std::move(address), .health_without_auth = flags.health_without_auth}};
  const Status served =
      app::Serve(flags.config_file, options, {.files = files, .clock = clock, .log = *log});
  return served.ok() ? kSuccess : Fail(console, kUsage, served);
}

}  // namespace

Run DeclareServe(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--config.file", flags->config_file, "The configuration file")->required();
  app.add_option("--web.listen-address", flags->listen_addresses,
                 "Address to serve on, host:port or :port; may be given several times")
      ->capture_default_str();
  app.add_option(
         "--web.config.file", flags->web_config_file,
         "File with TLS and users for the listeners, in the format of Prometheus' exporters")
      ->type_name("FILE");
  app.add_option("--web.external-url", flags->external_url,
                 "URL under which others reach this program, if a proxy stands before it")
      ->type_name("URL");
  app.add_option("--web.route-prefix", flags->route_prefix,
                 "Path below which everything is served; the path of --web.external-url if not "
                 "given, / for none")
      ->type_name("PATH");
  app.add_flag("--web.health-without-auth", flags->health_without_auth,
               "Let /-/healthy and /-/ready answer without a user of --web.config.file; a client "
               "certificate that it requires is still needed");
  app.add_option("--log.level", flags->log_level, "debug, info, warn or error")
      ->capture_default_str();
  app.add_option("--log.format", flags->log_format, "logfmt or json")->capture_default_str();
  return [flags](Console& console) { return RunServe(console, *flags); };
}

}  // namespace warden::cli
