#include "exporter/restore/membership.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "exporter/base/json.h"
#include "exporter/base/text.h"
#include "exporter/config/endpoint.h"
#include "exporter/restore/encode.h"

namespace warden::restore {
namespace {

constexpr std::string_view kSeparator = "://";

Status Bad(std::string what) {
  return {Code::kInvalidArgument, std::move(what)};
}

// The first eight bytes of the SHA-1, big-endian: how etcd makes every id.
std::uint64_t IdOf(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  // Fails only for want of memory or of the algorithm; neither leaves anything to do.
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) {
    std::abort();
  }
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id = id << 8 | digest.at(i);
  return id;
}

bool IsNetwork(std::string_view url) {
  return !url.starts_with("unix");
}

// The URL as etcd keeps it.
Result<std::string> NormalPeerUrl(std::string_view text) {
  const std::string_view url = Trim(text);
  const std::size_t separator = url.find(kSeparator);
  if (separator == std::string_view::npos) {
    return Bad("a peer URL without a scheme; write http://HOST:2380 or https://HOST:2380");
  }
  std::string normal = ToLower(url.substr(0, separator)) + std::string(url.substr(separator));
  const std::size_t port = normal.rfind(':');
  const std::size_t bracket = normal.rfind(']');
  const bool has_port = port != separator && port + 1 != normal.size() &&
                        (bracket == std::string::npos || bracket < port);
  if (IsNetwork(normal) && !has_port) {
    return Bad("a peer URL without a port; the usual one is 2380");
  }
  WARDEN_RETURN_IF_ERROR(config::ParseEndpoint(normal).status());
  return normal;
}

Status CheckName(std::string_view name) {
  if (name.empty()) return Bad("a member without a name");
  const auto is_control = [](char c) { return static_cast<std::uint8_t>(c) < ' ' || c == 0x7F; };
  if (Trim(name) != name || std::ranges::any_of(name, is_control) || ToValidUtf8(name) != name) {
    return Bad("a name with blanks around it, or with bytes that are no text");
  }
  return {};
}

using UrlsByName = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<UrlsByName> ParseEntries(std::string_view text) {
  UrlsByName urls;
  std::size_t number = 0;
  for (const std::string_view entry : Split(text, ',')) {
    ++number;
    if (entry.empty()) continue;  // as in etcd: a comma too many means nothing
    // What cannot be told apart may hold a password, so it is named by its place.
    const std::string place = "entry " + std::to_string(number);
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) {
      return Bad(place + " is not NAME=URL; a member with several URLs is named for each");
    }
    const std::string name(entry.substr(0, equals));
    WARDEN_RETURN_IF_ERROR(CheckName(name).WithContext(place));
    Result<std::string> url = NormalPeerUrl(entry.substr(equals + 1));
    if (!url.ok()) return url.error().WithContext("member " + name);
    urls[name].push_back(*std::move(url));
  }
  if (urls.empty()) return Bad("no member is named");
  return urls;
}

// Across all members: two cannot listen at one address, nor one twice.
Status CheckDistinct(const UrlsByName& by_name) {
  std::map<std::string, std::string> owners;
  for (const auto& [name, urls] : by_name) {
    for (const std::string& url : urls) {
      const auto [owner, is_new] = owners.emplace(IsNetwork(url) ? ToLower(url) : url, name);
      if (is_new) continue;
      return Bad(
          Join({"the peer URL", url, "stands there twice, for", owner->second, "and", name}, " "));
    }
  }
  return {};
}

std::uint64_t MemberId(const std::vector<std::string>& urls, std::string_view token) {
  return IdOf(Join(urls, "") + std::string(token));
}

std::uint64_t ClusterId(const std::vector<NewMember>& members) {
  std::string ids;
  for (const NewMember& member : members) ids += BigEndian64(member.id);
  return IdOf(ids);
}

}  // namespace

const NewMember* NewCluster::Find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &NewMember::name);
  return found == members.end() ? nullptr : &*found;
}

Result<NewCluster> ParseInitialCluster(std::string_view text, std::string_view token) {
  if (token.empty()) return Bad("the token of the cluster is empty");
  WARDEN_ASSIGN_OR_RETURN(const UrlsByName by_name, ParseEntries(text));
  WARDEN_RETURN_IF_ERROR(CheckDistinct(by_name));
  NewCluster cluster{.members = {}, .token = std::string(token)};
  for (auto [name, urls] : by_name) {
    std::ranges::sort(urls);
    const std::uint64_t id = MemberId(urls, token);
    cluster.members.push_back({.name = name, .peer_urls = std::move(urls), .id = id});
  }
  std::ranges::sort(cluster.members, {}, &NewMember::id);
  const auto same = std::ranges::adjacent_find(cluster.members, {}, &NewMember::id);
  if (same != cluster.members.end()) {
    return Bad("the members " + same->name + " and " + std::next(same)->name + " have the same id");
  }
  cluster.id = ClusterId(cluster.members);
  return cluster;
}

std::string MemberJson(const NewMember& member) {
  return DumpJson({{"id", member.id}, {"peerURLs", member.peer_urls}, {"name", member.name}});
}

std::string ConfStateMessage(const NewCluster& cluster, Target target) {
  MessageWriter state;
  for (const NewMember& member : cluster.members) state.Varint(1, member.id);  // voters
  // Until 3.6 etcd spells out what is false.
  if (target < Target::k37) state.Varint(5, 0);  // auto_leave
  return state.bytes();
}

std::string ConfStateJson(const NewCluster& cluster) {
  Json voters = Json::array();
  for (const NewMember& member : cluster.members) voters.push_back(member.id);
  return DumpJson({{"voters", std::move(voters)}, {"auto_leave", false}});
}

}  // namespace warden::restore
