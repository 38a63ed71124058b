#include "exporter/config/loader.h"

#include "exporter/base/files.h"
#include "exporter/base/text.h"
#include "exporter/config/sections.h"
#include "exporter/config/shown.h"

namespace warden::config {
namespace {

// Of the HTTP server's threads a few stay free for health, reload and the webhook.
constexpr int kScrapesMax = 50;

// scrape

constexpr Field<ScrapeConfig> kScrapeFields[] = {
    {"timeout", false,
     [](Reading& reading, const TreeNode& node, ScrapeConfig& scrape) {
       const auto timeout = ReadDuration(reading, node);
       if (timeout == Milliseconds(0)) {
         reading.Fail(node, "must be greater than zero");
       } else if (timeout) {
         scrape.timeout = *timeout;
       }
     }},
    {"timeout_offset", false,
     [](Reading& reading, const TreeNode& node, ScrapeConfig& scrape) {
       if (const auto offset = ReadDuration(reading, node)) scrape.timeout_offset = *offset;
     }},
    {"max_concurrent", false,
     [](Reading& reading, const TreeNode& node, ScrapeConfig& scrape) {
       if (const auto most = ReadNumber(reading, node, 1, kScrapesMax)) {
         scrape.max_concurrent = *most;
       }
     }},
};

void ReadScrape(Reading& reading, const TreeNode& node, Config& config) {
  ReadMapping(reading, node, kScrapeFields, config.scrape);
  if (config.scrape.timeout_offset < config.scrape.timeout) return;
  const TreeNode* offset = node.Find("timeout_offset");
  const TreeNode* timeout = node.Find("timeout");
  const TreeNode* culprit = offset != nullptr ? offset : timeout;
  reading.Fail(culprit == nullptr ? node : *culprit,
               "timeout_offset (" + FormatDuration(config.scrape.timeout_offset) +
                   ") must be smaller than timeout (" + FormatDuration(config.scrape.timeout) +
                   ")");
}

// api

constexpr Field<ApiConfig> kApiFields[] = {
    {"bearer_token_file", true,
     [](Reading& reading, const TreeNode& node, ApiConfig& api) {
       ReadSecretInto(reading, node, api.bearer_token);
     }},
};

void ReadApi(Reading& reading, const TreeNode& node, Config& config) {
  config.api = ApiConfig{.bearer_token = Secret::Literal({})};
  ReadMapping(reading, node, kApiFields, *config.api);
}

// top level

constexpr Field<Config> kTopFields[] = {
    {"clusters", true, ReadClusters}, {"scrape", false, ReadScrape}, {"probe", false, ReadProbe},
    {"webhook", false, ReadWebhook},  {"api", false, ReadApi},
};

Config ReadConfig(Reading& reading, const TreeNode& root) {
  Config config;
  ReadMapping(reading, root, kTopFields, config);
  const TreeNode* webhook = root.Find("webhook");
  const bool stores =
      std::any_of(config.clusters.begin(), config.clusters.end(),
                  [](const ClusterConfig& each) { return each.backup.has_value(); });
  if (webhook != nullptr && !config.clusters.empty() && !stores) {
    reading.problems.Add(webhook->key_at, PathOf(*webhook),
                         "could not store a snapshot, for no cluster has a backup directory");
  }
  return config;
}

}  // namespace

Reading Loader::MakeReading(bool check_files) const {
  std::error_code ignored;  // leaves an empty, hence relative, directory if there is no current one
  return {std::filesystem::absolute(file_, ignored).parent_path(), check_files, {}};
}

Result<ValidConfig> Loader::Load() const {
  WARDEN_ASSIGN_OR_RETURN(std::string text, PosixFiles().ReadAll(file_, kFileBytesMax));
  Reading reading = MakeReading(true);
  Config config;
  const std::unique_ptr<const TreeNode> root = ReadYaml(text, reading.problems);
  if (root != nullptr) config = ReadConfig(reading, *root);
  WARDEN_RETURN_IF_ERROR(reading.problems.ToStatus(file_.string()));
  return ValidConfig(std::move(config), std::move(text), ShowYaml(*root));
}

Status Loader::CheckText(std::string_view text) const {
  Reading reading = MakeReading(false);
  const std::unique_ptr<const TreeNode> root = ReadYaml(text, reading.problems);
  if (root != nullptr) ReadConfig(reading, *root);
  return reading.problems.ToStatus(file_.string());
}

std::vector<std::string> KnownKeys() {
  std::vector<std::string> keys;
  AppendKeys(keys, "", kTopFields);
  AppendClusterKeys(keys);
  AppendKeys(keys, "scrape.", kScrapeFields);
  AppendProbeKeys(keys);
  AppendWebhookKeys(keys);
  AppendKeys(keys, "api.", kApiFields);
  return keys;
}

Result<ValidConfig> Load(const std::filesystem::path& file) {
  return Loader(file).Load();
}

}  // namespace warden::config
