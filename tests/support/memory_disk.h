// The names and bytes of a disk in memory, and what of them a power cut leaves.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace warden::testing {

// As on a real file system, a file's bytes are safe once it was synced, and its name once its
// directory was; a rename may reach the disk before the bytes do. Not thread-safe.
class MemoryDisk {
 public:
  using Path = std::filesystem::path;
  struct Inode {
    std::string content;
    std::size_t synced_bytes = 0;
  };
  using Names = std::map<Path, std::shared_ptr<Inode>>;

  // As a process sees them.
  const Names& names() const { return names_; }
  std::shared_ptr<Inode> Find(const Path& path) const {
    const auto found = names_.find(path);
    return found == names_.end() ? nullptr : found->second;
  }

  // Lets `name` stand for the inode.
  void Link(const Path& name, std::shared_ptr<Inode> inode) {
    Change({.name = name, .inode = std::move(inode), .gone = {}});
  }
  void Rename(const Path& from, const Path& to) {
    Change({.name = to, .inode = Find(from), .gone = from});
  }
  void Unlink(const Path& name) { Change({.name = {}, .inode = nullptr, .gone = name}); }

  void SyncDirectory(const Path& directory) {
    std::erase_if(unsynced_, [&](const NameChange& change) {
      const Path& name = change.inode ? change.name : change.gone;
      if (name.parent_path() != directory) return false;
      Apply(change, durable_);
      return true;
    });
  }

  // Files end where they were last synced, and of the links, renames and unlinks that no
  // SyncDirectory followed those survive whose number, counted from 0, `survives` accepts.
  void CutPower(const std::function<bool(std::size_t)>& survives) {
    for (std::size_t i = 0; i < unsynced_.size(); ++i) {
      if (survives(i)) Apply(unsynced_[i], durable_);
    }
    unsynced_.clear();
    for (auto& [name, inode] : durable_) inode->content.resize(inode->synced_bytes);
    names_ = durable_;
  }

 private:
  // `name` stands for `inode` from now on, if there is one, and `gone` for nothing.
  struct NameChange {
    Path name;
    std::shared_ptr<Inode> inode;
    Path gone;
  };
  static void Apply(const NameChange& change, Names& names) {
    names.erase(change.gone);
    if (change.inode) names[change.name] = change.inode;
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
