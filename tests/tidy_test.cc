// Holds the tree to the rules of the house. The rules are code in tests/tidy/, their data is here.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>

#include "tests/tidy/rules.h"

namespace warden::tidy {
namespace {

namespace fs = std::filesystem;

constexpr Limits kLimits{
    .columns = 100, .header_lines = 150, .source_lines = 400, .function_lines = 70};

// A file includes its own folder and folders to its left: see exporter/README.md.
constexpr std::array<std::string_view, 17> kOrder = {
    "base",     "proto",  "config",  "etcd",    "bbolt",   "mvcc", "http", "metrics", "collector",
    "snapshot", "backup", "offsite", "webhook", "restore", "app",  "cli",  "main.cc"};

// Spellings with one home in the program; tests are free to use them.
const std::vector<Ban> kProgramBans = {
    {.what = "reading the machine's clock",
     .pattern = R"(system_clock::now|\b(clock_)?gettime(ofday)?\(|(^|[^\w.>:]|std::)time\()",
     .example = "const auto now = std::chrono::system_clock::now();",
     .homes = {"exporter/base/clock.cc"}},
    {.what = "a standard stream",
     .pattern = R"(std::(cout|cerr|clog)\b|\bf?printf\()",
     .example = "std::cerr << text;",
     .homes = {"exporter/main.cc"}},
    {.what = "catching exceptions",
     .pattern = R"(\bcatch \()",
     .example = "} catch (...) {",
     // Around http/tls.cc are the frames of a C library.
     .homes = {"exporter/config/yaml.cc", "exporter/http/service.cc", "exporter/http/tls.cc",
               "exporter/main.cc"}},
    {.what = "the environment",
     .pattern = R"(\b(secure_)?getenv\b|\bsetenv\b|\benviron\b)",
     .example = "const char* home = std::getenv(name);",
     .homes = {"exporter/base/environment.cc"}},
    {.what = "starting a program",
     .pattern = R"(\b(posix_spawnp?|v?fork|exec[lv]p?e?)\()",
     .example = "const pid_t child = fork();",
     .homes = {"exporter/base/process.cc"}},
    {.what = "raw new (a factory for a private constructor says so: `// NOLINT: why`)",
     .pattern = R"(\bnew [\w:(])",
     .example = "auto* thing = new Thing(1);",
     .excuse = R"(NOLINT: \w+)"},
    {.what = "raw delete", .pattern = R"((^|[^=] )\bdelete\b[ \[])", .example = "  delete thing;"},
    {.what = "gRPC",
     .pattern = R"(\bgrpc::|<grpc(pp)?/)",
     .example = "grpc::ClientContext context;",
     .homes = {"exporter/etcd/"}},
    {.what = "civetweb",
     .pattern = R"(\bmg_|<civetweb)",
     .example = "mg_stop(context);",
     .homes = {"exporter/http/"}},
    {.what = "yaml-cpp",
     .pattern = R"(\bYAML::|<yaml-cpp/)",
     .example = "#include <yaml-cpp/parser.h>",
     .homes = {"exporter/config/yaml.cc"}},
    {.what = "nlohmann_json",
     .pattern = R"(\bnlohmann\b)",
     .example = "#include <nlohmann/json.hpp>",
     .homes = {"exporter/base/json.h", "exporter/base/json.cc"}},
    {.what = "RE2",
     .pattern = R"(\bRE2::|<re2/)",
     .example = "#include <re2/re2.h>",
     .homes = {"exporter/config/matcher.cc"}},
    {.what = "prometheus-cpp",
     .pattern = R"(\bprometheus::|<prometheus/)",
     .example = "prometheus::Registry registry;",
     .homes = {"exporter/metrics/"}},
    {.what = "CLI11",
     .pattern = R"(\bCLI::|<CLI/)",
     .example = "CLI::App app;",
     .homes = {"exporter/cli/", "exporter/main.cc"}},
    {.what = "spdlog",
     .pattern = R"(\bspdlog\b)",
     .example = "spdlog::info(text);",
     .homes = {"exporter/base/log.cc"}},
    {.what = "OpenSSL",
     .pattern = R"(<openssl/)",
     .example = "#include <openssl/evp.h>",
     .homes = {"exporter/base/x509.h", "exporter/base/x509.cc", "exporter/http/",
               "exporter/offsite/", "exporter/restore/", "exporter/snapshot/"}},
    {.what = "POSIX calls",
     .pattern = R"(<(unistd|fcntl|dirent|poll|netdb|pthread|sys/\w+|netinet/\w+)\.h>)",
     .example = "#include <sys/stat.h>",
     .homes = {"exporter/base/", "exporter/http/"}},
    {.what = "ISA-L",
     .pattern = R"(<isa-l/|\bcrc32_iscsi\b)",
     .example = "#include <isa-l/crc.h>",
     .homes = {"exporter/base/crc32c.cc"}},
    {.what = "xxHash",
     .pattern = R"(<xxhash\.h>|\bXXH)",
     .example = "#include <xxhash.h>",
     .homes = {"exporter/mvcc/key_table.cc"}},
    {.what = "signals",
     .pattern = R"(<(csignal|signal\.h)>)",
     .example = "#include <csignal>",
     .homes = {"exporter/app/serve.cc", "exporter/base/interruption.cc",
               "exporter/base/process.cc"}},
    {.what = "zstd",
     .pattern = R"(<zstd(_errors)?\.h>|\bZSTD_)",
     .example = "#include <zstd.h>",
     .homes = {"exporter/offsite/"}},
};

// Spellings that have no home at all.
const std::vector<Ban> kBans = {
    {.what = "a detached thread", .pattern = R"(\bdetach\()", .example = "thread.detach();"},
    {.what = "a shell",
     .pattern = R"((^|[^\w.>])(system|popen)\()",
     .example = "std::system(command);"},
    {.what = "a disabled test", .pattern = R"(\bDISABLED_)", .example = "TEST(X, DISABLED_Y) {"},
    {.what = "a marker of unfinished work",
     .pattern = R"(\b(FIXME|XXX|HACK)\b)",
     .example = "// FIXME",
     .in_comments = true},
    {.what = "a marker that does not say of what kind it is: TODO(kind): what",
     .pattern = R"(\bTODO\b($|[^(]|\(\)|\([^)]+\)($|[^:])))",
     .example = "// TODO later",
     .in_comments = true},
};

const fs::path& Root() {
  static const fs::path root = WARDEN_SOURCE_DIR;
  return root;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(Root() / path, std::ios::binary);
  if (!file) ADD_FAILURE() << path << ": cannot be read";
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every file of the repository, from its root; what is built and git's own data are not part of it.
std::set<std::string> AllPaths() {
  std::set<std::string> paths;
  for (auto entry = fs::recursive_directory_iterator(Root()); entry != end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry.depth() == 0 && (name == "build" || name == ".git")) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && name != ".git") {
      paths.insert(entry->path().lexically_relative(Root()).string());
    }
  }
  return paths;
}

bool IsCxx(const std::string& path) {
  return path.ends_with(".cc") || path.ends_with(".h");
}

std::vector<Source> Sources(const std::string& folder) {
  std::vector<Source> sources;
  for (const std::string& path : AllPaths()) {
    if (path.starts_with(folder) && IsCxx(path)) {
      sources.push_back(ParseSource(path, ReadFile(path)));
    }
  }
  EXPECT_FALSE(sources.empty()) << folder << ": no sources in " << Root();
  return sources;
}

std::vector<Source> AllSources() {
  std::vector<Source> all = Sources("exporter/");
  std::ranges::move(Sources("tests/"), std::back_inserter(all));
  return all;
}

void Report(const Findings& findings) {
  for (const Finding& finding : findings) ADD_FAILURE() << finding;
}

TEST(Tidy, FilesLinesAndFunctionsAreShort) {
  for (const Source& source : AllSources()) Report(CheckSizes(source, kLimits));
}

TEST(Tidy, ModulesIncludeOnlyWhatStandsToTheirLeft) {
  for (const Source& source : Sources("exporter/")) Report(CheckOrder(source, kOrder));
  for (const auto& entry : fs::directory_iterator(Root() / "exporter")) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory()) continue;
    EXPECT_TRUE(std::ranges::count(kOrder, name)) << "exporter/" << name << ":1: not in the order";
  }
}

