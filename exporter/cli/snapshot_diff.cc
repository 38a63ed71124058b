#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "exporter/base/text.h"
#include "exporter/cli/output.h"
#include "exporter/cli/snapshot_file.h"
#include "exporter/mvcc/census.h"
#include "exporter/mvcc/diff.h"

namespace warden::cli {
namespace {

using mvcc::Change;

const Row kHeader = {"PREFIX", "ADDED", "CHANGED", "REMOVED", "BYTES"};

struct Flags {
  std::string before;
  std::string after;
  bool keys = false;
  FormatFlag format;
};

struct Counts {
  std::uint64_t added = 0;
  std::uint64_t changed = 0;
  std::uint64_t removed = 0;
  std::uint64_t bytes = 0;

  void Add(const Counts& other) {
    added += other.added;
    changed += other.changed;
    removed += other.removed;
    bytes += other.bytes;
  }
};

Counts One(Change change, std::uint64_t bytes) {
  return {.added = change == Change::kAdded ? 1U : 0U,
          .changed = change == Change::kChanged ? 1U : 0U,
          .removed = change == Change::kRemoved ? 1U : 0U,
          .bytes = bytes};
}

std::string_view NameOf(Change change) {
  switch (change) {
    case Change::kAdded:
      return "added";
    case Change::kChanged:
      return "changed";
    case Change::kRemoved:
      return "removed";
  }
  return "";
}

// What differs below each prefix; once there are too many, new ones count as none.
class Summary {
 public:
  void Add(Change change, std::string_view key, std::uint64_t bytes) {
    const Counts one = One(change, bytes);
    total_.Add(one);
    std::string prefix(mvcc::PrefixOf(key));
    if (prefixes_.size() >= mvcc::Census::kPrefixesMax && !prefixes_.contains(prefix)) prefix = "";
    prefixes_[prefix].Add(one);
  }

  void Print(Console& console, Format format) const {
    using Named = std::pair<std::string, Counts>;
    std::vector<Named> sorted(prefixes_.begin(), prefixes_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const Named& a, const Named& b) {
      return a.second.bytes > b.second.bytes;
    });
    std::vector<Row> rows;
    Json json = Json::array();
    for (const auto& [prefix, counts] : sorted) {
      rows.push_back(RowOf(prefix.empty() ? "(none)" : mvcc::PrintableKey(prefix), counts));
      json.push_back({{"prefix", prefix},
                      {"added", counts.added},
                      {"changed", counts.changed},
                      {"removed", counts.removed},
                      {"bytes", counts.bytes}});
    }
    rows.push_back(RowOf("total", total_));
    cli::Print(console, format, kHeader, rows, json);
  }

 private:
  static Row RowOf(const std::string& name, const Counts& counts) {
    return {name, std::to_string(counts.added), std::to_string(counts.changed),
            std::to_string(counts.removed), FormatBytes(counts.bytes)};
  }

  std::map<std::string, Counts> prefixes_;
  Counts total_;
};

// One line, or one element, per key.
class KeyPrinter {
 public:
  KeyPrinter(Console& console, Format format) : console_(console), json_(format == Format::kJson) {
    if (json_) console_.out << "[";
  }
  void Print(Change change, std::string_view key, std::uint64_t bytes) {
    if (!json_) {
      console_.out << NameOf(change) << "\t" << mvcc::PrintableKey(key) << "\n";
      return;
    }
    const Json json{{"change", NameOf(change)}, {"key", mvcc::PrintableKey(key)}, {"bytes", bytes}};
    console_.out << separator_ << "  " << DumpJson(json);
    separator_ = ",\n";
  }
  void End() {
    if (json_) console_.out << "\n]\n";
  }

 private:
  Console& console_;
  const bool json_;
  std::string_view separator_ = "\n";
};

Status CheckDigests(SnapshotFile& before, SnapshotFile& after) {
  WARDEN_RETURN_IF_ERROR(before.CheckDigest());
  return after.CheckDigest();
}

int RunSnapshotDiff(Console& console, const Flags& flags) {
  Result<SnapshotFile> before = SnapshotFile::Open(flags.before);
  if (!before.ok()) return Fail(console, kFailed, before.error());
  Result<SnapshotFile> after = SnapshotFile::Open(flags.after);
  if (!after.ok()) return Fail(console, kFailed, after.error());
  const Format format = flags.format.format();
  Summary summary;
  std::optional<KeyPrinter> printer;
  if (flags.keys) printer.emplace(console, format);
  Status compared = mvcc::Diff(before->keys(), after->keys(),
                               [&](Change change, std::string_view key, std::uint64_t bytes) {
                                 if (printer) {
                                   printer->Print(change, key, bytes);
                                 } else {
                                   summary.Add(change, key, bytes);
                                 }
                               },
                               {});
  if (printer) printer->End();
  if (compared.ok()) compared = CheckDigests(*before, *after);
  if (!compared.ok()) return Fail(console, kFailed, compared);
  if (!printer) summary.Print(console, format);
  return kSuccess;
}

}  // namespace

Run DeclareSnapshotDiff(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("before", flags->before, "The older snapshot")->required()->type_name("A");
  app.add_option("after", flags->after, "The newer snapshot")->required()->type_name("B");
  app.add_flag("--keys", flags->keys, "Name every key that differs instead of counting by prefix");
  flags->format.Declare(app);
  app.footer(
      "Compares the newest values of the live keys. BYTES are those of the keys and values that\n"
      "differ. The exit code is 0 whether there are differences or not.");
  return [flags](Console& console) { return RunSnapshotDiff(console, *flags); };
}

}  // namespace warden::cli
