#include "exporter/restore/preflight.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "exporter/base/tcp_probe.h"
#include "exporter/base/text.h"
#include "exporter/mvcc/key_space.h"
#include "exporter/restore/wal.h"

namespace warden::restore {
namespace {

using Path = Files::Path;

constexpr Milliseconds kProbeTimeout{1'000};
constexpr std::uint64_t kRoomBeside = 64ULL << 20;  // that is left for others

Status Refuse(std::string what) {
  return {Code::kFailedPrecondition, std::move(what)};
}

Path ParentOf(const Path& path) {
  const Path parent = path.parent_path();
  return parent.empty() ? Path(".") : parent;
}

struct Place {
  bool is_there = false;
  bool is_mount = false;
};
Result<Place> Look(Files& files, const Path& path) {
  const Result<DirectoryEntry> found = files.Stat(path);
  if (!found.ok()) {
    if (found.error().code() == Code::kNotFound) return Place{};
    return found.error();
  }
  if (!found->is_directory) {
    return Status(
        Code::kInvalidArgument,
        path.string() + " is no directory; where it is a symbolic link, name what it points to");
  }
  WARDEN_ASSIGN_OR_RETURN(const bool is_mount, files.IsMountPoint(path));
  return Place{.is_there = true, .is_mount = is_mount};
}

// Where the new data is written, and so where room is needed.
Path StagingParent(const Path& path, bool inside) {
  return inside ? path : ParentOf(path);
}

// Whether the log is written somewhere else than within the new data directory.
bool HasLogApart(const MemberPlace& place, const OldData& old) {
  if (!place.wal_dir) return false;
  return old.wal_inside || !IsWithin(*place.wal_dir, place.data_dir);
}

Status CheckRoom(Files& files, const Path& directory, std::uint64_t needed, std::string& found) {
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t free, files.FreeBytes(directory));
  found += (found.empty() ? "" : "; ") + FormatBytes(free) + " free in " + directory.string() +
           ", " + FormatBytes(needed) + " needed";
  if (free >= needed) return {};
  return {Code::kResourceExhausted, "not enough room in " + directory.string() + ": " +
                                        FormatBytes(needed) + " are needed beside the old data, " +
                                        FormatBytes(free) +
                                        " are free; move the old data or something else away"};
}

PreflightCheck CheckSpace(Files& files, const Plan& plan, const MemberPlace& place,
                          const OldData& old) {
  PreflightCheck check{.name = "space", .found = {}, .status = {}};
  // The tree is an estimate: pages are filled less than to the brim.
  const std::uint64_t database = plan.snapshot.tree_bytes + plan.snapshot.tree_bytes / 4;
  const Path directory = StagingParent(place.data_dir, old.inside);
  if (!HasLogApart(place, old)) {
    check.status = CheckRoom(files, directory, database + kWalFileBytes + kRoomBeside, check.found);
    return check;
  }
  check.status = CheckRoom(files, directory, database + kRoomBeside, check.found);
  if (!check.status.ok()) return check;
  check.status = CheckRoom(files, StagingParent(*place.wal_dir, old.wal_inside),
                           kWalFileBytes + kRoomBeside, check.found);
  return check;
}

// Makes and removes a file, and gives it away: what the writing will have to do.
Status TryToWrite(Files& files, const Path& directory, const Path& data_dir,
                  const FileOwner& owner) {
  const Path probe = directory / (data_dir.filename().string() + std::string(kProbeSuffix));
  if (const Status old = files.Remove(probe); !old.ok() && old.code() != Code::kNotFound) {
    return old;
  }
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(probe));
  Status status = file->Close();
  const Result<FileOwner> own = files.Owner(probe);
  if (status.ok() && own.ok() && *own != owner) status = files.ChangeOwner(probe, owner);
  const Status removed = files.Remove(probe);
  return status.ok() ? removed : status;
}

PreflightCheck CheckRights(Files& files, const MemberPlace& place, const OldData& old,
                           const FileOwner& owner) {
  PreflightCheck check{
      .name = "owner",
      .found = "user " + std::to_string(owner.user) + ", group " + std::to_string(owner.group),
      .status = {}};
  std::vector<Path> directories = {StagingParent(place.data_dir, old.inside)};
  if (HasLogApart(place, old)) {
    directories.push_back(StagingParent(*place.wal_dir, old.wal_inside));
  }
  for (const Path& directory : directories) {
    check.status = TryToWrite(files, directory, place.data_dir, owner);
    if (check.status.ok()) continue;
    check.status = {check.status.code(),
                    check.status.message() + "; run it as root, or as the user that runs etcd"};
    return check;
  }
  return check;
}

bool ShareAMember(const etcd::MemberList& found, const Plan& plan) {
  const auto known = [&](std::uint64_t id, const std::string& url) {
    for (const OldMember& old : plan.snapshot.members) {
      if (old.id == id || std::ranges::count(old.peer_urls, url) > 0) return true;
    }
    return std::ranges::any_of(plan.cluster.members, [&](const NewMember& member) {
      return member.id == id || std::ranges::count(member.peer_urls, url) > 0;
    });
  };
  return std::ranges::any_of(found, [&](const etcd::Member& member) {
    if (member.peer_urls.empty()) return known(member.id, "");
    return std::ranges::any_of(member.peer_urls,
                               [&](const std::string& url) { return known(member.id, url); });
  });
}

// A restore on the wrong machine, or of the wrong snapshot, is told by the members that the old
// data names. Old data that cannot be read proves nothing, and is why one restores.
PreflightCheck CheckCluster(Files& files, const Plan& plan, const MemberPlace& place) {
  PreflightCheck check{.name = std::string(kOtherCluster),
                       .found = "no old data",
                       .status = {},
                       .can_be_ignored = true};
  const Path database = place.data_dir / "member" / "snap" / "db";
  const auto file = files.Open(database);
  if (!file.ok()) return check;
  const auto state = (*file)->State();
  const auto keys = state.ok() ? mvcc::KeySpace::Open(**file, state->size_bytes)
                               : Result<mvcc::KeySpace>(state.error());
  if (!keys.ok() || keys->contents().members.empty()) {
    check.found = "the old data cannot be read";
    return check;
  }
  check.found = "the old data has a member of the snapshot's cluster";
  if (ShareAMember(keys->contents().members, plan)) return check;
  check.found = "the old data is of another cluster";
  check.status = Refuse(
      "the data in " + place.data_dir.string() +
      " is of another cluster: none of its members is one of the snapshot's or the plan's; if it "
      "is to be replaced all the same, --ignore cluster");
  return check;
}

}  // namespace

