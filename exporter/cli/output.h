// How results look: a table for people, JSON for programs.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "exporter/base/json.h"
#include "exporter/base/result.h"
#include "exporter/cli/command.h"

namespace warden::cli {

enum class Format { kTable, kJson };

// The flag -w, --write-out.
class FormatFlag {
 public:
  void Declare(CLI::App& app);
  Format format() const { return text_ == "json" ? Format::kJson : Format::kTable; }

 private:
  std::string text_ = "table";
};

using Row = std::vector<std::string>;

// The table as etcdctl draws its own, with a line under the header; control characters in cells are
// replaced.
std::string FormatTable(const Row& header, const std::vector<Row>& rows);

// Prints `json`, an array of plain objects, or the table.
void Print(Console& console, Format format, const Row& header, const std::vector<Row>& rows,
           const Json& json);

// "etcd-warden: message" on the error stream; returns `exit_code`.
int Fail(Console& console, int exit_code, const Status& status);

}  // namespace warden::cli