TEST(Tidy, IncludesStartAtTheRootAndTheOwnHeaderIsFirst) {
  const std::set<std::string> paths = AllPaths();
  for (const Source& source : AllSources()) Report(CheckIncludes(source, paths));
}

TEST(Tidy, EverySpellingStaysInItsHome) {
  for (const Source& source : Sources("exporter/")) Report(CheckBans(source, kProgramBans));
  for (const Source& source : AllSources()) Report(CheckBans(source, kBans));
}

TEST(Tidy, EveryBanFindsItsExampleOutsideItsHomeOnly) {
  std::vector<Ban> bans = kProgramBans;
  bans.insert(bans.end(), kBans.begin(), kBans.end());
  for (const Ban& ban : bans) {
    SCOPED_TRACE(ban.what);
    const std::string example(ban.example);
    EXPECT_EQ(CheckBans(ParseSource("exporter/x/y.cc", example), {&ban, 1}).size(), 1U);
    for (const std::string_view home : ban.homes) {
      const bool is_file = !home.ends_with('/');
      EXPECT_TRUE(fs::exists(Root() / home)) << home;
      const std::string path = std::string(home) + (is_file ? "" : "y.cc");
      EXPECT_TRUE(CheckBans(ParseSource(path, example), {&ban, 1}).empty()) << path;
    }
  }
}