Status Preflight::Verdict(const std::vector<std::string>& ignored) const {
  for (const PreflightCheck& check : checks) {
    if (check.status.ok()) continue;
    if (check.can_be_ignored && std::ranges::count(ignored, check.name) > 0) continue;
    return check.status;
  }
  return {};
}

bool CanBeIgnored(std::string_view check) {
  return check == kOtherCluster || check == kPeersDown;
}

namespace {

// Two levels down, as deep as etcd's own directories go, something may be mounted that a rename of
// the data directory would carry along: a disk of its own for the log is usual.
Status CheckNothingIsMountedIn(Files& files, const Path& data_dir) {
  for (const Path& directory : {data_dir, data_dir / "member"}) {
    const auto entries = files.List(directory);
    if (!entries.ok()) continue;
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.is_directory) continue;
      const Path path = directory / entry.name;
      WARDEN_ASSIGN_OR_RETURN(const bool is_mount, files.IsMountPoint(path));
      if (!is_mount) continue;
      return Refuse(path.string() + " is a mount point inside of the data directory " +
                    data_dir.string() +
                    ", which then cannot be replaced as a whole: unmount it for the restore, or "
                    "mount the log's disk elsewhere and name it with --wal-dir");
    }
  }
  return {};
}

}  // namespace

Result<OldData> FindOldData(Files& files, const MemberPlace& place) {
  OldData old;
  WARDEN_ASSIGN_OR_RETURN(const Place data, Look(files, place.data_dir));
  WARDEN_RETURN_IF_ERROR(CheckNothingIsMountedIn(files, place.data_dir));
  old.is_there = data.is_there;
  old.inside = data.is_mount;
  WARDEN_ASSIGN_OR_RETURN(old.owner,
                          files.Owner(data.is_there ? place.data_dir : ParentOf(place.data_dir)));
  if (!place.wal_dir) return old;
  WARDEN_ASSIGN_OR_RETURN(const Place wal, Look(files, *place.wal_dir));
  old.wal_is_there = wal.is_there;
  old.wal_inside = wal.is_mount;
  return old;
}

