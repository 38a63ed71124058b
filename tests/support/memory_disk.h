// The names and bytes of a disk in memory, and what of them a power cut leaves.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/memory_inode.h"

namespace warden::testing {

// As on a real file system, a file's bytes are safe once it was synced, and its name once its
// directory was; a rename may reach the disk before the bytes do. Not thread-safe.
class MemoryDisk {
 public:
  using Path = std::filesystem::path;
  using Survives = std::function<bool(std::size_t)>;
  using Inode = MemoryInode;
  using Names = std::map<Path, std::shared_ptr<Inode>>;  // nullptr: a directory

  // As a process sees them.
  const Names& names() const { return names_; }
  // The file; nullptr if there is none of that name.
  std::shared_ptr<Inode> Find(const Path& path) const {
    const auto found = names_.find(path);
    return found == names_.end() ? nullptr : found->second;
  }
  bool IsDirectory(const Path& path) const {
    const auto found = names_.find(path);
    return found != names_.end() && !found->second;
  }
  bool IsEmpty(const Path& directory) const {
    return std::ranges::none_of(names_, [&](const auto& name) {
      return name.first != directory && IsInside(name.first, directory);
    });
  }
  // Safe as soon as it is made.
  void MakeDirectory(const Path& path) {
    names_.try_emplace(path, nullptr);
    durable_.try_emplace(path, nullptr);
  }

  // Lets `name` stand for the inode.
  void Link(const Path& name, std::shared_ptr<Inode> inode) {
    Change({.name = name, .inode = std::move(inode), .gone = {}});
  }
  // A file, or a directory with all that is in it.
  void Rename(const Path& from, const Path& to) {
    Change({.name = to, .inode = Find(from), .gone = from});
  }
  // A file, or an empty directory.
  void Unlink(const Path& name) { Change({.name = {}, .inode = nullptr, .gone = name}); }

  void SyncDirectory(const Path& directory) {
    std::erase_if(unsynced_, [&](const NameChange& change) {
      const Path& name = change.name.empty() ? change.gone : change.name;
      if (name.parent_path() != directory) return false;
      Apply(change, durable_);
      return true;
    });
  }

  // Files end where they were last synced, and of the links, renames and unlinks that no
  // SyncDirectory followed those survive whose number, counted from 0, `survives` accepts. So do,
  // counted on from there, the overwritten bytes that no Sync followed.
  void CutPower(const Survives& survives) {
    for (std::size_t i = 0; i < unsynced_.size(); ++i) {
      if (survives(i)) Apply(unsynced_[i], durable_);
    }
    std::size_t number = unsynced_.size();
    unsynced_.clear();
    for (auto& [name, inode] : durable_) {
      if (inode) number += inode->Lose(survives, number);
    }
    names_ = durable_;
  }

 private:
  // `name` stands for `inode` from now on, or without one for what is in the directory `gone`; and
  // `gone` for nothing.
  struct NameChange {
    Path name;
    std::shared_ptr<Inode> inode;
    Path gone;
  };
  static bool IsInside(const Path& path, const Path& directory) {
    return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
           directory.end();
  }
  static void Apply(const NameChange& change, Names& names) {
    if (change.inode || change.name.empty()) {
      names.erase(change.gone);
      if (change.inode) names[change.name] = change.inode;
      return;
    }
    Names moved;
    std::erase_if(names, [&](const auto& entry) {
      const auto& [path, inode] = entry;
      if (!IsInside(path, change.gone)) return false;
      const Path rest = path.lexically_relative(change.gone);
      moved[rest == "." ? change.name : change.name / rest] = inode;
      return true;
    });
    names.merge(moved);
  }
  void Change(NameChange change) {
    Apply(change, names_);
    unsynced_.push_back(std::move(change));
  }

  Names names_;
  Names durable_;  // what is on the disk
  std::vector<NameChange> unsynced_;
};

}  // namespace warden::testing