TEST(Tidy, TheArchitecturePageListsEveryModuleInOrder) {
  const std::string page = ReadFile("exporter/README.md");
  std::size_t before = 0;
  for (const std::string_view module : kOrder) {
    if (!fs::is_directory(Root() / "exporter" / module)) continue;
    const std::size_t row = page.find("\n| `" + std::string(module) + "/` |");
    ASSERT_NE(row, std::string::npos)
        << "exporter/README.md:1: the table of modules lacks `" << module << "/`";
    EXPECT_LT(before, row) << "exporter/README.md:1: `" << module << "/` stands out of order";
    before = row;
  }
}

TEST(Tidy, EverySourceIsBuilt) {
  const std::set<std::string> paths = AllPaths();
  std::set<std::string> built;
  for (const std::string& path : paths) {
    if (fs::path(path).filename() != "CMakeLists.txt") continue;
    for (const std::string& source : ListedSources(ReadFile(path))) {
      built.insert((fs::path(path).parent_path() / source).lexically_normal().string());
    }
  }
  for (const std::string& path : paths) {
    const bool source = path.ends_with(".cc") || path.ends_with(".proto");
    const bool ours = path.starts_with("exporter/") || path.starts_with("tests/");
    if (!source || !ours) continue;
    EXPECT_TRUE(built.contains(path)) << path << ":1: no CMakeLists.txt lists it";
  }
}

TEST(Tidy, TheChangelogNamesTheKindOfEveryEntry) {
  Report(CheckChangelog("CHANGELOG.md", ReadFile("CHANGELOG.md")));
}

TEST(Tidy, NoFileIsHuge) {
  constexpr std::uintmax_t kBytesMax = 512UL * 1024;
  for (const std::string& path : AllPaths()) {
    EXPECT_LE(fs::file_size(Root() / path), kBytesMax) << path << ":1: too many bytes";
  }
}

TEST(Tidy, NoFileNamesTheMachineItWasWrittenOn) {
  // In two parts, so that this file passes too.
  for (const std::string& path : AllPaths()) {
    const std::string text = ReadFile(path);
    Report(CheckWord(path, text,
                     "/work"
                     "/"));
    Report(CheckWord(path, text,
                     ".lib"
                     "rary"));
  }
}

}  // namespace
}  // namespace warden::tidy