Preflight CheckBeforeWriting(Files& files, const Plan& plan, const MemberPlace& place,
                             const OldData& old, const FileOwner& owner) {
  Preflight preflight;
  preflight.checks.push_back(CheckCluster(files, plan, place));
  preflight.checks.push_back(CheckSpace(files, plan, place, old));
  preflight.checks.push_back(CheckRights(files, place, old, owner));
  return preflight;
}

namespace {

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
// Of a peer URL that ParseInitialCluster, or an etcd, has taken; nullopt for sockets.
std::optional<HostAndPort> Parse(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (!url.starts_with("http") || scheme == std::string_view::npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = url.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  constexpr unsigned kPortMax = 65'535;
  unsigned port = 0;
  for (const char digit : url.substr(colon + 1)) {
    if (digit < '0' || digit > '9' || port > kPortMax) return std::nullopt;
    port = port * 10 + static_cast<unsigned>(digit - '0');
  }
  if (port == 0 || port > kPortMax) return std::nullopt;
  return HostAndPort{.host = std::string(host), .port = static_cast<std::uint16_t>(port)};
}

bool IsAnswered(const std::string& url, const PeerTools& tools) {
  const std::optional<HostAndPort> address = Parse(url);
  if (!address) return false;
  const Result<bool> accepted =
      AcceptsTcp(tools.resolver, address->host, address->port,
                 {.at = tools.clock.Steady() + kProbeTimeout, .stop = tools.stop});
  return accepted.ok() && *accepted;
}

}  // namespace

Status CheckIsDown(const Plan& plan, const std::string& member, const Path& data_dir,
                   const PeerTools& tools) {
  const Path database = data_dir / "member" / "snap" / "db";
  const Result<bool> locked = tools.files.IsLocked(database);
  if (!locked.ok() && locked.error().code() != Code::kNotFound) {
    const Code code = locked.error().code();
    // "Not a directory": what stands in the way is no etcd.
    if (code == Code::kPermissionDenied) return locked.error();
  }
  if (locked.ok() && *locked) {
    return Refuse("an etcd holds " + database.string() + ": stop it first");
  }
  const NewMember* self = plan.cluster.Find(member);
  if (self == nullptr) return Refuse("the plan has no member " + member);
  for (const std::string& url : self->peer_urls) {
    if (!IsAnswered(url, tools)) continue;
    return Refuse("somebody listens at " + url + ", the peer URL of " + member +
                  ": stop the old member first");
  }
  return {};
}

std::vector<std::string> FindListeners(const Plan& plan, const std::string& except,
                                       const PeerTools& tools) {
  std::set<std::string> urls;
  for (const OldMember& member : plan.snapshot.members) {
    urls.insert(member.peer_urls.begin(), member.peer_urls.end());
  }
  for (const NewMember& member : plan.cluster.members) {
    urls.insert(member.peer_urls.begin(), member.peer_urls.end());
  }
  if (const NewMember* self = plan.cluster.Find(except)) {
    for (const std::string& url : self->peer_urls) urls.erase(url);
  }
  std::vector<std::string> answered;
  for (const std::string& url : urls) {
    if (IsAnswered(url, tools)) answered.push_back(url);
  }
  return answered;
}

}  // namespace warden::restore
