#include "exporter/restore/drill_fetch.h"

#include <string>

#include "exporter/offsite/copy.h"
#include "exporter/offsite/pack.h"

namespace warden::restore {

Status FetchCopy(Files& files, const backup::Manifest& copy,
                 const config::DestinationConfig& destination, const Files::Path& identity_file,
                 const Files::Path& to, const Deadline& deadline) {
  const backup::StoredForm& stored = *copy.stored;
  // The manifest's name of the snapshot, and what was added to it by packing.
  if (!stored.file.starts_with(copy.file)) {
    return {Code::kInvalidArgument, "the manifest of the copy names the file " + stored.file};
  }
  const std::string suffix = stored.file.substr(copy.file.size());
  const Files::Path packed = to.string() + ".packed";
  Status fetched = offsite::MakeRclone(destination).Download(stored.file, packed, deadline);
  if (fetched.ok()) {
    fetched = offsite::Unpack(files, packed, suffix, to, identity_file, copy.size_bytes, deadline)
                  .status();
  }
  files.Remove(packed).ok();
  return fetched;
}

}  // namespace warden::restore
