#include "exporter/config/web.h"

#include <charconv>

#include "exporter/base/files.h"
#include "exporter/base/text.h"
#include "exporter/config/web_fields.h"
#include "exporter/config/web_tls.h"

namespace warden::config {
namespace {

constexpr std::int64_t kIntervalSecondsMax = 3600;
constexpr int kBurstMax = 1'000'000;
// Each step doubles the time: 16 takes seconds, 31 days, and meanwhile others cannot log in.
constexpr int kBcryptCostMax = 16;

// http_server_config

using Headers = std::map<std::string, std::string>;

// `allowed` lists the only values there are, with ", " between; empty: any.
void ReadHeader(Reading& reading, const TreeNode& node, std::string_view allowed,
                Headers& headers) {
  auto value = ReadOptionalText(reading, node);
  if (!value || value->empty()) return;
  bool is_allowed = allowed.empty();
  for (const std::string_view each : Split(allowed, ',')) is_allowed |= Trim(each) == *value;
  if (is_allowed) {
    headers[node.key] = *std::move(value);
  } else {
    reading.Fail(node, Quoted(*value) + " is not possible here; want " + std::string(allowed));
  }
}

void ReadAnyHeader(Reading& reading, const TreeNode& node, Headers& headers) {
  ReadHeader(reading, node, "", headers);
}

constexpr Field<Headers> kHeaderFields[] = {
    {"Content-Security-Policy", false, ReadAnyHeader},
    {"Strict-Transport-Security", false, ReadAnyHeader},
    {"X-XSS-Protection", false, ReadAnyHeader},
    {"X-Content-Type-Options", false,
     [](Reading& r, const TreeNode& n, Headers& h) { ReadHeader(r, n, "nosniff", h); }},
    {"X-Frame-Options", false,
     [](Reading& r, const TreeNode& n, Headers& h) { ReadHeader(r, n, "deny, sameorigin", h); }},
};

constexpr Field<WebConfig> kHttpFields[] = {
    // Accepted for the sake of existing files: HTTP/1.1 is what every scraper falls back to.
    {"http2", false,
     [](Reading& r, const TreeNode& n, WebConfig& /*config*/) { ReadGoBool(r, n); }},
    {"headers", false,
     [](Reading& r, const TreeNode& n, WebConfig& config) {
       ReadOptionalMapping(r, n, kHeaderFields, config.headers);
     }},
};

// basic_auth_users

constexpr std::string_view kBcryptAlphabet =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// The cost of "$2y$10$" and 53 characters of salt and hash, see crypt(5); nullopt for other text.
std::optional<int> BcryptCost(std::string_view text) {
  constexpr std::size_t kBytes = 60;
  if (text.size() != kBytes || !text.starts_with("$2") || text[3] != '$' || text[6] != '$' ||
      std::string_view("abxy").find(text[2]) == std::string_view::npos) {
    return std::nullopt;
  }
  int cost = 0;
  const auto [end, error] = std::from_chars(text.data() + 4, text.data() + 6, cost);
  const bool sound = error == std::errc() && end == text.data() + 6 && cost >= 4 && cost <= 31 &&
                     text.find_first_not_of(kBcryptAlphabet, 7) == std::string_view::npos;
  return sound ? std::optional(cost) : std::nullopt;
}

void ReadUsers(Reading& reading, const TreeNode& node, WebConfig& config) {
  if (node.kind == Kind::kNothing || !Expect(reading, node, Kind::kMapping)) return;
  for (const TreeNode& child : node.children) {
    const std::optional<int> cost =
        child.kind == Kind::kText ? BcryptCost(child.text) : std::nullopt;
    // The path of the key would show it.
    if (child.key.starts_with("$2")) {
      reading.problems.Add(child.key_at, PathOf(node), "a user is written as name: hash");
    } else if (child.key.find(':') != std::string::npos) {
      reading.problems.Add(child.key_at, PathOf(child),
                           "no browser can send a user name with a colon in it");
    } else if (!cost) {
      reading.Fail(child, "is no bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'");
    } else if (*cost > kBcryptCostMax) {
      reading.Fail(child, "has bcrypt cost " + std::to_string(*cost) +
                              ", which takes longer than a scrape; use 10 to 12");
    } else {
      config.users.emplace(child.key, child.text);
    }
  }
}

// rate_limit

// As Go's time.ParseDuration, without a sign: "1s", "1.5h", "1m30s", "250us". Up to an hour.
std::optional<Nanoseconds> ParseGoDuration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
      {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9},
  };
  if (text == "0") return Nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + length, number, std::chars_format::fixed);
    if (error != std::errc() || end != text.data() + length) return std::nullopt;
    text.remove_prefix(length);
    const std::string_view name =
        text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
    const auto* unit = std::ranges::find(kUnits, name, &std::pair<std::string_view, double>::first);
    if (unit == std::end(kUnits)) return std::nullopt;
    total += number * unit->second;
    if (total > static_cast<double>(kIntervalSecondsMax) * 1e9) return std::nullopt;
    text.remove_prefix(name.size());
  }
  return Nanoseconds(static_cast<std::int64_t>(total));
}

