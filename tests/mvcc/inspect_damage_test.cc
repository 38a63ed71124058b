// Each kind of damage on its list: to the file, to what etcd means by it, and what is only odd.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "exporter/mvcc/inspect.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/memory_file.h"

namespace warden::mvcc {
namespace {

using testing::BoltBuckets;
using testing::BoltFile;
using testing::EtcdBuckets;
using testing::KeyValue;
using testing::MemoryFile;
using testing::RevisionKey;
namespace bolt = testing::bolt;
using Lines = std::vector<std::string>;

Lines Describe(const FindingList& list) {
  Lines lines;
  for (const bbolt::Finding& each : list.kept) lines.push_back(bbolt::Describe(each));
  EXPECT_EQ(list.count, lines.size());
  return lines;
}

// What the entry of a bucket says behind its name: its root page, then its sequence.
char* HeaderOf(BoltFile& file, const std::string& bucket) {
  const std::uint64_t root = file.RootOf(bucket);
  const std::string entry = bucket + std::string(reinterpret_cast<const char*>(&root), 8);
  return file.bytes().data() + file.bytes().find(entry) + bucket.size();
}

// Of what is to be written, or of the file.
using Spoil = std::function<void(BoltBuckets&)>;
using Damage = std::function<void(BoltFile&)>;

struct Case {
  const char* what;
  Spoil spoil;
  Damage damage;
  Lines findings;
};

void Leave(BoltBuckets& /*buckets*/) {}
void LeaveFile(BoltFile& /*file*/) {}

// The findings are on that list, and none on the others. The leaves of `key` are the pages 4, 5 and
// 6, with two records each; the pages 2 and 3 are free.
void ExpectFound(FindingList Inspection::*list, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    BoltBuckets buckets = EtcdBuckets();
    each.spoil(buckets);
    BoltFile file(buckets, {.fan_out = 2, .free_pages = 2, .has_freelist = true});
    each.damage(file);
    const MemoryFile memory(file.bytes());
    for (const int threads : {1, 4}) {
      SCOPED_TRACE(each.what);
      auto inspection = Inspect(memory, memory.size(), {.threads = threads});
      ASSERT_TRUE(inspection.ok()) << inspection.error().message();
      EXPECT_EQ(Describe((*inspection).*list), each.findings);
      (*inspection).*list = {};
      EXPECT_EQ(Describe(inspection->structure), Lines());
      EXPECT_EQ(Describe(inspection->meaning), Lines());
      EXPECT_EQ(Describe(inspection->warnings), Lines());
    }
  }
}

TEST(InspectStructure, NamesDamageToTheFile) {
  ExpectFound(&Inspection::structure, {{"a page",
                                        Leave,
                                        [](BoltFile& f) { f.Set(5, bolt::kFlags, 0); },
                                        {"page 5: neither a branch nor a leaf, its flags are 0"}},
                                       {"the root of the records",
                                        Leave,
                                        [](BoltFile& f) { *HeaderOf(f, "key") = 99; },
                                        {"page 99: the page is out of bounds"}},
                                       {"the freelist",
                                        Leave,
                                        [](BoltFile& f) { f.Set(f.freelist(), bolt::kCount, 1); },
                                        {"page 3: it is neither reached nor free"}}});
}

TEST(InspectMeaning, NamesEntriesThatEtcdNeverWrites) {
  const auto without_freelist = [](BoltFile& f) { f.SetMetas(bolt::kFreelist, ~0ULL); };
  const auto lease = [](BoltBuckets& b) {
    b["lease"].is_inline = false;
    b["lease"].values["x"] = "";
  };
  ExpectFound(&Inspection::meaning,
              {{"a record",
                [](BoltBuckets& b) { b["key"].values[RevisionKey(4)] = "junk"; },
                LeaveFile,
                {"page 5: entry 0: the record is not a KeyValue"}},
               {"a record's key",
                [](BoltBuckets& b) { b["key"].values["zzz"] = ""; },
                LeaveFile,
                {"page 6: entry 1: not a revision"}},
               {"a bucket among the records",
                [](BoltBuckets& b) {
                  b["key"].buckets = {{"z", {}}};
                },
                without_freelist,
                {"page 7: entry 1: a bucket among the records"}},
               {"an entry elsewhere",
                lease,
                LeaveFile,
                {"page 10: lease entry x: not a number of 8 bytes"}}});
}

TEST(InspectMeaning, NamesBucketsThatEtcdNeverWrites) {
  const auto both = [](BoltBuckets& b) {
    b.erase("key");
    b.erase("meta");
  };
  ExpectFound(&Inspection::meaning,
              {{"no bucket",
                [](BoltBuckets& b) { b.erase("lease"); },
                LeaveFile,
                {"bucket \"lease\" is missing"}},
               {"two of them",
                both,
                LeaveFile,
                {"bucket \"key\" is missing", "bucket \"meta\" is missing"}},
               {"a bucket more",
                [](BoltBuckets& b) { b["of the future"].is_inline = true; },
                LeaveFile,
                {}},
               {"a sequence",
                Leave,
                [](BoltFile& f) { HeaderOf(f, "key")[8] = 1; },
                {"page 12: bucket \"key\" has a sequence, which etcd never uses"}},
               {"no consistent index",
                [](BoltBuckets& b) { b["meta"].values.erase("consistent_index"); },
                LeaveFile,
                {"bucket \"meta\" lacks the consistent_index"}},
               {"a compaction out of nowhere",
                [](BoltBuckets& b) { b["meta"].values["finishedCompactRev"] = RevisionKey(2); },
                LeaveFile,
                {"a compaction was finished that was never begun"}}});
}

TEST(InspectWarnings, NameAMetaPageThatIsDamaged) {
  ExpectFound(&Inspection::warnings,
              {{"one meta page",
                Leave,
                [](BoltFile& f) { f.Set(1, bolt::kChecksum, 0); },
                {"page 1: the checksum of the meta page is wrong; the other meta page serves"}}});
}

TEST(InspectWarnings, NameRevisionsThatAreMissing) {
  const std::string missing =
      "revisions are missing: records were lost, or came from etcd's v2 store";
  const auto erase = [](std::int64_t revision) {
    return [=](BoltBuckets& b) { b["key"].values.erase(RevisionKey(revision)); };
  };
  const auto compacted = [](BoltBuckets& b) {
    b["meta"].values["scheduledCompactRev"] = RevisionKey(4);
    b["meta"].values["finishedCompactRev"] = RevisionKey(4);
    b["key"].values.erase(RevisionKey(2));
    b["key"].values.erase(RevisionKey(3));
  };
  const auto change = [](BoltBuckets& b) {
    b["key"].values[RevisionKey(6, 2)] = KeyValue({"/z", 6, 6, 1});
  };
  ExpectFound(&Inspection::warnings,
              {{"the first", erase(2), LeaveFile, {missing}},
               {"in a page", erase(3), LeaveFile, {"page 4: " + missing}},
               {"between two pages", erase(4), LeaveFile, {missing}},
               {"in a transaction", change, LeaveFile, {"page 6: " + missing}},
               {"none but what was compacted", compacted, LeaveFile, {}}});
}

}  // namespace
}  // namespace warden::mvcc
