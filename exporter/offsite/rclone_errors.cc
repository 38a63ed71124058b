#include "exporter/offsite/rclone_errors.h"

#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/text.h"

namespace warden::offsite {
namespace {

// Whether it begins as rclone's log lines do: "2026/11/23 10:15:00 ".
bool HasDate(std::string_view line) {
  constexpr std::string_view kShape = "dddd/dd/dd dd:dd:dd ";
  if (line.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = line[i] >= '0' && line[i] <= '9';
    if (kShape[i] == 'd' ? !digit : line[i] != kShape[i]) return false;
  }
  return true;
}

// The last thing that rclone says, which is why it failed: the text of its last log line and of the
// lines that belong to it.
std::string LastWords(std::string_view errors) {
  constexpr std::size_t kDateBytes = 20;
  std::vector<std::string> words;
  for (std::string_view line : Split(errors, '\n')) {
    if (HasDate(line)) {
      words.clear();
      line.remove_prefix(kDateBytes);
    }
    if (!Trim(line).empty()) words.emplace_back(Trim(line));
  }
  std::string text = Join(words, ", ");
  // "Failed to lsjson with 2 errors: last error was: directory not found"
  constexpr std::string_view kLast = "last error was: ";
  if (const std::size_t at = text.find(kLast); at != std::string::npos) {
    text.erase(0, at + kLast.size());
  }
  return ToSingleLine(text);
}

// rclone tells apart little by its exit code, and not always; its words come from many libraries.
Code CodeOf(int exit_code, std::string_view words) {
  struct Sign {
    std::string_view words;
    Code code;
  };
  // The first that is found counts.
  constexpr Sign kSigns[] = {
      {"didn't find section in config file", Code::kNotFound},
      {"no space left", Code::kResourceExhausted},
      {"remaining disk space", Code::kResourceExhausted},
      {"quota exceeded", Code::kResourceExhausted},
      {"insufficient storage", Code::kResourceExhausted},
      {"unauthorized", Code::kUnauthenticated},
      {"unable to authenticate", Code::kUnauthenticated},
      {"invalidaccesskeyid", Code::kUnauthenticated},
      {"signaturedoesnotmatch", Code::kUnauthenticated},
      {"expiredtoken", Code::kUnauthenticated},
      {"status code: 401", Code::kUnauthenticated},
      {"accessdenied", Code::kPermissionDenied},
      {"forbidden", Code::kPermissionDenied},
      {"permission denied", Code::kPermissionDenied},
      {"read-only file system", Code::kPermissionDenied},
      {"status code: 403", Code::kPermissionDenied},
      {"connection refused", Code::kUnavailable},
      {"connection reset", Code::kUnavailable},
      {"no such host", Code::kUnavailable},
      {"no route to host", Code::kUnavailable},
      {"unreachable", Code::kUnavailable},
      {"timeout", Code::kUnavailable},
      {"timed out", Code::kUnavailable},
      {"deadline exceeded", Code::kUnavailable},
      {"server misbehaving", Code::kUnavailable},
      {"slowdown", Code::kUnavailable},
      {"service unavailable", Code::kUnavailable},
      {"status code: 5", Code::kUnavailable},
      {"directory not found", Code::kNotFound},
      {"object not found", Code::kNotFound},
      {"is a directory or doesn't exist", Code::kNotFound},
      {"no such file or directory", Code::kNotFound},
      {"nosuchbucket", Code::kNotFound},
      {"status code: 404", Code::kNotFound},
  };
  const std::string lower = ToLower(words);
  for (const Sign& sign : kSigns) {
    if (lower.find(sign.words) != std::string::npos) return sign.code;
  }
  // rclone's own: 3 and 4 are directory and file not found, 5 is worth another try.
  if (exit_code == 3 || exit_code == 4) return Code::kNotFound;
  return exit_code == 5 ? Code::kUnavailable : Code::kUnknown;
}

}  // namespace

Status StatusOf(const Ended& ended) {
  if (ended.succeeded()) return {};
  const std::string words = LastWords(ended.errors);
  if (ended.signal != 0 || words.empty()) return ended.ToStatus();
  return {CodeOf(ended.exit_code, words), "rclone: " + words};
}

}  // namespace warden::offsite
