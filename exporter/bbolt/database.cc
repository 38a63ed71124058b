#include "exporter/bbolt/database.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "exporter/bbolt/meta.h"

namespace warden::bbolt {
namespace {

constexpr std::size_t kMetaPageBytes = kPageHeaderBytes + kChecksummedBytes + 8;
// 16 TiB of the usual pages, where etcd advises against 8 GiB: a bit for each has to fit into
// memory.
constexpr PageId kPagesMax = PageId{1} << 32;

// How far one read goes for the sake of the pages behind the one that is wanted, and which gap it
// reads over: a call costs as much as a page or two.
constexpr std::uint64_t kWindowBytes = 128 * 1024;
constexpr PageId kGapMax = 4;

Status Damaged(const std::string& what) {
  return Status(Code::kDataLoss, what);
}

bool HasMagic(std::span<const std::byte> page, std::uint32_t magic) {
  return Load<std::uint32_t>(page.data() + kPageHeaderBytes) == magic;
}

// The meta in the page, or what is wrong with it.
Result<Meta> ParseMeta(std::span<const std::byte, kMetaPageBytes> page, PageId id) {
  const PageHeader header = LoadPageHeader(page.data());
  const std::byte* body = page.data() + kPageHeaderBytes;
  if (!HasMagic(page, kMagic)) return Damaged("not a bbolt meta page");
  if (Load<std::uint32_t>(body + 4) != kVersion) {
    return Damaged("bbolt version " + std::to_string(Load<std::uint32_t>(body + 4)) +
                   ", known is " + std::to_string(kVersion));
  }
  if (MetaChecksum({body, kChecksummedBytes}) != Load<std::uint64_t>(body + kChecksummedBytes)) {
    return Damaged("the checksum of the meta page is wrong");
  }
  if (header.flags != PageHeader::kMeta || header.id != id || header.count != 0 ||
      header.overflow != 0) {
    return Damaged("the page header is not that of meta page " + std::to_string(id));
  }
  const Meta meta{.page_size = Load<std::uint32_t>(body + 8),
                  .root = Load<std::uint64_t>(body + 16),
                  .freelist = Load<std::uint64_t>(body + 32),
                  .page_count = Load<std::uint64_t>(body + 40),
                  .transaction = Load<std::uint64_t>(body + 48)};
  if (!std::has_single_bit(meta.page_size) || meta.page_size < kPageSizeMin ||
      meta.page_size > kPageSizeMax) {
    return Damaged("a page size of " + std::to_string(meta.page_size) + " bytes");
  }
  return meta;
}

struct FoundMeta {
  std::optional<Meta> meta;
  std::string complaint;  // where there is no meta
  bool has_magic = false;
  bool is_swapped = false;
};

FoundMeta FindMeta(const Database& database, std::uint64_t offset, PageId id) {
  std::array<std::byte, kMetaPageBytes> page{};
  FoundMeta found;
  if (const Status read = database.Read(offset, page); !read.ok()) {
    found.complaint = read.message();
    return found;
  }
  found.has_magic = HasMagic(page, kMagic);
  found.is_swapped = HasMagic(page, __builtin_bswap32(kMagic));
  const Result<Meta> meta = ParseMeta(page, id);
  if (meta.ok()) {
    found.meta = *meta;
  } else {
    found.complaint = meta.error().message();
  }
  return found;
}

// The second meta page when the first, which tells the page size, cannot be read.
FoundMeta SearchSecondMeta(const Database& database) {
  for (std::uint64_t offset = kPageSizeMin; offset <= kPageSizeMax; offset *= 2) {
    FoundMeta found = FindMeta(database, offset, 1);
    if (found.meta && found.meta->page_size == offset) return found;
  }
  return {.complaint = "not found"};
}

Status CheckBounds(const Meta& meta, std::uint64_t size_bytes) {
  if (meta.page_count > size_bytes / meta.page_size) {
    return Damaged("it is cut short: " + std::to_string(meta.page_count) + " pages of " +
                   std::to_string(meta.page_size) + " bytes are in use, the database has " +
                   std::to_string(size_bytes) + " bytes");
  }
  if (meta.page_count > kPagesMax) {
    return Damaged(std::to_string(meta.page_count) + " pages are in use, more than any etcd has");
  }
  if (meta.root < 2 || meta.root >= meta.page_count) {
    return Damaged("the root page " + std::to_string(meta.root) + " is out of bounds");
  }
  const bool freelist_fits = meta.freelist >= 2 && meta.freelist < meta.page_count;
  if (meta.has_freelist() && !freelist_fits) {
    return Damaged("the freelist page " + std::to_string(meta.freelist) + " is out of bounds");
  }
  return {};
}

}  // namespace

Result<Database> Database::Open(const ReadableFile& file, std::uint64_t size_bytes,
                                Findings& warnings) {
  Database database(file, size_bytes);
  const FoundMeta first = FindMeta(database, 0, 0);
  const FoundMeta second =
      first.meta ? FindMeta(database, first.meta->page_size, 1) : SearchSecondMeta(database);
  if (!first.meta && !second.meta) {
    if (first.is_swapped) {
      return Status(Code::kUnimplemented,
                    "a bbolt file of a big-endian machine, which is not supported");
    }
    return first.has_magic
               ? Damaged("both meta pages are damaged; the first: " + first.complaint)
               : Status(Code::kInvalidArgument, "not an etcd database: it has no bbolt meta page");
  }
  if (!first.meta) warnings.Add(0, first.complaint + "; the other meta page serves");
  if (!second.meta) warnings.Add(1, second.complaint + "; the other meta page serves");
  const bool second_is_newer =
      second.meta && (!first.meta || second.meta->transaction > first.meta->transaction);
  database.meta_ = second_is_newer ? *second.meta : *first.meta;
  WARDEN_RETURN_IF_ERROR(CheckBounds(database.meta_, size_bytes));
  return database;
}

Status Database::Read(std::uint64_t offset, std::span<std::byte> buffer) const {
  if (offset > size_bytes_ || buffer.size() > size_bytes_ - offset) {
    return Damaged("past the end of the database");
  }
  WARDEN_ASSIGN_OR_RETURN(const std::size_t count, file_->ReadAt(offset, buffer));
  if (count < buffer.size()) return Damaged("the file became shorter while it was read");
  return {};
}

bool NodeReader::Holds(PageId page, std::uint64_t bytes) const {
  const std::uint64_t offset = page * database_.meta().page_size;
  return offset >= offset_ && offset - offset_ <= filled_ && bytes <= filled_ - (offset - offset_);
}

Status NodeReader::Fill(PageId page, std::uint64_t bytes) {
  if (buffer_.size() < bytes) buffer_.resize(bytes);
  offset_ = page * database_.meta().page_size;
  filled_ = 0;
  WARDEN_RETURN_IF_ERROR(database_.Read(offset_, std::span(buffer_).first(bytes)));
  filled_ = bytes;
  return {};
}

void NodeReader::Trim() {
  if (buffer_.size() <= kWindowBytes) return;
  buffer_ = {};
  filled_ = 0;
}

// What a header says of a node's length, before memory is taken for it: bbolt gives a node the
// pages it needs, or one more where it ends with a page.
Status NodeReader::CheckLength(PageId page, const PageHeader& header) const {
  const std::uint64_t page_size = database_.meta().page_size;
  const std::uint64_t pages = std::uint64_t{1} + header.overflow;
  if (pages > database_.meta().page_count - page) {
    return Damaged("it overflows into " + std::to_string(pages - 1) +
                   " pages, which is past the end");
  }
  const std::uint64_t bytes = pages * page_size;
  const bool is_branch = header.flags == PageHeader::kBranch;
  if (bytes > (is_branch ? kBranchBytesMax : kNodeBytesMax)) {
    return Damaged("it is " + std::to_string(bytes) + " bytes long");
  }
  std::uint64_t content = kPageHeaderBytes;
  if (header.count > 0) {
    // The last element, where the content ends.
    const std::uint64_t at = kPageHeaderBytes + kElementBytes * (std::uint64_t{header.count} - 1);
    std::array<std::byte, kElementBytes> element{};
    if (Holds(page, at + kElementBytes)) {
      std::memcpy(element.data(), buffer_.data() + (page * page_size - offset_) + at,
                  element.size());
    } else {
      WARDEN_RETURN_IF_ERROR(database_.Read(page * page_size + at, element));
    }
    const std::byte* place = element.data() + (is_branch ? 0 : 4);
    content = at + Load<std::uint32_t>(place) + std::uint64_t{Load<std::uint32_t>(place + 4)} +
              (is_branch ? 0 : Load<std::uint32_t>(place + 8));
  }
  if (content < bytes - page_size) {
    return Damaged("it takes " + std::to_string(pages) + " pages for " + std::to_string(content) +
                   " bytes");
  }
  return {};
}

Result<NodeReader::Run> NodeReader::Read(PageId page, std::span<const PageId> upcoming) {
  const std::uint64_t page_size = database_.meta().page_size;
  const PageId page_count = database_.meta().page_count;
  if (page < 2 || page >= page_count) return Damaged("the page is out of bounds");
  if (!Holds(page, page_size)) {
    PageId end = page + 1;
    for (const PageId next : upcoming) {
      const bool near = next + 1 >= end && next < page_count && next < end + kGapMax;
      if (!near || (next + 1 - page) * page_size > kWindowBytes) break;
      end = next + 1;
    }
    WARDEN_RETURN_IF_ERROR(Fill(page, (end - page) * page_size));
  }
  const std::byte* start = buffer_.data() + (page * page_size - offset_);
  const PageHeader header = LoadPageHeader(start);
  const std::uint64_t pages = std::uint64_t{1} + header.overflow;
  if (pages > 1) WARDEN_RETURN_IF_ERROR(CheckLength(page, header));
  const std::uint64_t bytes = pages * page_size;
  if (!Holds(page, bytes)) WARDEN_RETURN_IF_ERROR(Fill(page, bytes));
  start = buffer_.data() + (page * page_size - offset_);
  return Run{.bytes = {start, bytes}, .pages = static_cast<std::uint32_t>(pages)};
}

}  // namespace warden::bbolt
