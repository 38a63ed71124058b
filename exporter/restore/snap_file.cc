#include "exporter/restore/snap_file.h"

#include <cstdint>
#include <utility>

#include "exporter/base/crc32c.h"
#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/restore/encode.h"
#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

constexpr int kStoreVersion = 2;

Json Node(const std::string& path, std::uint64_t index, const std::string& value, Json children) {
  return {{"Path", path},           {"CreatedIndex", index},
          {"ModifiedIndex", index}, {"ExpireTime", "0001-01-01T00:00:00Z"},  // never
          {"Value", value},         {"Children", std::move(children)}};
}

Json Directory(const std::string& path, std::uint64_t index, Json children) {
  return Node(path, index, "", std::move(children));
}

// What has no children, not even none, is a file.
Json File(const std::string& path, std::uint64_t index, const std::string& value) {
  return Node(path, index, value, nullptr);
}

Json MemberDirectory(const NewMember& member, std::uint64_t index) {
  const std::string path = "/0/members/" + FormatId(member.id);
  const std::string attributes = DumpJson({{"peerURLs", member.peer_urls}});
  return Directory(path, index,
                   {{"raftAttributes", File(path + "/raftAttributes", index, attributes)}});
}

std::string StoreJson(const NewCluster& cluster) {
  Json members = Json::object();
  std::uint64_t index = 0;
  for (const NewMember& member : cluster.members) {
    members[FormatId(member.id)] = MemberDirectory(member, ++index);
  }
  // Below 0 is what etcd keeps, below 1 what users of the v2 API kept. The first change makes the
  // directory of the members.
  Json own = {{"members", Directory("/0/members", 1, std::move(members))}};
  Json root = {{"0", Directory("/0", 0, std::move(own))},
               {"1", Directory("/1", 0, Json::object())}};
  return DumpJson({{"Root", Directory("/", 0, std::move(root))},
                   {"CurrentIndex", index},
                   {"CurrentVersion", kStoreVersion}});
}

}  // namespace

std::string SnapFileName(const NewCluster& cluster) {
  return FormatHex(BigEndian64(kFirstTerm)) + "-" + FormatHex(BigEndian64(LastIndex(cluster))) +
         ".snap";
}

std::string SnapFileBytes(const NewCluster& cluster, Target target) {
  const MessageWriter metadata = MessageWriter()
                                     .Bytes(1, ConfStateMessage(cluster, target))
                                     .Varint(2, LastIndex(cluster))
                                     .Varint(3, kFirstTerm);
  const MessageWriter snapshot =
      MessageWriter().Bytes(1, StoreJson(cluster)).Bytes(2, metadata.bytes());
  const std::uint32_t crc = Crc32c().Add(snapshot.bytes()).value();
  return MessageWriter().Varint(1, crc).Bytes(2, snapshot.bytes()).bytes();
}

}  // namespace warden::restore
