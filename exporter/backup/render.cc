#include "exporter/backup/render.h"

#include <algorithm>

#include "exporter/base/text.h"
#include "exporter/metrics/labels.h"

namespace warden::backup {
namespace {

using metrics::Page;

constexpr Seconds kClockSkewMax{300};

double SecondsOrZero(const std::optional<WallTime>& time) {
  return time ? ToUnixSeconds(*time) : 0;
}

void RenderJobs(Page& page, const Subject& subject) {
  std::optional<WallTime> attempt;
  bool running = false;
  for (const Job& job : subject.jobs) {
    // A skipped one tried nothing: another warden had done it, or nothing had changed.
    if (job.started && job.state != JobState::kSkipped) {
      attempt = std::max(attempt.value_or(*job.started), *job.started);
    }
    running = running || job.state == JobState::kRunning;
  }
  const metrics::Label cluster{metrics::kClusterLabel, subject.cluster};
  page.Gauge("backup_in_progress", "1 while a backup of the cluster is being taken.",
             running ? 1 : 0, {cluster});
  page.Gauge("backup_last_attempt_timestamp_seconds",
             "When the newest backup was started, whether it succeeded or not; 0 if none ever was.",
             SecondsOrZero(attempt), {cluster});
}

// The newest good backup's own facts.
void RenderNewest(Page& page, const Manifest& newest, const metrics::Label& cluster) {
  page.Gauge("backup_last_duration_seconds", "How long the newest backup took to stream.",
             ToSeconds(newest.duration), {cluster});
  page.Gauge("backup_last_success_size_bytes", "Size of the newest backup's snapshot file.",
             static_cast<double>(newest.size_bytes), {cluster});
  page.Gauge("backup_source_info",
             "Always 1; the member that the newest backup came from and the version it ran.", 1,
             {cluster,
              {metrics::kMemberLabel, FormatId(newest.member_id)},
              {"version", newest.etcd_version}});
  if (newest.revision) {
    page.Gauge("backup_last_success_revision", "MVCC revision inside the newest backup.",
               static_cast<double>(*newest.revision), {cluster});
  }
  page.Gauge("backup_verification_level",
             "How far the newest backup is proven: 0 by the length and SHA-256 digest of its "
             "stream, 1 page by page, 2 record by record, 3 by a quorum of the voters.",
             newest.verification_level, {cluster});
}

// When a run was last skipped because the newest backup holds it all.
std::optional<WallTime> LastConfirmed(const Subject& subject, const Listing& listing) {
  const Manifest* good = listing.NewestGood();
  std::optional<WallTime> last;
  for (const Job& job : subject.jobs) {
    const bool confirms = job.state == JobState::kSkipped && good != nullptr && job.finished &&
                          job.backup_ids == std::vector{good->id};
    if (confirms) last = std::max(last.value_or(*job.finished), *job.finished);
  }
  return last;
}

void RenderListing(Page& page, const Listing& listing, const Subject& subject) {
  const metrics::Label cluster{metrics::kClusterLabel, subject.cluster};
  std::optional<WallTime> newest;
  std::optional<WallTime> oldest;
  int quarantined = 0;
  for (const Manifest& backup : listing.backups) {
    if (!backup.quarantined.empty()) {
      ++quarantined;
      continue;
    }
    // From a clock that was ahead: it must not hide that backups have stopped.
    if (backup.created > subject.now + kClockSkewMax) continue;
    newest = std::max(newest.value_or(backup.created), backup.created);
    oldest = std::min(oldest.value_or(backup.created), backup.created);
  }
  if (newest) newest = std::max(*newest, LastConfirmed(subject, listing).value_or(*newest));
  page.Gauge(
      "backup_last_success_timestamp_seconds",
      "When the newest backup was complete, or a scheduled run found that nothing had changed "
      "since; read from the catalogue, so it survives restarts; 0 if there is none.",
      SecondsOrZero(newest), {cluster});
  page.Gauge("backup_last_verified_timestamp_seconds",
             "When the newest verified backup was complete; 0 if there is none. Nothing "
             "unverified enters the catalogue; backup_verification_level says how far it was "
             "proven.",
             SecondsOrZero(newest), {cluster});
  page.Gauge("backup_stored", "Backups in the catalogue, those in quarantine left out.",
             static_cast<double>(listing.backups.size()) - quarantined, {cluster});
  page.Gauge("backup_quarantined",
             "Backups in the catalogue that must not be trusted: members of the cluster held other "
             "data than the snapshot, or a drill found it damaged. None of the other figures "
             "counts them, but for the bytes.",
             quarantined, {cluster});
  page.Gauge(
      "backup_pinned", "Backups that are held against retention.",
      static_cast<double>(std::ranges::count_if(
          listing.backups, [&](const Manifest& backup) { return backup.pinned(subject.now); })),
      {cluster});
  const auto damaged = std::count_if(listing.strangers.begin(), listing.strangers.end(),
                                     [](const Stranger& stranger) { return stranger.damaged; });
  page.Gauge("backup_damaged",
             "Backups in the catalogue whose manifest or snapshot is missing or damaged; the log "
             "names them at start.",
             static_cast<double>(damaged), {cluster});
  page.Gauge("backup_stored_bytes", "Bytes that the snapshots in the catalogue take.",
             static_cast<double>(listing.stored_bytes), {cluster});
  page.Gauge("backup_oldest_timestamp_seconds",
             "When the oldest backup kept was complete; 0 if there is none.", SecondsOrZero(oldest),
             {cluster});
  if (newest) {
    page.Gauge("backup_age_seconds",
               "Age of the newest verified backup at scrape time; absent until the first one.",
               ToSeconds(std::max(subject.now - *newest, Nanoseconds(0))), {cluster});
  }
  if (const Manifest* good = listing.NewestGood()) RenderNewest(page, *good, cluster);
}

}  // namespace

void Render(Page& page, const Subject& subject) {
  const metrics::Label cluster{metrics::kClusterLabel, subject.cluster};
  RenderJobs(page, subject);
  if (subject.listing) RenderListing(page, *subject.listing, subject);
  if (subject.objective) {
    page.Gauge("backup_objective_seconds",
               "The configured age that the newest backup may reach (recovery point objective).",
               ToSeconds(*subject.objective), {cluster});
  }
  if (subject.next_run) {
    page.Gauge("backup_next_run_timestamp_seconds",
               "When a schedule fires next; absent without a schedule.",
               ToUnixSeconds(*subject.next_run), {cluster});
  }
  if (subject.free_bytes) {
    page.Gauge("backup_store_free_bytes", "Bytes free on the file system of the catalogue.",
               static_cast<double>(*subject.free_bytes), {cluster});
  }
}

void RenderAtRisk(Page& page, const std::string& cluster, std::int64_t saved_revision,
                  std::int64_t live_revision) {
  page.Gauge("backup_revisions_at_risk",
             "Revisions of the cluster that the newest backup does not hold: what a restore would "
             "lose now.",
             static_cast<double>(std::max<std::int64_t>(live_revision - saved_revision, 0)),
             {{metrics::kClusterLabel, cluster}});
}

}  // namespace warden::backup
