#include "exporter/base/remove_tree.h"

#include <vector>

namespace warden {
namespace {

Status UnlessGone(Status status) {
  return status.code() == Code::kNotFound ? Status() : status;
}

}  // namespace

Status RemoveTree(Files& files, const Files::Path& path) {
  const Result<DirectoryEntry> found = files.Stat(path);
  if (!found.ok()) return UnlessGone(found.error());
  if (!found->is_directory) return UnlessGone(files.Remove(path));
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(path));
  for (const DirectoryEntry& entry : entries) {
    WARDEN_RETURN_IF_ERROR(RemoveTree(files, path / entry.name));
  }
  return UnlessGone(files.RemoveDirectory(path));
}

}  // namespace warden
