// Readers for the web configuration file, where more may be left empty than in our own: what Go's
// parser takes for "not given" is not given here either.
#pragma once

#include <optional>
#include <string>

#include "exporter/config/fields.h"

namespace warden::config {

// Nothing, or an empty text.
bool IsUnset(const TreeNode& node);

// "" if the node is unset.
std::optional<std::string> ReadOptionalText(Reading& reading, const TreeNode& node);

// true, yes, on and their opposites in any case: YAML 1.1, which Go's parser follows.
std::optional<bool> ReadGoBool(Reading& reading, const TreeNode& node);

// Nothing is an empty mapping.
template <typename T, std::size_t kSize>
void ReadOptionalMapping(Reading& reading, const TreeNode& node, const Field<T> (&fields)[kSize],
                         T& into) {
  if (node.kind != Kind::kNothing) ReadMapping(reading, node, fields, into);
}

}  // namespace warden::config
