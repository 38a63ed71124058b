#include "exporter/bbolt/tree.h"

#include <utility>

#include "exporter/base/text.h"

namespace warden::bbolt {
namespace {

constexpr std::size_t kBucketHeaderBytes = 16;  // root page and sequence
// bbolt keeps buckets inline up to a quarter of a page, and no machine has larger ones than 64 KiB.
constexpr std::size_t kInlineBytesMax = 16 * 1024;

bool IgnoreLeaf(const Node& /*leaf*/, PageId /*page*/) {
  return true;
}

// Below a branch no page is empty, and the first key of each is that of its entry above: bbolt
// finds the entry by it when it writes the page again.
bool IsWithin(const Node& node, std::string_view low, std::optional<std::string_view> high) {
  const bool is_root = low.empty();
  if (node.count() == 0) return is_root;
  return (is_root || node[0].key == low) && (!high || node[node.count() - 1].key < *high);
}

std::vector<PageId> Children(const Node& branch) {
  std::vector<PageId> children(branch.count());
  for (std::uint32_t i = 0; i < branch.count(); ++i) children[i] = branch[i].child;
  return children;
}

}  // namespace

NodeReader& TreeWalker::ReaderAt(int depth) {
  while (readers_.size() <= static_cast<std::size_t>(depth)) {
    readers_.push_back(std::make_unique<NodeReader>(state_.database));
  }
  return *readers_[static_cast<std::size_t>(depth)];
}

std::optional<Node> TreeWalker::Enter(PageId page, std::span<const PageId> upcoming,
                                      const Bounds& bounds, int depth) {
  Findings& findings = state_.findings;
  if (depth > kDepthMax) {
    findings.Add(page, "the tree is more than " + std::to_string(kDepthMax) + " levels deep");
    return std::nullopt;
  }
  const bool in_bounds = page < state_.database.meta().page_count;
  if (in_bounds && state_.seen.Contains(page)) {
    findings.Add(page, "it is reached in more than one way");
    return std::nullopt;
  }
  const Result<NodeReader::Run> run = ReaderAt(depth).Read(page, upcoming);
  if (!run.ok()) {
    findings.Add(page, run.error().message());
    return std::nullopt;
  }
  // The pages count as reached even if they are damaged: that is one finding, not two.
  bool first_visit = true;
  for (PageId each = page; each < page + run->pages; ++each) {
    first_visit = state_.seen.Insert(each) && first_visit;
  }
  if (!first_visit) {
    findings.Add(page, "it is reached in more than one way");
    return std::nullopt;
  }
  const Result<Node> node = Node::Parse(run->bytes, page);
  if (!node.ok()) {
    findings.Add(page, node.error().message());
    return std::nullopt;
  }
  if (!IsWithin(*node, bounds.low, bounds.high)) {
    findings.Add(page, "its keys do not fit those of the page above");
    return std::nullopt;
  }
  return *node;
}

bool TreeWalker::Visit(PageId page, std::span<const PageId> upcoming, const Bounds& bounds,
                       int depth, const LeafVisitor& visitor) {
  if (stopped()) return false;
  const std::optional<Node> node = Enter(page, upcoming, bounds, depth);
  if (!node) {
    ReaderAt(depth).Trim();
    return true;
  }
  if (!node->is_leaf()) return VisitChildren(*node, bounds, depth, visitor);
  if (!in_root_bucket_) CheckNested(*node, page, depth);
  const bool goes_on = visitor(*node, page);
  ReaderAt(depth).Trim();
  return goes_on;
}

bool TreeWalker::VisitChildren(const Node& branch, const Bounds& bounds, int depth,
                               const LeafVisitor& visitor) {
  const std::vector<PageId> children = Children(branch);
  for (std::uint32_t i = 0; i < branch.count(); ++i) {
    const bool last = i + 1 == branch.count();
    const Bounds inner{.low = branch[i].key,
                       .high = last ? bounds.high : std::optional(branch[i + 1].key)};
    if (!Visit(children[i], std::span(children).subspan(i), inner, depth + 1, visitor)) {
      return false;
    }
  }
  return true;
}

void TreeWalker::CheckNested(const Node& leaf, PageId page, int depth) {
  for (std::uint32_t i = 0; i < leaf.count(); ++i) {
    const Element entry = leaf[i];
    if ((entry.flags & Element::kBucket) == 0) continue;
    const Result<Bucket> bucket = ParseBucket(entry, page);
    if (bucket.ok()) {
      WalkBucket(*bucket, depth + 1, IgnoreLeaf);
    } else {
      state_.findings.Add(page, bucket.error().message());
    }
  }
}

Result<Bucket> TreeWalker::ParseBucket(const Element& entry, PageId page) const {
  const auto damaged = [&](const std::string& what) {
    return Status(Code::kDataLoss, "bucket \"" + ToSingleLine(entry.key, 64) + "\": " + what);
  };
  if (entry.value.size() < kBucketHeaderBytes) return damaged("its header is cut short");
  Bucket bucket{.name = std::string(entry.key),
                .root = Load<PageId>(reinterpret_cast<const std::byte*>(entry.value.data())),
                .sequence = Load<std::uint64_t>(
                    reinterpret_cast<const std::byte*>(entry.value.data()) + sizeof(PageId)),
                .inline_node = {},
                .found_on = page};
  if (bucket.root == 0) {
    if (entry.value.size() > kInlineBytesMax) {
      return damaged("too large to be inline");
    }
    bucket.inline_node = entry.value.substr(kBucketHeaderBytes);
    const Result<Node> node = Node::ParseInline(bucket.inline_node);
    if (!node.ok()) return damaged(node.error().message());
  } else if (entry.value.size() != kBucketHeaderBytes) {
    return damaged("bytes behind its header");
  }
  return bucket;
}

std::vector<Bucket> TreeWalker::ReadBuckets() {
  std::vector<Bucket> buckets;
  const Subtree root{.root = state_.database.meta().root, .low = {}, .high = {}, .depth = 0};
  in_root_bucket_ = true;
  Walk(root, [&](const Node& leaf, PageId page) {
    for (std::uint32_t i = 0; i < leaf.count(); ++i) {
      const Element entry = leaf[i];
      if ((entry.flags & Element::kBucket) == 0) {
        state_.findings.Add(page, "a value where only buckets belong");
        continue;
      }
      Result<Bucket> bucket = ParseBucket(entry, page);
      if (bucket.ok()) {
        buckets.push_back(*std::move(bucket));
      } else {
        state_.findings.Add(page, bucket.error().message());
      }
    }
    if (buckets.size() <= kBucketsMax) return true;
    state_.findings.Add(page, "more buckets than any etcd has");
    return false;
  });
  in_root_bucket_ = false;
  return buckets;
}

void TreeWalker::Walk(const Bucket& bucket, const LeafVisitor& visitor) {
  WalkBucket(bucket, 0, visitor);
}

void TreeWalker::WalkBucket(const Bucket& bucket, int depth, const LeafVisitor& visitor) {
  if (bucket.root != 0) {
    Walk({.root = bucket.root, .low = {}, .high = {}, .depth = depth}, visitor);
    return;
  }
  const Result<Node> node = Node::ParseInline(bucket.inline_node);
  if (!node.ok()) return;  // ParseBucket has said so
  if (depth > kDepthMax) {
    state_.findings.Add(bucket.found_on, "buckets are nested too deeply");
    return;
  }
  CheckNested(*node, bucket.found_on, depth + 1);
  visitor(*node, bucket.found_on);
}

void TreeWalker::Walk(const Subtree& subtree, const LeafVisitor& visitor) {
  const std::optional<std::string_view> high =
      subtree.high ? std::optional<std::string_view>(*subtree.high) : std::nullopt;
  Visit(subtree.root, {}, {.low = subtree.low, .high = high}, subtree.depth, visitor);
}

std::vector<Subtree> TreeWalker::Split(const Bucket& bucket, std::size_t wanted) {
  std::vector<Subtree> level = {{.root = bucket.root, .low = {}, .high = {}, .depth = 0}};
  bool grew = bucket.root != 0;
  while (grew && level.size() < wanted && !stopped()) {
    grew = false;
    std::vector<Subtree> next;
    for (Subtree& subtree : level) {
      const Result<NodeReader::Run> run = ReaderAt(0).Read(subtree.root, {});
      const bool is_branch = next.size() < wanted && run.ok() &&
                             !state_.seen.Contains(subtree.root) &&
                             LoadPageHeader(run->bytes.data()).flags == PageHeader::kBranch;
      if (!is_branch) {
        ReaderAt(0).Trim();
        next.push_back(std::move(subtree));
        continue;
      }
      const std::optional<std::string_view> high =
          subtree.high ? std::optional<std::string_view>(*subtree.high) : std::nullopt;
      const std::optional<Node> node =
          Enter(subtree.root, {}, {.low = subtree.low, .high = high}, subtree.depth);
      if (!node) continue;
      grew = true;
      for (std::uint32_t i = 0; i < node->count(); ++i) {
        const bool last = i + 1 == node->count();
        next.push_back(
            {.root = (*node)[i].child,
             .low = std::string((*node)[i].key),
             .high = last ? subtree.high : std::optional(std::string((*node)[i + 1].key)),
             .depth = subtree.depth + 1});
      }
    }
    level = std::move(next);
  }
  return level;
}

}  // namespace warden::bbolt
