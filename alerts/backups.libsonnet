// Whether there is something to restore from.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local cluster(metric) = w.max('cluster', 'etcdwarden_' + metric),
    local newest = cluster('backup_last_success_timestamp_seconds'),
    // Where no objective is configured, ours.
    local objective = '(%s or 0 * %s + %d)' % [
      cluster('backup_objective_seconds'),
      newest,
      w.seconds(c.backup.maxAge),
    ],
    local destination = w.cluster + ', destination',
    local copied = 'max by (%s) (etcdwarden_backup_copy_last_success_timestamp_seconds)' % destination,
    local pending = 'max by (%s) (etcdwarden_backup_copy_pending)' % destination,

    EtcdBackupMissing: {
      group: 'backups',
      severity: 'warning',
      'for': '15m',
      backup: true,
      expr: '%s == 0' % newest,
      summary: 'there is no backup of %s' % w.clusterName,
      description: |||
        The catalogue holds none that could be restored. `etcd-warden backup take` makes one now.
      |||,
    },

    EtcdBackupLost: {
      group: 'backups',
      severity: 'critical',
      'for': '5m',
      backup: true,
      expr: |||
        %s == 0
        and on (%s) %s > 0
      ||| % [
        newest,
        w.cluster,
        w.max('cluster', 'max_over_time(etcdwarden_backup_last_success_timestamp_seconds[%s])' % w.window('1d')),
      ],
      summary: 'all backups of %s are gone' % w.clusterName,
      description: |||
        There were some within the last day, and the catalogue is empty now: deleted, not mounted, or
        all in quarantine.
      |||,
    },

    EtcdBackupUnknown: {
      group: 'backups',
      severity: 'critical',
      'for': '15m',
      expr: |||
        %s
        unless on (%s) %s
      ||| % [cluster('backup_in_progress'), w.cluster, newest],
      summary: 'the backups of %s cannot be looked at' % w.clusterName,
      description: |||
        The backup directory cannot be read, so nobody knows whether there is a backup or how old it
        is, and no other alert about backups can fire.
      |||,
    },

    EtcdBackupTooOld: {
      group: 'backups',
      severity: 'critical',
      'for': '5m',
      backup: true,
      expr: |||
        time() - (%s > 0)
        > %s
      ||| % [newest, objective],
      summary: 'the newest backup of %s is {{ $value | humanizeDuration }} old' % w.clusterName,
      description: |||
        That is older than the objective: what was written since would be lost by a restore.
      |||,
    },

    EtcdBackupFailing: {
      group: 'backups',
      severity: 'warning',
      'for': '5m',
      expr: |||
        %(attempt)s > %(newest)s
        and on (%(cluster)s) %(running)s == 0
      ||| % {
        cluster: w.cluster,
        attempt: cluster('backup_last_attempt_timestamp_seconds'),
        newest: newest,
        running: cluster('backup_in_progress'),
      },
      summary: 'the last backup of %s failed' % w.clusterName,
      description: |||
        It was begun {{ $value | humanizeTimestamp }}, and nothing came of it that counts.
        etcdwarden_backup_failures_total names the stage, and the log of etcd-warden the reason;
        unless it went into quarantine.
      |||,
    },

    EtcdBackupScheduleLate: {
      group: 'backups',
      severity: 'warning',
      'for': '5m',
      expr: 'time() - %s > %d' % [
        w.min('cluster', 'etcdwarden_backup_next_run_timestamp_seconds'),
        w.seconds(c.backup.late),
      ],
      summary: 'a scheduled backup of %s is {{ $value | humanizeDuration }} late' % w.clusterName,
      description: |||
        It could not be queued: the backup directory cannot be written to, or the queue is full.
      |||,
    },

    EtcdBackupVerificationWeak: {
      group: 'backups',
      severity: 'warning',
      'for': '1h',
      expr: '%s < %d' % [cluster('backup_verification_level'), c.backup.level],
      summary: 'the newest backup of %s is proven to level {{ $value }} only' % w.clusterName,
      description: |||
        Below level %d nobody has looked at every page and record of it.
      ||| % c.backup.level,
    },

    EtcdBackupShrunk: {
      group: 'backups',
      severity: 'info',
      'for': '15m',
      expr: |||
        %s
        < %g * %s
      ||| % [
        cluster('backup_last_success_size_bytes'),
        c.backup.shrunk,
        w.max('cluster', 'max_over_time(etcdwarden_backup_last_success_size_bytes[%s])'
                         % w.window(c.backup.shrunkWindow)),
      ],
      summary: 'the newest backup of %s is much smaller than others' % w.clusterName,
      description: |||
        It is less than %g of the largest one of the last %s. After a defragmentation that is as it
        should be; otherwise somebody deleted a lot, or it is not the cluster that you think.
      ||| % [c.backup.shrunk, c.backup.shrunkWindow],
    },

    EtcdBackupDamaged: {
      group: 'backups',
      severity: 'warning',
      'for': '0s',
      expr: '%s > 0' % cluster('backup_damaged'),
      summary: '{{ $value }} backups of %s are damaged' % w.clusterName,
      description: |||
        Their manifest or snapshot is missing or does not fit. The disk, or somebody, changed files
        in the catalogue.
      |||,
    },

    EtcdBackupQuarantined: {
      group: 'backups',
      severity: 'warning',
      'for': '0s',
      expr: '%s > 0' % cluster('backup_quarantined'),
      summary: '{{ $value }} backups of %s are in quarantine' % w.clusterName,
      description: |||
        They were taken while members held different data, the voters contradicted them, or a
        restore drill found them damaged. They count for nothing, and the newest of them are kept.
      |||,
    },

    EtcdBackupStoreLow: {
      group: 'backups',
      severity: 'warning',
      'for': '15m',
      expr: |||
        %s
        < %g * %s
      ||| % [
        w.min('cluster', 'etcdwarden_backup_store_free_bytes'),
        c.backup.free,
        cluster('backup_last_success_size_bytes'),
      ],
      summary: 'the backup directory of %s has {{ $value | humanize1024 }}B left' % w.clusterName,
      description: |||
        That is less than %g times the newest backup. Make space, or let retention keep fewer.
      ||| % c.backup.free,
    },

    EtcdBackupCopyFailing: {
      group: 'backups',
      severity: 'warning',
      'for': '30m',
      expr: 'min by (%s) (etcdwarden_backup_copy_up) == 0' % destination,
      summary: 'backups of %s do not get to {{ $labels.destination }}' % w.clusterName,
      description: |||
        The last copy to this destination, or look at it, failed. It is tried again by itself.
      |||,
    },

    EtcdBackupCopyMissing: {
      group: 'backups',
      severity: 'warning',
      'for': '2h',
      expr: |||
        %s == 0
        and on (%s) %s > 0
      ||| % [copied, destination, pending],
      summary: 'no backup of %s has got to {{ $labels.destination }} yet' % w.clusterName,
      description: |||
        Some wait to be copied, and the destination has none.
      |||,
    },

    EtcdBackupCopyTooOld: {
      group: 'backups',
      severity: 'critical',
      'for': '15m',
      // How far the destination is behind the catalogue: EtcdBackupTooOld tells of the catalogue.
      // A run that found nothing changed leaves nothing to copy.
      expr: |||
        %(newest)s
        - on (%(cluster)s) group_right ()
          (%(copied)s > 0)
        > on (%(cluster)s) group_left () %(objective)s
        and on (%(destination)s)
          %(pending)s > 0
      ||| % {
        newest: newest,
        cluster: w.cluster,
        destination: destination,
        objective: objective,
        copied: copied,
        pending: pending,
      },
      summary: '{{ $labels.destination }} is behind the backups of %s' % w.clusterName,
      description: |||
        The newest backup there is older than the newest one here by more than the objective. If
        this machine is lost, so is the difference.
      |||,
    },
  },
}
