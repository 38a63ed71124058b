#include "exporter/restore/drill_receipt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "exporter/backup/manifest.h"
#include "exporter/base/json_fields.h"
#include "exporter/base/text.h"

namespace warden::restore {
namespace {

constexpr std::string_view kReceiptSuffix = ".json";
constexpr std::string_view kLockName = ".lock";
constexpr std::string_view kCopyPrefix = "copy ";
// Above it, a receipt is not read.
constexpr std::size_t kReceiptBytesMax = 256UL * 1024;

constexpr std::array<DrillChoice, 4> kChoices = {DrillChoice::kNamed, DrillChoice::kNewest,
                                                 DrillChoice::kLeastRecent, DrillChoice::kCopy};

template <typename T>
Json NumberOrNull(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json SecondsOrNull(const std::optional<Nanoseconds>& duration) {
  return duration ? Json(ToSeconds(*duration)) : Json(nullptr);
}

Json ToJson(const DrillStep& step) {
  return Json{{"name", step.name},
              {"passed", step.passed},
              {"seconds", ToSeconds(step.duration)},
              {"found", step.found}};
}

template <typename T>
std::optional<T> FindCount(const ParsedJson& json, std::string_view key) {
  const auto number = FindInteger(json, key);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<T>(*number);
}

std::optional<Nanoseconds> FindSeconds(JsonFields& fields, std::string_view key) {
  if (FindField(fields.object(), key) == nullptr) return std::nullopt;
  return fields.Duration(key);
}

void ReadSteps(JsonFields& fields, std::vector<DrillStep>& steps) {
  for (JsonFields& each : fields.Objects("steps")) {
    steps.push_back({.name = each.String("name"),
                     .duration = each.Duration("seconds"),
                     .found = each.OptionalString("found"),
                     .passed = each.Bool("passed")});
  }
}

// The id in "<id><suffix>"; empty if the name is not of that form.
std::string IdOf(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return "";
  const std::string_view id = name.substr(0, name.size() - suffix.size());
  return backup::IsId(id) ? std::string(id) : "";
}

Status RemoveIfThere(Files& files, const Files::Path& path) {
  Status removed = files.Remove(path);
  return removed.code() == Code::kNotFound ? Status() : removed;
}

}  // namespace

std::string_view DrillChoiceName(DrillChoice choice) {
  switch (choice) {
    case DrillChoice::kNamed:
      return "named";
    case DrillChoice::kNewest:
      return "newest";
    case DrillChoice::kLeastRecent:
      return "least_recent";
    case DrillChoice::kCopy:
      return "copy";
  }
  return "named";
}

std::string DrillReceipt::Source() const {
  return destination.empty() ? "catalogue" : std::string(kCopyPrefix) + destination;
}

Json ToJson(const DrillReceipt& receipt) {
  Json steps = Json::array();
  for (const DrillStep& step : receipt.steps) steps.push_back(ToJson(step));
  return Json{{"schema", 1},
              {"id", receipt.id},
              {"cluster", receipt.cluster},
              {"backup_id", TextOrNull(receipt.backup_id)},
              {"source", receipt.Source()},
              {"choice", DrillChoiceName(receipt.choice)},
              {"trigger", metrics::TriggerName(receipt.trigger)},
              {"turn", receipt.turn},
              {"started", FormatTime(receipt.started)},
              {"finished", FormatTime(receipt.finished)},
              {"succeeded", receipt.succeeded},
              {"offline", receipt.offline},
              {"failed_step", TextOrNull(receipt.failed_step)},
              {"error", TextOrNull(receipt.error)},
              {"damaged", receipt.damaged},
              {"etcd_version", TextOrNull(receipt.etcd_version)},
              {"etcd_program", TextOrNull(receipt.etcd_program)},
              {"restore_seconds", SecondsOrNull(receipt.restore_duration)},
              {"fetch_seconds", SecondsOrNull(receipt.fetch_duration)},
              {"revision", NumberOrNull(receipt.revision)},
              {"hash", NumberOrNull(receipt.hash)},
              {"keys", NumberOrNull(receipt.keys)},
              {"leases", NumberOrNull(receipt.leases)},
              {"samples", NumberOrNull(receipt.samples)},
              {"steps", std::move(steps)},
              {"notes", receipt.notes}};
}

Result<DrillReceipt> ParseDrillReceipt(std::string_view text) {
  WARDEN_ASSIGN_OR_RETURN(const ParsedJson json, ParseJson(text));
  if (!json.is_object()) return Status(Code::kInvalidArgument, "not the receipt of a drill");
  JsonFields fields(json);
  DrillReceipt receipt;
  receipt.id = fields.String("id");
  if (!backup::IsId(receipt.id)) fields.Complain("id");
  receipt.cluster = fields.String("cluster");
  receipt.backup_id = fields.OptionalString("backup_id");
  const std::string source = fields.String("source");
  if (source.starts_with(kCopyPrefix)) receipt.destination = source.substr(kCopyPrefix.size());
  const auto* choice = std::ranges::find(kChoices, fields.OptionalString("choice"),
                                         [](DrillChoice each) { return DrillChoiceName(each); });
  if (choice != kChoices.end()) receipt.choice = *choice;
  const bool is_scheduled =
      fields.String("trigger") == metrics::TriggerName(metrics::Trigger::kSchedule);
  receipt.trigger = is_scheduled ? metrics::Trigger::kSchedule : metrics::Trigger::kManual;
  receipt.turn = FindCount<int>(json, "turn").value_or(-1);
  receipt.started = fields.Time("started");
  receipt.finished = fields.Time("finished");
  receipt.succeeded = fields.Bool("succeeded");
  receipt.offline = fields.Bool("offline");
  receipt.failed_step = fields.OptionalString("failed_step");
  receipt.error = fields.OptionalString("error");
  receipt.damaged = fields.Bool("damaged");
  receipt.etcd_version = fields.OptionalString("etcd_version");
  receipt.etcd_program = fields.OptionalString("etcd_program");
  receipt.restore_duration = FindSeconds(fields, "restore_seconds");
  receipt.fetch_duration = FindSeconds(fields, "fetch_seconds");
  ReadSteps(fields, receipt.steps);
  receipt.revision = FindInteger(json, "revision");
  receipt.hash = FindCount<std::uint32_t>(json, "hash");
  receipt.keys = FindCount<std::uint64_t>(json, "keys");
  receipt.leases = FindCount<std::uint64_t>(json, "leases");
  receipt.samples = FindCount<std::uint64_t>(json, "samples");
  receipt.notes = FindStrings(json, "notes");
  if (fields.complaint()) {
    return Status(Code::kInvalidArgument,
                  "the field " + *fields.complaint() + " is missing or makes no sense");
  }
  return receipt;
}

Result<std::vector<DrillReceipt>> DrillStore::Load(Logger& log) const {
  std::vector<DrillReceipt> receipts;
  const auto entries = files_->List(directory_);
  if (!entries.ok()) {
    if (entries.error().code() == Code::kNotFound) return receipts;
    return entries.error();
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string id = IdOf(entry.name, kReceiptSuffix);
    if (id.empty()) continue;
    const Result<std::string> text = files_->ReadAll(directory_ / entry.name, kReceiptBytesMax);
    // Removed at this moment, since there are newer ones.
    if (!text.ok() && text.error().code() == Code::kNotFound) continue;
    Result<DrillReceipt> receipt =
        text.ok() ? ParseDrillReceipt(*text) : Result<DrillReceipt>(text.error());
    if (receipt.ok() && receipt->id != id) {
      receipt = Status(Code::kInvalidArgument, "it is that of drill " + receipt->id);
    }
    if (!receipt.ok()) {
      log.Log(LogLevel::kWarn, "cannot read the receipt of a drill, leaving it alone",
              {{"file", (directory_ / entry.name).string()}, {"error", receipt.error()}});
      continue;
    }
    receipts.push_back(*std::move(receipt));
  }
  std::ranges::sort(receipts, std::ranges::greater(), &DrillReceipt::id);
  return receipts;
}

Result<std::unique_ptr<FileLock>> DrillStore::Lock() const {
  WARDEN_RETURN_IF_ERROR(files_->MakeDirectories(directory_));
  Result<std::unique_ptr<FileLock>> lock = files_->Lock(directory_ / kLockName);
  if (!lock.ok()) {
    if (lock.error().code() != Code::kFailedPrecondition) return lock.error();
    return Status(Code::kFailedPrecondition, "another drill of this cluster is running");
  }
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files_->List(directory_));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(kPartialSuffix)) continue;
    WARDEN_RETURN_IF_ERROR(RemoveIfThere(*files_, directory_ / entry.name));
  }
  return lock;
}

