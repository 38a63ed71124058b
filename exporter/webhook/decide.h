// What to do about each alert. Pure: the same notification, rules, history and time give the same
// decisions, and each says why.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "exporter/backup/queue.h"
#include "exporter/config/config.h"
#include "exporter/metrics/instruments.h"
#include "exporter/webhook/notification.h"

namespace warden::webhook {

// A cluster that can be backed up, and the jobs it already had, oldest first.
struct ClusterState {
  std::string name;
  bool has_backup = false;  // a backup directory is configured
  std::vector<backup::Job> jobs;
};

struct AlertDecision {
  std::size_t alert = 0;  // index in the notification
  metrics::Decision decision = metrics::Decision::kNoMatch;
  std::string cluster;  // empty if the alert names no configured cluster
  std::string reason;   // for people, one line
  // kAccepted: what to request, as it would be for kDryRun. Otherwise of no meaning.
  backup::JobRequest request;
  // kDeduplicated, kInProgress: the job that already covers the alert; empty if it is one that an
  // earlier alert of this notification asks for.
  std::string job;
};

// One decision per alert, in order. Of each alert: resolved ones never trigger; the heartbeat is
// only noted; the first rule whose matchers all match decides; the cluster is named by the label
// `webhook.cluster_label`, or is the only one configured if the alert lacks that label. A cluster +
// fingerprint + startsAt that already had a job is a duplicate (one whose job failed may ask again
// after the rule's cooldown); a job that still waits will cover this alert too; and within the
// rule's cooldown since the last job that the rule asked for on that cluster, and that did not
// fail, nothing is done; nor if alerts have asked for `max_backups_per_hour` jobs within the hour,
// on all clusters.
std::vector<AlertDecision> Decide(const Notification& notification,
                                  const config::WebhookConfig& webhook,
                                  const std::vector<ClusterState>& clusters, WallTime now);

}  // namespace warden::webhook
