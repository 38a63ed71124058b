// The tree of one bucket, built in one pass from its entries in order: the leaves are written as
// they fill, and above them one branch for each level is kept open.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "exporter/base/result.h"
#include "exporter/bbolt/page.h"
#include "exporter/bbolt/page_writer.h"

namespace warden::bbolt {

// A failure is the file's own; the builder is of no use after it. For one thread.
class TreeBuilder {
 public:
  // `pages` outlives it.
  explicit TreeBuilder(PageWriter& pages)
      : pages_(pages), leaf_(PageHeader::kLeaf, pages.page_size()) {}

  // The keys ascend, and nothing is over its limit.
  Status Add(const Element& entry);
  // Writes what is left; the root of the tree, an empty leaf if nothing was added. Nothing follows.
  Result<PageId> Finish();

 private:
  // Every branch has two children at least, also the last of its level. So a child that finds its
  // branch full waits for one more before the two begin the next branch.
  struct Branch {
    NodeBuilder node;
    std::string waiting_key = {};
    PageId waiting = 0;  // 0: none
  };
  // Writes the node, which begins anew, and makes it a child of the branch `above`.
  Status Close(NodeBuilder& node, std::size_t above);
  Status AddChild(std::size_t level, std::string_view key, PageId page);
  // Finds a place for the child that waits and is the last.
  Status Settle(std::size_t level);

  PageWriter& pages_;
  NodeBuilder leaf_;
  std::deque<Branch> branches_;  // the lowest first; a deque, since one is at work while it grows
};

}  // namespace warden::bbolt
