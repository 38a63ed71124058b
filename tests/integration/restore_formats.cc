// The small files of a restore as a program, for restore_formats_test.py: its settings are JSON in
// the first argument, its answer is JSON. Bytes are in hex.
//
//   {"database": PATH}  the entries of a database, bucket by bucket
//   {"initial_cluster": ..., "token": ..., "name": ..., "target": "3.5"}  ids, WAL and .snap; with
//     "database", also the entries that it has in the new cluster ("keep_alarms", "bump"), and
//     with "output" they are written there as a database.
#include <fstream>
#include <iostream>
#include <stop_token>
#include <string>

#include "exporter/base/files.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/bbolt/tree.h"
#include "exporter/mvcc/inspect.h"
#include "exporter/restore/buckets.h"
#include "exporter/restore/snap_file.h"
#include "exporter/restore/wal.h"
#include "tests/support/bolt_builder.h"

namespace warden::restore {
namespace {

using testing::BoltBuckets;

struct Source {
  BoltBuckets buckets;
  std::int64_t revision = 0;
};

Result<Source> Read(const std::string& path) {
  PosixFiles files;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files.Open(path));
  WARDEN_ASSIGN_OR_RETURN(const FileState state, file->State());
  const std::uint64_t size = state.size_bytes / 512 * 512;  // without the trailer of a snapshot
  WARDEN_ASSIGN_OR_RETURN(const mvcc::Inspection inspection, mvcc::Inspect(*file, size, {}));
  if (inspection.structure.count + inspection.meaning.count > 0) {
    return Status(Code::kDataLoss, "the database is damaged");
  }
  bbolt::Findings findings;
  WARDEN_ASSIGN_OR_RETURN(const bbolt::Database database,
                          bbolt::Database::Open(*file, size, findings));
  bbolt::PageSet seen(database.meta().page_count);
  bbolt::TreeWalker walker({database, findings, seen, std::stop_token()});
  Source source{.buckets = {}, .revision = inspection.revision()};
  for (const bbolt::Bucket& bucket : walker.ReadBuckets()) {
    auto& values = source.buckets[bucket.name].values;
    walker.Walk(bucket, [&](const bbolt::Node& leaf, bbolt::PageId) {
      for (std::uint32_t i = 0; i < leaf.count(); ++i) {
        values[std::string(leaf[i].key)] = leaf[i].value;
      }
      return true;
    });
  }
  return source;
}

Json Show(const BoltBuckets& buckets) {
  Json shown = Json::object();
  for (const auto& [name, bucket] : buckets) {
    shown[name] = Json::object();
    for (const auto& [key, value] : bucket.values) shown[name][FormatHex(key)] = FormatHex(value);
  }
  return shown;
}

Json Show(const NewCluster& cluster) {
  Json members = Json::array();
  for (const NewMember& member : cluster.members) {
    members.push_back(
        {{"name", member.name}, {"id", FormatId(member.id)}, {"peer_urls", member.peer_urls}});
  }
  return members;
}

void Apply(const BucketEdits& edits, BoltBuckets& buckets) {
  for (auto& [name, bucket] : buckets) {
    std::erase_if(bucket.values, [&, &bucket_name = name](const auto& entry) {
      return edits.FateOf(bucket_name, entry.first) != Fate::kKeep;
    });
  }
  for (const BucketEntry& put : edits.puts) buckets[put.bucket].values[put.key] = put.value;
}

bool IsSet(const ParsedJson& settings, std::string_view key) {
  const ParsedJson* field = FindField(settings, key);
  return field != nullptr && field->is_boolean() && field->get<bool>();
}

Result<Json> Answer(const ParsedJson& settings) {
  Source source;
  const auto path = FindString(settings, "database");
  if (path) {
    WARDEN_ASSIGN_OR_RETURN(source, Read(*path));
  }
  const auto text = FindString(settings, "initial_cluster");
  if (!text) return Json{{"buckets", Show(source.buckets)}};
  WARDEN_ASSIGN_OR_RETURN(const NewCluster cluster,
                          ParseInitialCluster(*text, FindString(settings, "token").value_or("")));
  WARDEN_ASSIGN_OR_RETURN(const Target target,
                          ParseTarget(FindString(settings, "target").value_or("")));
  const NewMember* self = cluster.Find(FindString(settings, "name").value_or(""));
  if (self == nullptr) return Status(Code::kInvalidArgument, "no such member");
  BucketOptions options{
      .target = target, .keep_alarms = IsSet(settings, "keep_alarms"), .bump = {}};
  if (const auto by = FindInteger(settings, "bump")) {
    options.bump = RevisionBump{.from = source.revision, .by = *by};
  }
  WARDEN_ASSIGN_OR_RETURN(const BucketEdits edits, EditBuckets(cluster, options));
  Apply(edits, source.buckets);
  if (const auto output = FindString(settings, "output")) {
    std::ofstream(*output, std::ios::binary) << testing::BoltFile(source.buckets).bytes();
  }
  return Json{{"cluster_id", FormatId(cluster.id)},
              {"members", Show(cluster)},
              {"wal", FormatHex(WalBytes(cluster, *self, target))},
              {"wal_name", kWalFileName},
              {"wal_bytes", kWalFileBytes},
              {"snap", FormatHex(SnapFileBytes(cluster, target))},
              {"snap_name", SnapFileName(cluster)},
              {"buckets", Show(source.buckets)}};
}

}  // namespace
}  // namespace warden::restore

int main(int argc, char** argv) {
  const auto settings = warden::ParseJson(argc > 1 ? argv[1] : "");
  if (!settings.ok()) return 2;
  const warden::Result<warden::Json> answer = warden::restore::Answer(*settings);
  const warden::Json error = {{"error", answer.status().message()}};
  std::cout << warden::DumpJson(answer.ok() ? *answer : error) << std::endl;
  return 0;
}
