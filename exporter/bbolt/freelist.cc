#include "exporter/bbolt/freelist.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace warden::bbolt {
namespace {

// A count of this means that the real one is the first of the ids.
constexpr std::uint16_t kCountIsInside = 0xFFFF;
constexpr std::size_t kIdsAtOnce = 8'192;

struct IdList {
  std::uint64_t offset = 0;  // of the first id in the file
  std::uint64_t count = 0;
};

Result<IdList> FindIds(const Database& database, PageSet& seen) {
  const Meta& meta = database.meta();
  const std::uint64_t offset = meta.freelist * meta.page_size;
  std::array<std::byte, kPageHeaderBytes + sizeof(PageId)> start{};
  WARDEN_RETURN_IF_ERROR(database.Read(offset, start));
  const PageHeader header = LoadPageHeader(start.data());
  if (header.flags != PageHeader::kFreelist || header.id != meta.freelist) {
    return Status(Code::kDataLoss, "it is no freelist");
  }
  const std::uint64_t pages = std::uint64_t{1} + header.overflow;
  if (pages > meta.page_count - meta.freelist) {
    return Status(Code::kDataLoss, "the freelist overflows past the end");
  }
  for (PageId page = meta.freelist; page < meta.freelist + pages; ++page) {
    if (!seen.Insert(page)) return Status(Code::kDataLoss, "it is reached in more than one way");
  }
  IdList ids{.offset = offset + kPageHeaderBytes, .count = header.count};
  if (header.count == kCountIsInside) {
    ids.count = Load<std::uint64_t>(start.data() + kPageHeaderBytes);
    ids.offset += sizeof(PageId);
  }
  const std::uint64_t room = offset + pages * meta.page_size - ids.offset;
  if (ids.count > room / sizeof(PageId)) {
    return Status(Code::kDataLoss, std::to_string(ids.count) + " free pages do not fit into it");
  }
  return ids;
}

void CheckId(const Database& database, PageId page, const PageSet& seen, PageSet& free,
             Findings& findings) {
  if (page < 2 || page >= database.meta().page_count) {
    findings.Add(page, "it is free, but out of bounds");
  } else if (seen.Contains(page)) {
    findings.Add(page, "it is both free and in use");
  } else if (!free.Insert(page)) {
    findings.Add(page, "it is free twice");
  }
}

Status ReadIds(const Database& database, const IdList& ids, const PageSet& seen, PageSet& free,
               Findings& findings) {
  std::vector<PageId> part;
  for (std::uint64_t done = 0; done < ids.count && !findings.enough(); done += part.size()) {
    part.resize(std::min<std::uint64_t>(kIdsAtOnce, ids.count - done));
    WARDEN_RETURN_IF_ERROR(
        database.Read(ids.offset + done * sizeof(PageId), std::as_writable_bytes(std::span(part))));
    for (const PageId page : part) CheckId(database, page, seen, free, findings);
  }
  return {};
}

}  // namespace

void CheckFreelist(const Database& database, PageSet& seen, Findings& findings) {
  const Meta& meta = database.meta();
  if (!meta.has_freelist()) return;
  // What was not reached for the damage above it is no finding of its own.
  const bool all_reached = findings.count() == 0;
  PageSet free(meta.page_count);
  const Result<IdList> ids = FindIds(database, seen);
  const Status read = ids.ok() ? ReadIds(database, *ids, seen, free, findings) : ids.error();
  if (!read.ok()) {
    findings.Add(meta.freelist, read.message());
    return;
  }
  for (PageId page = 2; all_reached && page < meta.page_count && !findings.enough(); ++page) {
    if (!seen.Contains(page) && !free.Contains(page)) {
      findings.Add(page, "it is neither reached nor free");
    }
  }
}

}  // namespace warden::bbolt