Status DrillStore::Save(const DrillReceipt& receipt, std::string_view evidence) const {
  if (!evidence.empty()) {
    WARDEN_RETURN_IF_ERROR(WriteAtomically(*files_, LogPath(receipt.id), evidence));
  }
  WARDEN_RETURN_IF_ERROR(WriteAtomically(*files_,
                                         directory_ / (receipt.id + std::string(kReceiptSuffix)),
                                         DumpJson(ToJson(receipt), 2) + "\n"));
  return RemoveOld();
}

Status DrillStore::RemoveOld() const {
  WARDEN_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files_->List(directory_));
  std::vector<std::string> ids;
  for (const DirectoryEntry& entry : entries) {
    if (std::string id = IdOf(entry.name, kReceiptSuffix); !id.empty()) ids.push_back(id);
  }
  std::ranges::sort(ids, std::ranges::greater());
  for (std::size_t i = kDrillReceiptsKept; i < ids.size(); ++i) {
    WARDEN_RETURN_IF_ERROR(RemoveIfThere(*files_, LogPath(ids[i])));
    WARDEN_RETURN_IF_ERROR(
        RemoveIfThere(*files_, directory_ / (ids[i] + std::string(kReceiptSuffix))));
  }
  return {};
}

}  // namespace warden::restore
