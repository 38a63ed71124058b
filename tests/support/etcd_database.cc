#include "tests/support/etcd_database.h"

#include <cstdlib>

#include "exporter/base/crc32c.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "tests/support/bolt_builder.h"
#include "tests/support/snapshot_stream.h"
#include "tests/support/view_builder.h"

namespace warden::testing {
namespace {

constexpr std::size_t kPageSize = 1024;

BoltBuckets Buckets() {
  BoltBuckets buckets = EtcdBuckets();
  buckets["alarm"].values.clear();
  buckets["members"].values.clear();
  // A FakeEtcd is member 1 unless it is told otherwise.
  for (const etcd::Member& member :
       {MakeMember(1), MakeMember(2), MakeMember(3), etcd::Member{.id = 1, .name = "fake"}}) {
    const Json json{{"id", member.id},
                    {"peerURLs", member.peer_urls},
                    {"name", member.name},
                    {"clientURLs", member.client_urls}};
    buckets["members"].values[FormatId(member.id)] = DumpJson(json);
  }
  buckets["key"].values[RevisionKey(kDatabaseRevision)] =
      KeyValue({.key = "/b/last",
                .create_revision = kDatabaseRevision,
                .mod_revision = kDatabaseRevision,
                .version = 1,
                .value = "v"});
  return buckets;
}

}  // namespace

std::string MakeEtcdDatabase(std::size_t size, std::uint32_t seed) {
  const std::size_t pages = BoltFile(Buckets(), {.page_size = kPageSize}).page_count();
  if (size % kPageSize != 0 || size / kPageSize < pages) std::abort();
  const std::size_t free_pages = size / kPageSize - pages;
  BoltFile file(Buckets(), {.page_size = kPageSize, .free_pages = free_pages});
  file.bytes().replace(file.At(2), free_pages * kPageSize,
                       MakeDatabase(free_pages * kPageSize, seed));
  return file.bytes();
}

std::uint32_t HashOfEtcdDatabase() {
  const BoltBuckets buckets = Buckets();
  Crc32c crc;
  crc.Add("key");
  for (const auto& [key, value] : buckets.at("key").values) crc.Add(key).Add(value);
  return crc.value();
}

}  // namespace warden::testing
