// What Alertmanager posts to a webhook receiver, version 4 of its payload:
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/result.h"
#include "exporter/config/matcher.h"

namespace warden::webhook {

struct Alert {
  bool firing = false;  // else resolved
  config::Labels labels;
  std::string fingerprint;  // Alertmanager's hash of the labels
  std::string starts_at;    // RFC 3339, as sent: part of what tells one incident from the next

  // The label's value, or "".
  std::string Label(std::string_view name) const;
};

struct Notification {
  std::vector<Alert> alerts;
  std::uint64_t truncated_alerts = 0;  // left out by Alertmanager, or above kAlertsMax
};

// Bodies above the first are refused by the HTTP server. Alerts above the second are left out here:
// Alertmanager would send a refused notification never again.
inline constexpr std::size_t kBodyBytesMax = 4 << 20;
inline constexpr std::size_t kAlertsMax = 1'000;

// Unknown fields are ignored: newer Alertmanagers add some. kInvalidArgument says what is not of
// version 4.
Result<Notification> ParseNotification(std::string_view body);

}  // namespace warden::webhook
