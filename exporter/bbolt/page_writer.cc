#include "exporter/bbolt/page_writer.h"

#include <span>

namespace warden::bbolt {
namespace {

// A count of 0xFFFF has another meaning.
constexpr std::size_t kEntriesMax = 0xFFFE;
// A node that is longer than this wastes little of its last page, and takes no second entry only
// because it is the second. No branch with one child is as long.
constexpr std::uint64_t kLongBytes = 64ULL * 1024;
// The file is written in parts of about this size.
constexpr std::size_t kBufferBytes = 256UL * 1024;

std::uint64_t SizeOf(const Element& entry) {
  return kElementBytes + entry.key.size() + entry.value.size();
}

std::uint64_t PagesFor(std::uint64_t bytes, std::uint32_t page_size) {
  return (bytes + page_size - 1) / page_size;
}

}  // namespace

bool NodeBuilder::Takes(const Element& entry) const {
  if (entries_.size() < 2 && size_bytes() <= kLongBytes) return true;
  if (entries_.size() == kEntriesMax) return false;
  return size_bytes() + SizeOf(entry) <= pages() * page_size_;
}

void NodeBuilder::Add(const Element& entry) {
  // Exactly what a long value takes, and no more for what may stand behind it.
  content_.reserve(PagesFor(size_bytes() + SizeOf(entry), page_size_) * page_size_);
  entries_.push_back({.flags = entry.flags,
                      .key_bytes = static_cast<std::uint32_t>(entry.key.size()),
                      .value_bytes = static_cast<std::uint32_t>(entry.value.size()),
                      .child = entry.child});
  content_.append(entry.key).append(entry.value);
}

NodeBuilder NodeBuilder::TakeLast() {
  const Entry& entry = entries_.back();
  const std::size_t others = content_.size() - entry.key_bytes - entry.value_bytes;
  NodeBuilder last(flags_, page_size_);
  last.entries_ = {entry};
  last.content_ = content_.substr(others);
  entries_.pop_back();
  content_.resize(others);
  return last;
}

void NodeBuilder::Clear() {
  entries_.clear();
  content_.clear();
}

std::string_view NodeBuilder::first_key() const {
  return content().substr(0, entries_.empty() ? 0 : entries_.front().key_bytes);
}

std::uint64_t NodeBuilder::size_bytes() const {
  return kPageHeaderBytes + kElementBytes * entries_.size() + content_.size();
}

std::uint64_t NodeBuilder::pages() const {
  return PagesFor(size_bytes(), page_size_);
}

std::string NodeBuilder::Head(PageId page) const {
  std::string head;
  head.reserve(kPageHeaderBytes + kElementBytes * entries_.size());
  AppendInteger(head, page);
  AppendInteger(head, flags_);
  AppendInteger(head, static_cast<std::uint16_t>(entries_.size()));
  AppendInteger(head, static_cast<std::uint32_t>(pages() - 1));
  // From the element to its key.
  std::uint64_t distance = kElementBytes * entries_.size();
  for (const Entry& entry : entries_) {
    if (flags_ == PageHeader::kLeaf) AppendInteger(head, entry.flags);
    AppendInteger(head, static_cast<std::uint32_t>(distance));
    AppendInteger(head, entry.key_bytes);
    if (flags_ == PageHeader::kLeaf) {
      AppendInteger(head, entry.value_bytes);
    } else {
      AppendInteger(head, entry.child);
    }
    distance += std::uint64_t{entry.key_bytes} + entry.value_bytes - kElementBytes;
  }
  return head;
}

Result<PageId> PageWriter::Write(const NodeBuilder& node) {
  if (page_count_ == 0) {
    page_count_ = 2;
    buffer_.assign(page_count_ * page_size_, '\0');
  }
  const PageId page = page_count_;
  page_count_ += node.pages();
  WARDEN_RETURN_IF_ERROR(Put(node.Head(page)));
  WARDEN_RETURN_IF_ERROR(Put(node.content()));
  buffer_.append(node.pages() * page_size_ - node.size_bytes(), '\0');
  return page;
}

Status PageWriter::Put(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) WARDEN_RETURN_IF_ERROR(Flush());
  if (bytes.size() > kBufferBytes) return file_.Append(std::as_bytes(std::span(bytes)));
  buffer_.append(bytes);
  return {};
}

Status PageWriter::Flush() {
  if (buffer_.empty()) return {};
  WARDEN_RETURN_IF_ERROR(file_.Append(std::as_bytes(std::span(buffer_))));
  buffer_.clear();
  return {};
}

}  // namespace warden::bbolt
