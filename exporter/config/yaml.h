// YAML text as a small checked tree; the only door to yaml-cpp, whose exceptions end here.
//
// Stricter than YAML: no duplicate keys, no tags, one document, keys are plain words. Aliases are
// allowed and copied in place; every limit below counts the copies, so an alias cannot multiply a
// small file into a large tree. Merge keys ("<<") are ordinary, hence unknown, keys.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/problems.h"

namespace warden::config {

inline constexpr std::size_t kFileBytesMax = std::size_t{1024} * 1024;
inline constexpr std::size_t kNodesMax = 50'000;
inline constexpr std::size_t kTextBytesMax = 4 * kFileBytesMax;  // keys and values, copies counted
inline constexpr std::size_t kDepthMax = 32;                     // mappings and lists

enum class Kind { kNothing, kText, kList, kMapping };

// Part of a tree that does not move; `parent` lives as long as the tree.
struct TreeNode {
  Kind kind = Kind::kNothing;
  Position at;
  std::string text;                // of a kText
  std::vector<TreeNode> children;  // of a kList and a kMapping, in the order of the file

  const TreeNode* parent = nullptr;  // nullptr: the root
  std::string key;                   // in a mapping
  Position key_at;
  std::size_t index = 0;  // in a list

  // The value of a mapping's key, or nullptr.
  const TreeNode* Find(std::string_view wanted) const;
};

// "clusters[0].tls"; "top level" for the root.
std::string PathOf(const TreeNode& node);
// The path of a key of the mapping `node`, which need not have it.
std::string PathOf(const TreeNode& node, std::string_view key);

// The root of the text's tree. nullptr if the text is no YAML or beyond a limit, which is then a
// problem. Of a duplicate key the first is kept, the others are problems.
std::unique_ptr<const TreeNode> ReadYaml(std::string_view text, Problems& problems);

}  // namespace warden::config
