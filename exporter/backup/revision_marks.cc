#include "exporter/backup/revision_marks.h"

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::backup {
namespace {

constexpr std::size_t kFileBytesMax = 64UL * 1024;

Result<std::vector<RevisionMark>> LoadAll(Files& files, const Files::Path& file) {
  std::vector<RevisionMark> marks;
  const Result<std::string> text = files.ReadAll(file, kFileBytesMax);
  if (text.status().code() == Code::kNotFound) return marks;
  if (!text.ok()) return text.error();
  const Result<ParsedJson> json = ParseJson(*text);
  const ParsedJson* clusters = json.ok() ? FindField(*json, "clusters") : nullptr;
  if (clusters == nullptr || !clusters->is_object()) {
    return Status(Code::kDataLoss, file.string() + ": does not say which revisions were seen");
  }
  for (const auto& [id, mark] : clusters->items()) {
    const Result<std::uint64_t> cluster_id = ParseId(id);
    const auto revision = FindInteger(mark, "revision");
    const auto at = FindTime(mark, "at");
    if (!cluster_id.ok() || !revision || !at) continue;
    marks.push_back({.cluster_id = *cluster_id, .revision = *revision, .at = *at});
  }
  return marks;
}

}  // namespace

Result<std::vector<RevisionMark>> LoadRevisionMarks(Files& files, const Files::Path& directory) {
  return LoadAll(files, directory / kRevisionsName);
}

Status SaveRevisionMark(Files& files, const Files::Path& directory, const RevisionMark& mark) {
  const Files::Path file = directory / kRevisionsName;
  Result<std::vector<RevisionMark>> loaded = LoadAll(files, file);
  if (!loaded.ok() && loaded.error().code() != Code::kDataLoss) return loaded.error();
  std::vector<RevisionMark> marks = loaded.ok() ? *std::move(loaded) : std::vector<RevisionMark>();
  const auto known = std::ranges::find(marks, mark.cluster_id, &RevisionMark::cluster_id);
  if (known == marks.end()) {
    marks.push_back(mark);
  } else if (known->revision < mark.revision) {
    *known = mark;
  } else {
    return {};
  }
  std::ranges::sort(marks, std::ranges::greater(), &RevisionMark::at);
  if (marks.size() > kRevisionMarks) marks.resize(kRevisionMarks);
  Json clusters = Json::object();
  for (const RevisionMark& each : marks) {
    clusters[FormatId(each.cluster_id)] = {{"revision", each.revision},
                                           {"at", FormatTime(each.at)}};
  }
  return WriteAtomically(files, file, DumpJson(Json{{"clusters", clusters}}, 2) + "\n");
}

}  // namespace warden::backup
