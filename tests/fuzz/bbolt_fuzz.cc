// Hostile bbolt files: every page is read or named as damaged, and where no page is, a bucket's
// keys ascend from leaf to leaf and its parts are the whole.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "exporter/bbolt/database.h"
#include "exporter/bbolt/freelist.h"
#include "exporter/bbolt/tree.h"
#include "tests/fuzz/fixed_metas.h"
#include "tests/support/memory_file.h"

namespace warden::bbolt {
namespace {

// Of all leaves; the walk reads every byte of every element.
class Keys {
 public:
  bool Take(const Node& leaf) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      const Element element = leaf[i];
      ascend_ = ascend_ && (keys_.empty() || keys_.back() < element.key);
      keys_.emplace_back(element.key);
      for (const char c : element.value) sum_ += static_cast<std::uint8_t>(c);
    }
    return true;
  }
  bool ascend() const { return ascend_; }
  friend bool operator==(const Keys&, const Keys&) = default;

 private:
  std::vector<std::string> keys_;
  std::uint64_t sum_ = 0;
  bool ascend_ = true;
};

void CheckSplit(const Database& database, const Bucket& bucket, const Keys& whole) {
  Findings findings;
  PageSet seen(database.meta().page_count);
  TreeWalker walker({.database = database, .findings = findings, .seen = seen, .stop = {}});
  Keys keys;
  for (const Subtree& part : walker.Split(bucket, 4)) {
    walker.Walk(part, [&](const Node& leaf, PageId /*page*/) { return keys.Take(leaf); });
  }
  if (findings.count() != 0 || keys != whole) std::abort();
}

void CheckDatabase(const Database& database) {
  Findings findings;
  PageSet seen(database.meta().page_count);
  TreeWalker walker({.database = database, .findings = findings, .seen = seen, .stop = {}});
  for (const Bucket& bucket : walker.ReadBuckets()) {
    Keys keys;
    walker.Walk(bucket, [&](const Node& leaf, PageId /*page*/) { return keys.Take(leaf); });
    if (findings.count() > 0) continue;
    if (!keys.ascend()) std::abort();
    if (bucket.root != 0) CheckSplit(database, bucket, keys);
  }
  CheckFreelist(database, seen, findings);
  for (const Finding& finding : findings.Kept()) {
    if (finding.what.empty() || Describe(finding).find('\n') != std::string::npos) std::abort();
  }
  if (findings.Kept().empty() != (findings.count() == 0)) std::abort();
}

}  // namespace
}  // namespace warden::bbolt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warden::bbolt;
  const warden::testing::MemoryFile file(warden::testing::WithFixedMetas(data, size));
  Findings warnings;
  const auto database = Database::Open(file, file.size(), warnings);
  if (database.ok()) CheckDatabase(*database);
  return 0;
}
