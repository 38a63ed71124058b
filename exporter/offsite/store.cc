#include "exporter/offsite/store.h"

#include <algorithm>
#include <tuple>

#include "exporter/backup/catalogue.h"
#include "exporter/backup/changes.h"
#include "exporter/base/json.h"

namespace warden::offsite {
namespace {

constexpr std::string_view kStateName = ".state";
constexpr std::size_t kStateBytesMax = 64UL * 1024;

}  // namespace

DestinationStore::DestinationStore(Files& files, const Files::Path& catalogue,
                                   const std::string& destination)
    : files_(&files), directory_(catalogue / backup::kCopiesName / destination) {}

Result<std::vector<backup::Manifest>> DestinationStore::List() const {
  std::vector<backup::Manifest> copies;
  const Result<std::vector<DirectoryEntry>> entries = files_->List(directory_);
  if (!entries.ok() && entries.error().code() == Code::kNotFound) return copies;
  if (!entries.ok()) return entries.error();
  const std::string suffix = backup::ManifestName("");
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(suffix)) continue;
    const std::string id = entry.name.substr(0, entry.name.size() - suffix.size());
    if (!backup::IsId(id)) continue;
    Result<backup::Manifest> copy = backup::ReadManifest(*files_, directory_, id);
    if (copy.ok() && copy->stored) copies.push_back(*std::move(copy));
  }
  std::ranges::sort(copies, [](const backup::Manifest& a, const backup::Manifest& b) {
    return std::tie(a.created, a.id) > std::tie(b.created, b.id);
  });
  return copies;
}

Status DestinationStore::Record(const backup::Manifest& copy) {
  WARDEN_RETURN_IF_ERROR(files_->MakeDirectories(directory_));
  return backup::WriteManifest(*files_, directory_, copy);
}

Status DestinationStore::Forget(const std::string& id) {
  const Status removed = files_->Remove(directory_ / backup::ManifestName(id));
  if (removed.code() == Code::kNotFound) return {};
  return removed.ok() ? files_->SyncDirectory(directory_) : removed;
}

CopyState DestinationStore::State() const {
  CopyState state;
  const Result<std::string> text = files_->ReadAll(directory_ / kStateName, kStateBytesMax);
  const Result<ParsedJson> json = text.ok() ? ParseJson(*text) : Result<ParsedJson>(text.error());
  if (!json.ok()) return state;
  state.last_attempt = FindTime(*json, "last_attempt");
  state.last_success = FindTime(*json, "last_success");
  state.failures = static_cast<int>(
      std::clamp<std::int64_t>(FindInteger(*json, "failures").value_or(0), 0, 1'000'000));
  state.error = FindString(*json, "error").value_or("");
  state.remote = FindString(*json, "remote").value_or("");
  return state;
}

Status DestinationStore::SaveState(const CopyState& state) {
  WARDEN_RETURN_IF_ERROR(files_->MakeDirectories(directory_));
  const Json json{{"last_attempt", TimeOrNull(state.last_attempt)},
                  {"last_success", TimeOrNull(state.last_success)},
                  {"failures", state.failures},
                  {"error", state.error},
                  {"remote", state.remote}};
  return WriteAtomically(*files_, directory_ / kStateName, DumpJson(json, 2) + "\n");
}

Result<std::unique_ptr<FileLock>> DestinationStore::Lock() {
  WARDEN_RETURN_IF_ERROR(files_->MakeDirectories(directory_));
  return files_->Lock(directory_ / backup::kLockName);
}

}  // namespace warden::offsite
