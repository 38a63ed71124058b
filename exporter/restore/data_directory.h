// The data directory of a member that starts its life from a snapshot, as `snapshot restore` makes
// it:
//
//   member/snap/db                                            the database
//   member/snap/<term>-<index>.snap                           snap_file.h
//   member/wal/0000000000000000-0000000000000000.wal          wal.h; or in a directory of its own
//
// Directories have mode 0700 and files 0600; they belong to whom the directory around them belongs.
// (Of the .snap file etcd makes what the umask leaves of 0666. Nobody else reaches it in that
// directory, so it is not more open here.)
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "exporter/base/files.h"
#include "exporter/base/result.h"
#include "exporter/restore/buckets.h"
#include "exporter/restore/database.h"
#include "exporter/restore/membership.h"

namespace warden::restore {

struct DirectoryOptions {
  Files::Path path;                    // what etcd gets as --data-dir
  std::optional<Files::Path> wal_dir;  // and as --wal-dir, if it gets one; may lie in `path`
  NewCluster cluster;
  std::string name;  // of the member whose directory it is, one of the cluster's
  BucketOptions database;
};

// Where everything stands; in their shortest form.
struct DirectoryLayout {
  Files::Path top;  // the path of the options
  Files::Path member;
  Files::Path snap;
  Files::Path wal;
  Files::Path database_file;
  Files::Path snap_file;
  Files::Path wal_file;
};
DirectoryLayout LayoutOf(const DirectoryOptions& options);

// By their names alone, without a look at the disk: whether the path is the directory or below it.
bool IsWithin(const Files::Path& path, const Files::Path& directory);
// kInvalidArgument if the two would be mixed up: one in the other's way, or the same.
Status CheckPaths(const Files::Path& data_dir, const std::optional<Files::Path>& wal_dir);

struct DirectoryOutcome {
  Status status;
  WrittenDatabase database;  // only if the status is ok
  // After a failure: the directories that hold what is unfinished, for the caller to remove. The
  // message names them, too. Empty if nothing was made.
  std::vector<Files::Path> left;
};

// Writes all of it, and returns when it is on stable storage. Neither `path` nor `wal_dir` may be
// there, not even empty, while the directories around them must be: nothing but these two is
// touched.
//
// kAlreadyExists: there is something, which stays as it is. kInvalidArgument: options that cannot
// be. kFailedPrecondition: the bump is not from the revision of this snapshot. Else as
// WriteDatabase, or what the file system says. It is not proven here that it is right: see
// verify_directory.h.
DirectoryOutcome WriteDataDirectory(Files& files, const SnapshotFile& snapshot,
                                    const DirectoryOptions& options, const std::stop_token& stop,
                                    const mvcc::Progress& progress);

}  // namespace warden::restore
