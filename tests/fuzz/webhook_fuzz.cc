// Hostile webhook bodies: the parser answers with alerts that can be stored and read back, or with
// one line that says what is wrong.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/base/text.h"
#include "exporter/webhook/notification.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using warden::webhook::Alert;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto notification = warden::webhook::ParseNotification(body);
  if (!notification.ok()) {
    const std::string& message = notification.error().message();
    if (message.empty() || warden::ToSingleLine(message, message.size()) != message) std::abort();
    return 0;
  }
  if (notification->alerts.size() > warden::webhook::kAlertsMax) std::abort();
  for (const Alert& alert : notification->alerts) {
    if (alert.fingerprint.empty() || !warden::ParseTime(alert.starts_at).ok()) std::abort();
  }
  return 0;
}
