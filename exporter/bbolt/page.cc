#include "exporter/bbolt/page.h"

#include <string>

namespace warden::bbolt {
namespace {

Status Damaged(const std::string& what) {
  return Status(Code::kDataLoss, what);
}

std::string Numbered(const std::string& what, std::uint32_t index) {
  return what + " " + std::to_string(index);
}

}  // namespace

PageHeader LoadPageHeader(const std::byte* page) {
  return {.id = Load<std::uint64_t>(page),
          .flags = Load<std::uint16_t>(page + 8),
          .count = Load<std::uint16_t>(page + 10),
          .overflow = Load<std::uint32_t>(page + 12)};
}

Result<Node> Node::Parse(std::span<const std::byte> bytes, PageId id) {
  if (bytes.size() < kPageHeaderBytes) return Damaged("it is shorter than a page header");
  const PageHeader header = LoadPageHeader(bytes.data());
  if (header.id != id) {
    return Damaged("its header says that it is page " + std::to_string(header.id));
  }
  if (header.flags != PageHeader::kBranch && header.flags != PageHeader::kLeaf) {
    return Damaged("neither a branch nor a leaf, its flags are " + std::to_string(header.flags));
  }
  Node node(bytes, header);
  if (!node.is_leaf_ && node.count_ == 0) return Damaged("a branch without children");
  WARDEN_RETURN_IF_ERROR(node.CheckElements());
  return node;
}

Result<Node> Node::ParseInline(std::string_view bytes) {
  WARDEN_ASSIGN_OR_RETURN(const Node node, Parse(std::as_bytes(std::span(bytes)), 0));
  const PageHeader header = LoadPageHeader(node.bytes_.data());
  if (!node.is_leaf_ || header.overflow != 0) return Damaged("not a single leaf");
  if (node.content_bytes_ != bytes.size()) return Damaged("its bytes do not end with its elements");
  return node;
}

Status Node::CheckElements() {
  const std::size_t size = bytes_.size();
  std::size_t end = kPageHeaderBytes + count_ * kElementBytes;
  if (end > size) return Damaged(std::to_string(count_) + " elements do not fit into it");
  std::string_view previous;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const std::size_t at = kPageHeaderBytes + i * kElementBytes;
    const std::byte* element = bytes_.data() + at;
    // A leaf's element has flags before and the length of its value behind what a branch's has too.
    const std::uint32_t flags = is_leaf_ ? Load<std::uint32_t>(element) : 0;
    const std::byte* place = is_leaf_ ? element + 4 : element;
    const std::uint64_t key_bytes = Load<std::uint32_t>(place + 4);
    const std::uint64_t value_bytes = is_leaf_ ? Load<std::uint32_t>(place + 8) : 0;
    if (at + Load<std::uint32_t>(place) != end) {
      return Damaged(Numbered("the content does not lie where it should, of element", i));
    }
    if (key_bytes + value_bytes > size - end) {
      return Damaged(Numbered("the content ends outside, of element", i));
    }
    if (key_bytes > kKeyBytesMax) return Damaged(Numbered("a key that is too long, of element", i));
    if (flags > Element::kBucket) return Damaged(Numbered("unknown flags of element", i));
    const std::string_view key(reinterpret_cast<const char*>(bytes_.data()) + end, key_bytes);
    if (key.empty()) return Damaged(Numbered("an empty key of element", i));
    if (i > 0 && key <= previous) return Damaged(Numbered("the keys do not ascend at element", i));
    previous = key;
    end += key_bytes + value_bytes;
  }
  content_bytes_ = end;
  return {};
}

Element Node::operator[](std::uint32_t index) const {
  const std::byte* element = bytes_.data() + kPageHeaderBytes + index * kElementBytes;
  const char* text = reinterpret_cast<const char*>(element);
  if (!is_leaf_) {
    return {.key = {text + Load<std::uint32_t>(element), Load<std::uint32_t>(element + 4)},
            .child = Load<std::uint64_t>(element + 8)};
  }
  const char* key = text + Load<std::uint32_t>(element + 4);
  const std::uint32_t key_bytes = Load<std::uint32_t>(element + 8);
  return {.key = {key, key_bytes},
          .value = {key + key_bytes, Load<std::uint32_t>(element + 12)},
          .flags = Load<std::uint32_t>(element)};
}

}  // namespace warden::bbolt
