// The walk through a bucket's tree: every page is checked on the way, and visited once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/bbolt/database.h"
#include "exporter/bbolt/findings.h"
#include "exporter/bbolt/page.h"
#include "exporter/bbolt/page_set.h"

namespace warden::bbolt {

// A bucket of the root: either a tree of pages, or, if it is small, a node kept in its entry.
struct Bucket {
  std::string name;
  PageId root = 0;  // 0: inline
  std::uint64_t sequence = 0;
  std::string inline_node;
  PageId found_on = 0;  // the page of its entry
};

// The part of a tree below one page, with the keys that may stand there.
struct Subtree {
  PageId root = 0;
  std::string low;                  // the first key; empty: of the bucket's root
  std::optional<std::string> high;  // every key is less; nullopt: no bound
  int depth = 0;                    // of its root below the bucket's
};

// Is given each leaf in the order of keys; false ends the walk. The leaf lives until it returns.
using LeafVisitor = std::function<bool(const Node& leaf, PageId page)>;

// What one walk over a database shares between its threads; all outlive it.
struct WalkState {
  const Database& database;
  Findings& findings;
  PageSet& seen;
  std::stop_token stop;
};

// A tree deeper than this is damaged: one of etcd's largest databases has five levels.
inline constexpr int kDepthMax = 32;
// A root bucket with more entries is none of etcd's, which has about ten.
inline constexpr std::size_t kBucketsMax = 1'000;

// Walks for one thread; several may share a WalkState. A page that is damaged, out of bounds, out
// of its parent's bounds or reached twice is a finding, and the walk goes on beside it. What a
// finding names is not visited.
class TreeWalker {
 public:
  explicit TreeWalker(const WalkState& state) : state_(state) {}

  // The entries of the root bucket, in order.
  std::vector<Bucket> ReadBuckets();
  // Every leaf of a bucket, in order.
  void Walk(const Bucket& bucket, const LeafVisitor& visitor);
  void Walk(const Subtree& subtree, const LeafVisitor& visitor);
  // The parts of a bucket's tree, in order, to be walked by several threads: at least `wanted`
  // where the tree has as many. The branches above them are checked here.
  std::vector<Subtree> Split(const Bucket& bucket, std::size_t wanted);

 private:
  struct Bounds {
    std::string_view low;
    std::optional<std::string_view> high;
  };
  bool stopped() const { return state_.stop.stop_requested() || state_.findings.enough(); }
  bool Visit(PageId page, std::span<const PageId> upcoming, const Bounds& bounds, int depth,
             const LeafVisitor& visitor);
  bool VisitChildren(const Node& branch, const Bounds& bounds, int depth,
                     const LeafVisitor& visitor);
  // The page as a node within the bounds, entered as seen; nullopt after a finding.
  std::optional<Node> Enter(PageId page, std::span<const PageId> upcoming, const Bounds& bounds,
                            int depth);
  // Buckets inside a bucket are checked like any other; nobody visits what is in them.
  void CheckNested(const Node& leaf, PageId page, int depth);
  Result<Bucket> ParseBucket(const Element& entry, PageId page) const;
  void WalkBucket(const Bucket& bucket, int depth, const LeafVisitor& visitor);
  NodeReader& ReaderAt(int depth);

  const WalkState state_;
  bool in_root_bucket_ = false;  // whose entries' trees are left to the caller of ReadBuckets
  std::vector<std::unique_ptr<NodeReader>> readers_;  // by depth: a parent is in use meanwhile
};

}  // namespace warden::bbolt
