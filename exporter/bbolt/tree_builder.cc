#include "exporter/bbolt/tree_builder.h"

#include <utility>

namespace warden::bbolt {
namespace {

Element Child(std::string_view key, PageId page) {
  return {.key = key, .value = {}, .flags = 0, .child = page};
}

}  // namespace

Status TreeBuilder::Add(const Element& entry) {
  if (!leaf_.Takes(entry)) WARDEN_RETURN_IF_ERROR(Close(leaf_, 0));
  leaf_.Add(entry);
  return {};
}

Status TreeBuilder::Close(NodeBuilder& node, std::size_t above) {
  WARDEN_ASSIGN_OR_RETURN(const PageId page, pages_.Write(node));
  const std::string first_key(node.first_key());
  node.Clear();
  return AddChild(above, first_key, page);
}

Status TreeBuilder::AddChild(std::size_t level, std::string_view key, PageId page) {
  if (level == branches_.size()) {
    branches_.push_back({.node = NodeBuilder(PageHeader::kBranch, pages_.page_size())});
  }
  Branch& branch = branches_[level];
  const Element child = Child(key, page);
  if (branch.waiting != 0) {
    WARDEN_RETURN_IF_ERROR(Close(branch.node, level + 1));
    branch.node.Add(Child(branch.waiting_key, std::exchange(branch.waiting, 0)));
    branch.node.Add(child);
  } else if (branch.node.Takes(child)) {
    branch.node.Add(child);
  } else {
    branch.waiting_key = key;
    branch.waiting = page;
  }
  return {};
}

Status TreeBuilder::Settle(std::size_t level) {
  Branch& branch = branches_[level];
  if (branch.waiting == 0) return {};
  if (branch.node.count() > 2) {
    NodeBuilder last = branch.node.TakeLast();
    WARDEN_RETURN_IF_ERROR(Close(branch.node, level + 1));
    branch.node = std::move(last);
  }
  branch.node.Add(Child(branch.waiting_key, std::exchange(branch.waiting, 0)));
  return {};
}

Result<PageId> TreeBuilder::Finish() {
  if (branches_.empty()) return pages_.Write(leaf_);
  WARDEN_RETURN_IF_ERROR(Close(leaf_, 0));
  for (std::size_t level = 0;; ++level) {
    WARDEN_RETURN_IF_ERROR(Settle(level));
    if (level + 1 == branches_.size()) return pages_.Write(branches_[level].node);
    WARDEN_RETURN_IF_ERROR(Close(branches_[level].node, level + 1));
  }
}

}  // namespace warden::bbolt
