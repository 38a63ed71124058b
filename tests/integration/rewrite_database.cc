// Writes an etcd database anew, for rewrite_test.py: rewrite_database FROM TO [PAGE-SIZE]. A
// snapshot's trailer is left out; the page size is the old one if none is given.
#include <iostream>
#include <memory>
#include <stop_token>
#include <string>

#include "exporter/base/files.h"
#include "exporter/bbolt/tree.h"
#include "exporter/bbolt/writer.h"
#include "exporter/mvcc/inspect.h"

namespace warden::bbolt {
namespace {

Status Copy(TreeWalker& walker, const Bucket& bucket, Writer& writer) {
  WARDEN_RETURN_IF_ERROR(writer.BeginBucket(bucket.name, bucket.sequence));
  Status added;
  walker.Walk(bucket, [&](const Node& leaf, PageId /*page*/) {
    for (std::uint32_t i = 0; i < leaf.count() && added.ok(); ++i) {
      added = writer.Add(leaf[i].key, leaf[i].value);
    }
    return added.ok();
  });
  WARDEN_RETURN_IF_ERROR(added);
  return writer.EndBucket();
}

Result<std::uint64_t> Rewrite(const ReadableFile& from, WritableFile& to, std::uint32_t page_size) {
  WARDEN_ASSIGN_OR_RETURN(const FileState state, from.State());
  Findings findings;
  WARDEN_ASSIGN_OR_RETURN(const Database database,
                          Database::Open(from, state.size_bytes / 512 * 512, findings));
  PageSet seen(database.meta().page_count);
  TreeWalker walker({database, findings, seen, std::stop_token()});
  Writer writer(to, page_size != 0 ? page_size : database.meta().page_size);
  for (const Bucket& bucket : walker.ReadBuckets()) {
    WARDEN_RETURN_IF_ERROR(Copy(walker, bucket, writer));
  }
  if (findings.count() > 0) return Status(Code::kDataLoss, Describe(findings.Kept().front()));
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t size, writer.Finish());
  WARDEN_RETURN_IF_ERROR(to.Sync());
  WARDEN_RETURN_IF_ERROR(to.Close());
  return size;
}

Status Check(const ReadableFile& file, std::uint64_t size_bytes) {
  WARDEN_ASSIGN_OR_RETURN(const mvcc::Inspection found, mvcc::Inspect(file, size_bytes, {}));
  for (const mvcc::FindingList& list : {found.structure, found.meaning, found.warnings}) {
    if (list.count > 0) return Status(Code::kDataLoss, Describe(list.kept.front()));
  }
  return {};
}

Status Run(const std::string& from, const std::string& to, std::uint32_t page_size) {
  PosixFiles files;
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> old_file, files.Open(from));
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> new_file, files.Create(to));
  WARDEN_ASSIGN_OR_RETURN(const std::uint64_t size, Rewrite(*old_file, *new_file, page_size));
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> written, files.Open(to));
  return Check(*written, size);
}

}  // namespace
}  // namespace warden::bbolt

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto page_size = static_cast<std::uint32_t>(argc > 3 ? std::stoul(argv[3]) : 0);
  const warden::Status status = warden::bbolt::Run(argv[1], argv[2], page_size);
  if (status.ok()) return 0;
  std::cerr << status.message() << std::endl;
  return 1;
}
