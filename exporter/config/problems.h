// What is wrong with a configuration file, and where; collected so that one run shows everything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"

namespace warden::config {

// Of a character in a file; both count from 1.
struct Position {
  int line = 1;
  int column = 1;
};

struct Problem {
  Position at;
  std::string path;  // "clusters[0].endpoints[1]"
  std::string what;  // never the content of a secret
};

class Problems {
 public:
  void Add(Position at, std::string path, std::string what) {
    list_.push_back({at, std::move(path), std::move(what)});
  }
  bool empty() const { return list_.empty(); }

  // Success if there are none, else kInvalidArgument: one line "file:line:column: path: what" for
  // each in the order of the file, at most kLinesMax of them.
  Status ToStatus(std::string_view file) const;
  static constexpr std::size_t kLinesMax = 100;

 private:
  std::vector<Problem> list_;
};

// The one of `known` that a mistyped `word` most likely meant, or "" if none is near.
std::string_view NearestWord(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace warden::config
