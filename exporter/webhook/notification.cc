#include "exporter/webhook/notification.h"

#include <algorithm>

#include "exporter/base/json.h"
#include "exporter/base/text.h"

namespace warden::webhook {
namespace {

// Go writes 35 bytes at most; endless fractions would make a job file too large to be read back.
constexpr std::size_t kTimeTextMax = 64;

Status Invalid(const std::string& what) {
  return Status(Code::kInvalidArgument, what);
}

Result<Alert> ParseAlert(const ParsedJson& json, const std::string& where) {
  Alert alert;
  const std::string status = FindString(json, "status").value_or("");
  if (status != "firing" && status != "resolved") {
    return Invalid(where + ".status: is neither \"firing\" nor \"resolved\"");
  }
  alert.firing = status == "firing";
  const ParsedJson* labels = FindField(json, "labels");
  if (labels == nullptr || !labels->is_object()) return Invalid(where + ".labels: is no object");
  for (const auto& [name, value] : labels->items()) {
    if (!value.is_string()) {
      return Invalid(where + ".labels: \"" + ToSingleLine(name, 64) + "\" is no string");
    }
    alert.labels[name] = value.get<std::string>();
  }
  alert.fingerprint = FindString(json, "fingerprint").value_or("");
  alert.starts_at = FindString(json, "startsAt").value_or("");
  if (alert.fingerprint.empty()) return Invalid(where + ".fingerprint: is missing");
  if (alert.starts_at.size() > kTimeTextMax) return Invalid(where + ".startsAt: is too long");
  if (const auto time = ParseTime(alert.starts_at); !time.ok()) {
    return Invalid(where + ".startsAt: " + time.error().message());
  }
  return alert;
}

}  // namespace

std::string Alert::Label(std::string_view name) const {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

Result<Notification> ParseNotification(std::string_view body) {
  WARDEN_ASSIGN_OR_RETURN(const ParsedJson json, ParseJson(body));
  if (!json.is_object()) return Invalid("the body is no JSON object");
  const auto version = FindString(json, "version");
  if (!version) return Invalid("version: is missing; is this Alertmanager's payload?");
  if (*version != "4") {
    return Invalid("version: is \"" + ToSingleLine(*version, 16) + "\"; only \"4\" is understood");
  }
  const ParsedJson* alerts = FindField(json, "alerts");
  if (alerts == nullptr || !alerts->is_array()) return Invalid("alerts: is no array");
  Notification notification;
  const std::size_t count = std::min(alerts->size(), kAlertsMax);
  for (std::size_t i = 0; i < count; ++i) {
    WARDEN_ASSIGN_OR_RETURN(Alert alert,
                            ParseAlert((*alerts)[i], "alerts[" + std::to_string(i) + "]"));
    notification.alerts.push_back(std::move(alert));
  }
  const std::int64_t truncated = FindInteger(json, "truncatedAlerts").value_or(0);
  notification.truncated_alerts =
      static_cast<std::uint64_t>(std::max<std::int64_t>(truncated, 0)) + (alerts->size() - count);
  return notification;
}

}  // namespace warden::webhook
