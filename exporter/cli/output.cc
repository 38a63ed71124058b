#include "exporter/cli/output.h"

#include <algorithm>
#include <ostream>

#include "exporter/base/text.h"

namespace warden::cli {
namespace {

// Code points, which is what most cells have for columns.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Line(const std::vector<std::size_t>& widths) {
  std::string line = "+";
  for (const std::size_t width : widths) line += std::string(width + 2, '-') + "+";
  return line + "\n";
}

std::string Cells(const Row& row, const std::vector<std::size_t>& widths) {
  std::string line = "|";
  for (std::size_t i = 0; i < widths.size(); ++i) {
    line += " " + row[i] + std::string(widths[i] - Width(row[i]), ' ') + " |";
  }
  return line + "\n";
}

// Like etcdctl, "-w=json" is "-w json".
std::string WithoutEqualsSign(const std::string& text) {
  return text.starts_with('=') ? text.substr(1) : text;
}

}  // namespace

void FormatFlag::Declare(CLI::App& app) {
  app.add_option("-w,--write-out", text_, "Output format: table or json")
      ->check([](const std::string& text) {
        return text == "table" || text == "json" ? std::string()
                                                 : "\"" + text + "\" is neither table nor json";
      })
      ->transform(WithoutEqualsSign)
      ->capture_default_str();
}

std::string FormatTable(const Row& header, const std::vector<Row>& rows) {
  std::vector<Row> clean = rows;
  std::vector<std::size_t> widths;
  for (const std::string& name : header) widths.push_back(Width(name));
  for (Row& row : clean) {
    row.resize(header.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = ToSingleLine(row[i]);
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string table = Line(widths) + Cells(header, widths) + Line(widths);
  for (const Row& row : clean) table += Cells(row, widths);
  return table + Line(widths);
}

void Print(Console& console, Format format, const Row& header, const std::vector<Row>& rows,
           const Json& json) {
  console.out << (format == Format::kJson ? DumpJson(json, 2) + "\n" : FormatTable(header, rows));
}

int Fail(Console& console, int exit_code, const Status& status) {
  console.err << "etcd-warden: " << status.message() << "\n";
  return exit_code;
}

}  // namespace warden::cli
