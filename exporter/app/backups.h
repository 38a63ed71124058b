// The HTTP API of backups: what there is, and asking for one.
#pragma once

#include <optional>
#include <string_view>

#include "exporter/app/runtime.h"
#include "exporter/http/server.h"

namespace warden::app {

inline constexpr std::string_view kBackupsPath = "/api/v1/backups";
// "/api/v1/clusters/NAME/backups"
inline constexpr std::string_view kClustersPath = "/api/v1/clusters/";
inline constexpr std::size_t kBackupRequestBytesMax = 64UL * 1024;

// GET: the manifests of every cluster, or of `cluster=NAME`, newest first, each with the
// destinations that have a copy; and what in the directories is damaged or foreign. 404 for an
// unknown cluster.
http::Response ListBackups(Runtime& runtime, const http::Request& request);

// The guard of RequestBackup: 403 without a section `api`.
std::optional<http::Response> AuthenticateApi(Runtime& runtime, const http::Request& request);

// POST to `rest`, "NAME/backups": stores a job and answers 202 with it. The body is empty or
// {"class": "...", "hold": "30d", "all_members": true}. 400 says what is wrong with it, 404 that
// there is no such cluster or it has no backup section, 503 that the job could not be stored.
http::Response RequestBackup(Runtime& runtime, const http::Request& request, std::string_view rest);

}  // namespace warden::app