constexpr Field<RateLimit> kRateFields[] = {
    {"interval", false,
     [](Reading& r, const TreeNode& n, RateLimit& limit) {
       const auto text = ReadText(r, n);
       if (!text) return;
       if (const auto interval = ParseGoDuration(*text)) {
         limit.interval = *interval;
       } else {
         r.Fail(n, Quoted(*text) + " is no duration up to 1h, such as 1s, 250ms or 1m30s");
       }
     }},
    {"burst", false,
     [](Reading& r, const TreeNode& n, RateLimit& limit) {
       const auto text = ReadText(r, n);
       if (!text) return;
       const char* const end = text->data() + text->size();
       const auto [parsed, error] = std::from_chars(text->data(), end, limit.burst);
       if (error == std::errc() && parsed == end && limit.burst >= 0 && limit.burst <= kBurstMax) {
         return;
       }
       r.Fail(n, Quoted(*text) + " is no number from 0 to " + std::to_string(kBurstMax));
     }},
};

void ReadRateLimit(Reading& reading, const TreeNode& node, WebConfig& config) {
  RateLimit& limit = config.rate_limit;
  limit.burst = 0;
  ReadOptionalMapping(reading, node, kRateFields, limit);
  if (limit.interval > Nanoseconds(0) && limit.burst == 0) {
    reading.problems.Add(node.at, PathOf(node, "burst"),
                         "must be at least 1, or no request would ever pass");
  }
}

constexpr Field<WebConfig> kTopFields[] = {
    {"tls_server_config", false, ReadWebTls},
    {"http_server_config", false,
     [](Reading& r, const TreeNode& n, WebConfig& config) {
       ReadOptionalMapping(r, n, kHttpFields, config);
     }},
    {"basic_auth_users", false, ReadUsers},
    {"rate_limit", false, ReadRateLimit},
};

bool HoldsNothing(std::string_view text) {
  for (const std::string_view line : Split(text, '\n')) {
    const std::string_view content = Trim(line);
    if (!content.empty() && !content.starts_with('#')) return false;
  }
  return true;
}

Result<WebConfig> ReadWebConfig(const std::filesystem::path& file, std::string_view text,
                                bool check_files) {
  WebConfig config;
  config.files.push_back(file);
  if (HoldsNothing(text)) return config;
  std::error_code ignored;  // leaves a relative directory if there is no current one
  Reading reading{std::filesystem::absolute(file, ignored).parent_path(), check_files, {}};
  const auto root = ReadYaml(text, reading.problems);
  if (root != nullptr) ReadOptionalMapping(reading, *root, kTopFields, config);
  WARDEN_RETURN_IF_ERROR(reading.problems.ToStatus(file.string()));
  return config;
}

}  // namespace

std::vector<std::string> KnownWebKeys() {
  std::vector<std::string> keys;
  const auto append = [&](const std::string& parent, std::string_view key) {
    keys.push_back(parent + std::string(key));
  };
  for (const auto& field : kTopFields) append("", field.key);
  for (const std::string_view key : WebTlsKeys()) append("tls_server_config.", key);
  for (const auto& field : kHttpFields) append("http_server_config.", field.key);
  for (const auto& field : kHeaderFields) append("http_server_config.headers.", field.key);
  for (const auto& field : kRateFields) append("rate_limit.", field.key);
  return keys;
}

Result<WebConfig> LoadWebConfig(const std::filesystem::path& file) {
  WARDEN_ASSIGN_OR_RETURN(const std::string text, PosixFiles().ReadAll(file, kFileBytesMax));
  return ReadWebConfig(file, text, /*check_files=*/true);
}

Status CheckWebConfig(const std::filesystem::path& file) {
  return LoadWebConfig(file).status();
}

Status CheckWebConfigText(const std::filesystem::path& file, std::string_view text) {
  return ReadWebConfig(file, text, /*check_files=*/false).status();
}

}  // namespace warden::config
