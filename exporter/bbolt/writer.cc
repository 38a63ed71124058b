#include "exporter/bbolt/writer.h"

#include <span>
#include <utility>

#include "exporter/bbolt/meta.h"

namespace warden::bbolt {
namespace {

Status Invalid(const std::string& what) {
  return Status(Code::kInvalidArgument, what);
}

Status CheckKey(const char* what, std::string_view key, std::string_view previous) {
  if (key.empty()) return Invalid(std::string(what) + " is empty");
  if (key.size() > kKeyBytesMax) {
    return Invalid(std::string(what) + " of " + std::to_string(key.size()) + " bytes, at most " +
                   std::to_string(kKeyBytesMax) + " are possible");
  }
  // Nothing is less than the first, since nothing is less than empty.
  if (key <= previous) return Invalid(std::string(what) + " that does not follow the one before");
  return {};
}

// The start of a meta page; the rest is zeros.
std::string MetaPage(PageId page, PageId root, const PageWriter& pages) {
  std::string meta;
  AppendInteger(meta, kMagic);
  AppendInteger(meta, kVersion);
  AppendInteger(meta, pages.page_size());
  AppendInteger(meta, std::uint32_t{0});  // flags
  AppendInteger(meta, root);
  AppendInteger(meta, std::uint64_t{0});  // the sequence of the root bucket
  AppendInteger(meta, kNoFreelist);
  AppendInteger(meta, pages.page_count());
  // bbolt writes the meta of a transaction to the page of its parity, and starts with page 0.
  AppendInteger(meta, std::uint64_t{2} - page);
  AppendInteger(meta, MetaChecksum(std::as_bytes(std::span(meta))));
  std::string header;
  AppendInteger(header, page);
  AppendInteger(header, PageHeader::kMeta);
  header.resize(kPageHeaderBytes);
  return header + meta;
}

}  // namespace

Writer::Writer(WritableFile& file, std::uint32_t page_size)
    : file_(file), pages_(file, page_size), root_(pages_) {
  if (!std::has_single_bit(page_size) || page_size < kPageSizeMin || page_size > kPageSizeMax) {
    failed_ = Invalid("a page size of " + std::to_string(page_size) + " bytes");
  }
}

Status Writer::Allow(bool in_order, const char* what) const {
  if (!failed_.ok()) return failed_;
  if (is_finished_) return Invalid("the database is finished");
  return in_order ? Status() : Invalid(what);
}

Status Writer::Keep(Status status) {
  failed_ = status;
  return status;
}

Status Writer::BeginBucket(std::string_view name, std::uint64_t sequence) {
  WARDEN_RETURN_IF_ERROR(Allow(!bucket_, "a bucket begins before the last one ends"));
  WARDEN_RETURN_IF_ERROR(CheckKey("a bucket's name", name, name_));
  bucket_.emplace(OpenBucket{.sequence = sequence, .last_key = {}, .tree = TreeBuilder(pages_)});
  name_ = name;
  return {};
}

Status Writer::Add(std::string_view key, std::string_view value) {
  WARDEN_RETURN_IF_ERROR(Allow(bucket_.has_value(), "a key outside any bucket"));
  WARDEN_RETURN_IF_ERROR(CheckKey("a key", key, bucket_->last_key));
  if (value.size() > kValueBytesMax) {
    return Invalid("a value of " + std::to_string(value.size()) + " bytes, at most " +
                   std::to_string(kValueBytesMax) + " are possible");
  }
  bucket_->last_key = key;
  return Keep(bucket_->tree.Add({.key = key, .value = value}));
}

Status Writer::EndBucket() {
  WARDEN_RETURN_IF_ERROR(Allow(bucket_.has_value(), "a bucket ends that did not begin"));
  const Result<PageId> root = bucket_->tree.Finish();
  if (!root.ok()) return Keep(root.error());
  std::string header;
  AppendInteger(header, *root);
  AppendInteger(header, bucket_->sequence);
  const Element entry{.key = name_, .value = header, .flags = Element::kBucket};
  const Status added = Keep(root_.Add(entry));
  bucket_.reset();
  return added;
}

Result<std::uint64_t> Writer::Finish() {
  WARDEN_RETURN_IF_ERROR(Allow(!bucket_, "the database ends before its last bucket"));
  const Result<PageId> root = root_.Finish();
  if (!root.ok()) return Keep(root.error());
  WARDEN_RETURN_IF_ERROR(Keep(pages_.Flush()));
  WARDEN_RETURN_IF_ERROR(Keep(WriteMetas(*root)));
  is_finished_ = true;
  return pages_.page_count() * pages_.page_size();
}

Status Writer::WriteMetas(PageId root) {
  for (const PageId page : {PageId{0}, PageId{1}}) {
    const std::string meta = MetaPage(page, root, pages_);
    WARDEN_RETURN_IF_ERROR(
        file_.WriteAt(page * pages_.page_size(), std::as_bytes(std::span(meta))));
  }
  return {};
}

}  // namespace warden::bbolt
