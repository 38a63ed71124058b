// Whether a restore would work, and how long it would take, as rehearsals have shown.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local cluster(metric) = w.max('cluster', 'etcdwarden_drill_' + metric),
    local interval = 'etcdwarden_drill_interval_seconds',
    local started = 'etcdwarden_exporter_config_last_reload_success_timestamp_seconds',

    EtcdRestoreDrillFailed: {
      group: 'drills',
      severity: 'warning',
      'for': '0s',
      // Each replica rehearses with the backups that it has: one whose drill fails is enough.
      expr: '%s == 0' % w.min('cluster', 'etcdwarden_drill_last_result'),
      summary: 'the last restore drill of %s failed' % w.clusterName,
      description: |||
        A rehearsed restore did not get to a running etcd that holds what the backup holds.
        `etcd-warden drill --history` names the step and the reason; a backup that proved damaged is
        in quarantine.
      |||,
    },

    EtcdRestoreDrillOverdue: {
      group: 'drills',
      severity: 'warning',
      'for': '30m',
      // The last success is known from receipts, which survive restarts. Where there was none, the
      // clock runs from when the configuration was read: at the start, or when the schedule was
      // added to a process that had run for long. The gaps of a cron expression differ, so the
      // longest one that was seen lately counts.
      expr: |||
        time() - (
          %(newest)s > 0
          or %(started)s
        )
        > %(intervals)d * %(longest)s
      ||| % {
        newest: cluster('last_success_timestamp_seconds'),
        started: w.min(
          'cluster',
          '0 * %s + on (job, instance) group_left () %s' % [interval, started]
        ),
        intervals: c.drill.intervals,
        longest: w.max(
          'cluster',
          'max_over_time(%s[%s]) and %s' % [interval, w.window(c.drill.window), interval]
        ),
      },
      summary: 'no restore drill of %s has succeeded for {{ $value | humanizeDuration }}'
               % w.clusterName,
      description: |||
        That is more than %d times the interval of its schedule: nobody knows whether the newest
        backups can be restored.
      ||| % c.drill.intervals,
    },

    EtcdRestoreTooSlow: {
      group: 'drills',
      severity: 'warning',
      'for': '0s',
      expr: |||
        %s
        > %s
      ||| % [cluster('last_duration_seconds'), cluster('objective_seconds')],
      summary: 'a restore of %s takes {{ $value | humanizeDuration }}' % w.clusterName,
      description: |||
        The last successful drill took that long from the first byte of the data directory until
        etcd answered, which is more than the objective.
      |||,
    },
  },
}
