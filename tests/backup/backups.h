// Backups made by hand, for the tests of what keeps them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exporter/backup/catalogue.h"
#include "tests/support/snapshot_stream.h"

namespace warden::backup {

inline constexpr WallTime kNow{Seconds(1'795'428'900)};  // 2026-11-23T10:15:00Z

// The n-th backup's id; a greater n is newer.
inline std::string IdOfBackup(int n) {
  return MakeId(kNow + Seconds(n), static_cast<std::uint32_t>(n));
}

// A manifest that says of the file what is true.
inline Manifest MakeManifest(const std::string& id, const std::string& file) {
  Manifest manifest;
  manifest.id = id;
  manifest.job_id = MakeId(kNow, 0xabcdef);
  manifest.cluster_name = "prod";
  manifest.cluster_id = 0xef37ad9dc622a7c4;
  manifest.member_id = 0x91bc3c398fb3c146;
  manifest.member_name = "m2";
  manifest.endpoint = "https://10.0.0.12:2379";
  manifest.role = "follower";
  manifest.etcd_version = "3.6.4";
  manifest.storage_version = "3.6.0";
  manifest.revision_before = 4242;
  manifest.raft_index_before = 5000;
  manifest.raft_term = 7;
  manifest.file = SnapshotName(id);
  manifest.size_bytes = file.size();
  manifest.sha256 = testing::Sha256Hex(file);
  manifest.database_sha256 = testing::Sha256Hex(file.substr(0, file.size() - 32));
  manifest.started = kNow + Milliseconds(42);
  manifest.created = kNow + Seconds(3);
  manifest.duration = Milliseconds(1250);
  manifest.trigger = {.kind = metrics::Trigger::kWebhook,
                      .alertname = "EtcdMemberDown",
                      .fingerprint = "c0ffee0123456789",
                      .starts_at = "2026-11-23T10:14:00.5Z",
                      .rule = R"(alertname=~"Etcd.*")"};
  return manifest;
}

// What a snapshot file holds: database and digest.
inline std::string SnapshotFile(std::uint32_t seed = 1, std::size_t database_bytes = 4096) {
  const std::string database = testing::MakeDatabase(database_bytes, seed);
  return database + testing::Sha256(database);
}

// Writes a file as Take leaves it: whole and synced, its name not yet.
inline Status WriteSynced(Files& files, const Files::Path& path, const std::string& content) {
  WARDEN_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files.Create(path));
  WARDEN_RETURN_IF_ERROR(file->Append(std::as_bytes(std::span(content))));
  WARDEN_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

// The ids that the listing holds, newest first. Each must be whole: the file is what its manifest
// says.
inline std::vector<std::string> WholeBackups(Files& files, const Files::Path& directory) {
  std::vector<std::string> ids;
  const Result<Listing> listing = ListBackups(files, directory);
  EXPECT_TRUE(listing.ok()) << listing.status().message();
  if (!listing.ok()) return ids;
  for (const Manifest& manifest : listing->backups) {
    const Result<std::string> file = files.ReadAll(directory / manifest.file, 1 << 24);
    EXPECT_TRUE(file.ok()) << file.status().message();
    if (!file.ok()) continue;
    EXPECT_EQ(testing::Sha256Hex(*file), manifest.sha256) << manifest.id;
    EXPECT_EQ(file->size(), manifest.size_bytes) << manifest.id;
    ids.push_back(manifest.id);
  }
  return ids;
}

}  // namespace warden::backup
