#include "exporter/restore/wal.h"

#include "exporter/base/crc32c.h"
#include "exporter/restore/encode.h"

namespace warden::restore {
namespace {

enum class RecordType { kMetadata = 1, kEntry = 2, kState = 3, kCrc = 4, kSnapshot = 5 };

constexpr std::uint64_t kAlignment = 8;
constexpr std::uint64_t kPaddedFlag = 0x80;

class WalWriter {
 public:
  // Stands at the start of every file of a log and says the checksum of the files before.
  void AddCrc() { Frame(Head(RecordType::kCrc)); }

  void Add(RecordType type, const MessageWriter& data) {
    crc_.Add(data.bytes());
    Frame(Head(type).Bytes(3, data.bytes()));
  }

  const std::string& bytes() const { return bytes_; }

 private:
  MessageWriter Head(RecordType type) const {
    return MessageWriter().Varint(1, static_cast<std::uint64_t>(type)).Varint(2, crc_.value());
  }

  void Frame(const MessageWriter& record) {
    const std::uint64_t length = record.bytes().size();
    const std::uint64_t padding = (kAlignment - length % kAlignment) % kAlignment;
    const std::uint64_t top = padding == 0 ? 0 : kPaddedFlag | padding;
    bytes_ += LittleEndian64(top << 56 | length);
    bytes_ += record.bytes();
    bytes_.append(padding, '\0');
  }

  Crc32c crc_;
  std::string bytes_;
};

// etcdserverpb.Metadata.
MessageWriter Metadata(const NewCluster& cluster, const NewMember& self) {
  return MessageWriter().Varint(1, self.id).Varint(2, cluster.id);
}

// raftpb.Entry with a raftpb.ConfChange that adds the member as a voter.
MessageWriter AddMember(const NewMember& member, std::uint64_t index, Target target) {
  constexpr std::uint64_t kConfChange = 1;
  constexpr std::uint64_t kAddNode = 0;
  MessageWriter change;
  // The id of the change. Until 3.6 etcd spells out what is zero, 3.7 what was set.
  if (target < Target::k37) change.Varint(1, 0);
  change.Varint(2, kAddNode).Varint(3, member.id).Bytes(4, MemberJson(member));
  return MessageWriter()
      .Varint(1, kConfChange)
      .Varint(2, kFirstTerm)
      .Varint(3, index)
      .Bytes(4, change.bytes());
}

// raftpb.HardState. Who was voted for in the term of the restore has no meaning afterwards, but
// etcd's tools name the first member.
MessageWriter HardState(const NewCluster& cluster) {
  return MessageWriter()
      .Varint(1, kFirstTerm)
      .Varint(2, cluster.members.front().id)
      .Varint(3, LastIndex(cluster));
}

// walpb.Snapshot: up to where the .snap file and the database go.
MessageWriter Snapshot(const NewCluster& cluster, Target target) {
  MessageWriter snapshot;
  snapshot.Varint(1, LastIndex(cluster)).Varint(2, kFirstTerm);
  if (target >= Target::k35) snapshot.Bytes(3, ConfStateMessage(cluster, target));
  return snapshot;
}

}  // namespace

std::string WalBytes(const NewCluster& cluster, const NewMember& self, Target target) {
  WalWriter wal;
  wal.AddCrc();
  wal.Add(RecordType::kMetadata, Metadata(cluster, self));
  wal.Add(RecordType::kSnapshot, MessageWriter().Varint(1, 0).Varint(2, 0));
  std::uint64_t index = 0;
  for (const NewMember& member : cluster.members) {
    wal.Add(RecordType::kEntry, AddMember(member, ++index, target));
  }
  wal.Add(RecordType::kState, HardState(cluster));
  wal.Add(RecordType::kSnapshot, Snapshot(cluster, target));
  return wal.bytes();
}

}  // namespace warden::restore
