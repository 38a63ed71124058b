#include "exporter/config/static_pod.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "exporter/base/text.h"
#include "exporter/config/yaml.h"

namespace warden::config {
namespace {

namespace fs = std::filesystem;

// The text of a key of the mapping; empty without it.
std::string TextOf(const TreeNode& mapping, std::string_view key) {
  const TreeNode* node = mapping.Find(key);
  return node != nullptr && node->kind == Kind::kText ? node->text : "";
}

// The children of a key that is a list.
std::vector<const TreeNode*> ListOf(const TreeNode& mapping, std::string_view key) {
  std::vector<const TreeNode*> children;
  const TreeNode* node = mapping.Find(key);
  if (node == nullptr || node->kind != Kind::kList) return children;
  for (const TreeNode& child : node->children) children.push_back(&child);
  return children;
}

const TreeNode* FindContainer(const TreeNode& spec, std::string_view name, Problems& problems) {
  const std::vector<const TreeNode*> containers = ListOf(spec, "containers");
  const auto found = std::ranges::find_if(
      containers, [&](const TreeNode* each) { return TextOf(*each, "name") == name; });
  if (found != containers.end()) return *found;
  if (containers.size() == 1) return containers.front();
  problems.Add(spec.at, PathOf(spec, "containers"),
               "has no container \"" + std::string(name) + "\"");
  return nullptr;
}

// "./data/" and "data" are one.
fs::path Normal(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() || !normal.has_relative_path() ? normal : normal.parent_path();
}

// Where the path lies below `top`: "." for itself; empty if it does not.
fs::path Below(const fs::path& path, const fs::path& top) {
  const fs::path below = path.lexically_relative(top);
  return below.empty() || *below.begin() == ".." ? fs::path() : below;
}

// A program is given "--name=a", "-name=a" or "--name a".
void ReadFlags(const std::vector<std::string>& words, StaticPod& pod) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (!word.starts_with('-')) continue;
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      pod.flags[std::string(word.substr(0, equals))] = word.substr(equals + 1);
      continue;
    }
    const bool has_value = i + 1 < words.size() && !words[i + 1].starts_with('-');
    pod.flags[std::string(word)] = has_value ? words[i + 1] : "true";
  }
}

void ReadContainer(const TreeNode& container, StaticPod& pod) {
  pod.image = TextOf(container, "image");
  std::vector<std::string> words;
  for (const char* key : {"command", "args"}) {
    for (const TreeNode* word : ListOf(container, key)) words.push_back(word->text);
  }
  ReadFlags(words, pod);
  for (const TreeNode* variable : ListOf(container, "env")) {
    const TreeNode* value = variable->Find("value");
    if (value != nullptr) pod.environment[TextOf(*variable, "name")] = value->text;
  }
}

void ReadMounts(const TreeNode& spec, const TreeNode& container, StaticPod& pod) {
  std::map<std::string, std::string> volumes;
  for (const TreeNode* volume : ListOf(spec, "volumes")) {
    const TreeNode* host = volume->Find("hostPath");
    if (host != nullptr) volumes[TextOf(*volume, "name")] = TextOf(*host, "path");
  }
  for (const TreeNode* mount : ListOf(container, "volumeMounts")) {
    const auto volume = volumes.find(TextOf(*mount, "name"));
    const std::string path = TextOf(*mount, "mountPath");
    if (volume == volumes.end() || volume->second.empty() || path.empty()) continue;
    const std::string below = TextOf(*mount, "subPath");
    const fs::path host =
        below.empty() ? fs::path(volume->second) : volume->second / fs::path(below);
    pod.mounts.push_back({.container = Normal(path), .host = Normal(host)});
  }
}

StaticPod ReadPod(const TreeNode& root, std::string_view container_name, Problems& problems) {
  StaticPod pod;
  if (TextOf(root, "kind") != "Pod") problems.Add(root.at, PathOf(root, "kind"), "is not Pod");
  if (const TreeNode* metadata = root.Find("metadata")) pod.name = TextOf(*metadata, "name");
  const TreeNode* spec = root.Find("spec");
  if (spec == nullptr) {
    problems.Add(root.at, PathOf(root, "spec"), "is required");
    return pod;
  }
  pod.host_network = TextOf(*spec, "hostNetwork") == "true";
  const TreeNode* container = FindContainer(*spec, container_name, problems);
  if (container == nullptr) return pod;
  ReadContainer(*container, pod);
  ReadMounts(*spec, *container, pod);
  return pod;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

const std::string* StaticPod::Flag(std::string_view flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? nullptr : &found->second;
}

const std::string* StaticPod::EtcdSetting(std::string_view flag) const {
  if (const std::string* value = Flag(flag)) return value;
  std::string variable = "ETCD_";
  for (const char c : flag) {
    variable += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const auto found = environment.find(variable);
  return found == environment.end() ? nullptr : &found->second;
}

std::optional<fs::path> StaticPod::HostPath(const fs::path& path) const {
  const fs::path wanted = Normal(path);
  std::optional<fs::path> host;
  std::size_t longest = 0;
  for (const Mount& mount : mounts) {
    const fs::path below = Below(wanted, mount.container);
    const std::size_t length = mount.container.native().size();
    // The innermost mount is the one that is seen.
    if (below.empty() || (host && length < longest)) continue;
    host = below == "." ? mount.host : mount.host / below;
    longest = length;
  }
  return host;
}

Result<StaticPod> ParseStaticPod(std::string_view text, std::string_view container,
                                 const fs::path& file) {
  Problems problems;
  const std::unique_ptr<const TreeNode> root = ReadYaml(text, problems);
  StaticPod pod;
  if (root != nullptr && root->kind != Kind::kMapping) {
    problems.Add(root->at, PathOf(*root), "must be a mapping");
  } else if (root != nullptr) {
    pod = ReadPod(*root, container, problems);
  }
  WARDEN_RETURN_IF_ERROR(problems.ToStatus(file.string()));
  return pod;
}

std::optional<std::string> ImageVersion(std::string_view image) {
  image = image.substr(0, image.find('@'));  // a digest says nothing to people
  const std::size_t colon = image.rfind(':');
  // Before a slash it is the port of a registry.
  if (colon == std::string_view::npos || image.find('/', colon) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view tag = image.substr(colon + 1);
  if (tag.starts_with('v')) tag.remove_prefix(1);
  tag = tag.substr(0, std::min(tag.find_first_not_of("0123456789."), tag.size()));
  while (tag.ends_with('.')) tag.remove_suffix(1);
  if (tag.empty() || !IsDigit(tag.front()) || tag.find('.') == std::string_view::npos) {
    return std::nullopt;
  }
  return std::string(tag);
}

}  // namespace warden::config
