// What notices a damage, with the file's SHA-256 and without.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/mvcc/hashes.h"
#include "exporter/mvcc/inspect.h"
#include "tests/corruption/content.h"
#include "tests/corruption/damage.h"
#include "tests/support/memory_file.h"

namespace warden::corruption {

// Who notices the damage once the digest is made to fit: the first of these.
enum class Class : std::uint8_t {
  kNoDatabase,  // it cannot be opened
  kStructure,   // level 1
  kMeaning,     // level 2
  kWarning,     // of a meta page; the other one serves
  kKvHash,      // it differs from the original's, or cannot be computed
  kSecondHash,  // the same behind the compaction: see Original
  kRevision,    // the file says that it is of another revision, or compacted at another one
  kNothing,     // nobody, and every reader reads what was there before
  kUnprovable,  // nobody: it is outside of what any hash of etcd covers
  kMissed,      // nobody, and somebody should have
  kCrashed,     // the program died, or hung
};
inline constexpr std::size_t kClasses = 11;
inline constexpr std::array<std::string_view, kClasses> kClassNames = {
    "no db",    "L1",      "L2",         "warning", "KV hash", "2nd hash",
    "revision", "nothing", "unprovable", "MISSED",  "CRASHED"};

// Where an unprovable damage may lie. Of `key` it is what both hashes leave out: tombstones of the
// compacted revision, and what the next one replaced.
inline constexpr std::array<std::string_view, 11> kPlaces = {
    "alarm",           "auth", "authRoles",      "authUsers", "cluster", "lease", "members",
    "members_removed", "meta", "key (left out)", "others"};

struct Verdict {
  Class noticed_by = Class::kCrashed;
  bool digest_differs = false;
  std::uint16_t places = 0;  // of an unprovable damage: bits by kPlaces
};

// A snapshot as it came from etcd, and what is known of it: the KV hash at its revision, which
// leaves out what was written before the compaction and replaced since, and the KV hash at the
// revision behind the compaction, which does not.
class Original {
 public:
  // A file of `snapshot save` and, perhaps, an earlier one of the same cluster. Fails unless the
  // inspection finds it clean, or if its compaction is under way.
  static Result<std::unique_ptr<Original>> Load(const std::string& path,
                                                const std::string& earlier_path);

  const std::string& path() const { return path_; }
  const std::string& database() const { return database_; }
  const Content& content() const { return content_; }
  Target target() const {
    return {.database = database_, .earlier = earlier_, .content = content_};
  }
  // "revision 812, compacted at 300, 240 records, 61 pages of which 57 are used".
  std::string Summary() const;

  // Judges what became of `database()`. `explanation` is told why, if it is wanted.
  Verdict Judge(std::string damaged, std::string* explanation) const;

 private:
  Original() = default;
  Status Learn();
  Result<std::array<std::uint32_t, 2>> KvHashes(const testing::MemoryFile& file) const;
  Class Compare(testing::MemoryFile& file, const mvcc::Inspection& inspection,
                std::uint16_t& places, std::string& why) const;

  std::string path_;
  std::string database_;
  std::string trailer_;
  std::string earlier_;
  Content content_;
  mvcc::Inspection inspection_;
  std::array<std::uint32_t, 2> kv_hashes_{};
  mvcc::StatusHash status_hash_;
};

}  // namespace warden::corruption
