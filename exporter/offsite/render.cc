#include "exporter/offsite/render.h"

#include "exporter/metrics/labels.h"

namespace warden::offsite {

void Render(metrics::Page& page, const std::string& cluster,
            const std::vector<DestinationSubject>& destinations) {
  for (const DestinationSubject& destination : destinations) {
    const metrics::Label here{metrics::kClusterLabel, cluster};
    const metrics::Label there{"destination", destination.name};
    if (destination.state.last_attempt) {
      page.Gauge("backup_copy_up", "1 if the last copy to the destination worked.",
                 destination.state.up() ? 1 : 0, {here, there});
    }
    const bool any = !destination.copies.empty();
    page.Gauge("backup_copy_last_success_timestamp_seconds",
               "When the newest backup that is known to be at the destination was complete; 0 if "
               "none is.",
               any ? ToUnixSeconds(destination.copies.front().created) : 0, {here, there});
    page.Gauge("backup_copy_stored", "Backups that are known to be at the destination.",
               static_cast<double>(destination.copies.size()), {here, there});
    double bytes = 0;
    for (const backup::Manifest& copy : destination.copies) {
      bytes += static_cast<double>(copy.stored->size_bytes);
    }
    page.Gauge("backup_copy_stored_bytes", "Bytes that the copies at the destination take.", bytes,
               {here, there});
    page.Gauge("backup_copy_pending", "Verified backups that the destination does not have yet.",
               static_cast<double>(destination.pending), {here, there});
  }
}

}  // namespace warden::offsite
