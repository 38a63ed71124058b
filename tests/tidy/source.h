// One C++ file as the rules of the house look at it: its lines, taken apart into code and comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace warden::tidy {

struct Line {
  std::string text;     // as written
  std::string code;     // without comments; literals are emptied to "" and ''
  std::string comment;  // what stands in comments
};

struct Source {
  std::string path;  // from the repository root, as "exporter/base/text.cc"
  std::vector<Line> lines;
};

struct Include {
  int line = 0;
  std::string path;
  bool quoted = false;  // "x", not <x>
};

// From the line its signature starts on to the line of its closing brace, both counted from 1.
struct Function {
  int first = 0;
  int last = 0;
};

// Knows comments, literals, raw strings and digit separators; everything else of C++ is text to it.
Source ParseSource(std::string path, std::string_view text);

std::vector<Include> FindIncludes(const Source& source);

// By the braces alone: what follows a `)` in a namespace or a class is a body. Lambdas and nested
// blocks count for the function that they stand in.
std::vector<Function> FindFunctions(const Source& source);

}  // namespace warden::tidy
