// Alarms, the database quota, and certificates: what ends writes on a day that can be known.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local member(metric) = w.max('member', 'etcdwarden_' + metric),
    local used = 'etcd_cluster_member_id:etcdwarden_member_quota_used:ratio',
    local certificate = |||
      %s
      < time() + %%d * 86400
    ||| % w.min('certificate', 'etcdwarden_certificate_not_after_timestamp_seconds'),
    // Those from our own files are of no endpoint.
    local certificateName =
      'the {{ $labels.use }} certificate{{ with $labels.etcd_endpoint }} at {{ . }}{{ end }}',

    EtcdAlarmNoSpace: {
      group: 'storage',
      severity: 'critical',
      'for': '0s',
      backup: true,
      expr: '%s == 1' % member('member_alarm{alarm="NOSPACE"}'),
      summary: '%s takes no writes: NOSPACE, raised by %s' % [w.clusterName, w.memberName],
      description: |||
        The database reached its quota. All members refuse writes until space was made and the alarm
        disarmed; it does not go away by itself.
      |||,
    },

    EtcdAlarmCorrupt: {
      group: 'storage',
      severity: 'critical',
      'for': '0s',
      backup: true,
      expr: '%s == 1' % member('member_alarm{alarm="CORRUPT"}'),
      summary: '%s has raised CORRUPT: %s' % [w.clusterName, w.memberName],
      description: |||
        etcd found that this member holds other data than the others. Writes are refused. Do not
        disarm the alarm before the member was replaced.
      |||,
    },

    EtcdQuotaHigh: {
      group: 'storage',
      severity: 'warning',
      'for': '10m',
      expr: '%s > %g' % [used, c.quota.high],
      summary: '%s of %s has used {{ $value | humanizePercentage }} of its quota'
               % [w.memberName, w.clusterName],
      description: |||
        At 100%% the cluster refuses writes. Compact and defragment, find what grows, or raise
        --quota-backend-bytes.
      ||| % [],
    },

    EtcdQuotaCritical: {
      group: 'storage',
      severity: 'critical',
      'for': '5m',
      backup: true,
      expr: '%s > %g' % [used, c.quota.critical],
      summary: '%s of %s has used {{ $value | humanizePercentage }} of its quota'
               % [w.memberName, w.clusterName],
      description: |||
        At 100%% the cluster refuses writes until somebody makes space and disarms the alarm.
      ||| % [],
    },

    EtcdQuotaProjected: {
      group: 'storage',
      severity: 'warning',
      'for': '30m',
      // The bytes in use, since the file only grows and shrinks in leaps.
      expr: |||
        %(projected)s
        > %(quota)s
        and on (%(member)s) %(used)s > %(from)g
        and on (%(member)s) %(slope)s > 0
        and on (%(member)s) %(before)s
      ||| % {
        // A line through the first minutes of a member leads anywhere.
        before: w.max('member', 'etcdwarden_member_db_in_use_bytes offset %s' % w.half(c.quota.projectedWindow)),
        member: w.member,
        projected: w.max('member', 'predict_linear(etcdwarden_member_db_in_use_bytes[%s], %d)' % [
          w.window(c.quota.projectedWindow),
          w.seconds(c.quota.projectedAhead),
        ]),
        quota: member('member_quota_bytes'),
        used: used,
        from: c.quota.projectedFrom,
        slope: w.max('member', 'deriv(etcdwarden_member_db_in_use_bytes[%s])' % w.window('1h')),
      },
      summary: '%s of %s will reach its quota within %s'
               % [w.memberName, w.clusterName, c.quota.projectedAhead],
      description: |||
        So it is if the data goes on growing as in the last %s.
      ||| % c.quota.projectedWindow,
    },

    EtcdDefragmentationRecommended: {
      group: 'storage',
      severity: 'info',
      'for': '2h',
      expr: |||
        %(file)s - %(inUse)s
        > %(free)g * %(quota)s
        and on (%(member)s) %(used)s > %(from)g
      ||| % {
        member: w.member,
        file: member('member_db_bytes'),
        inUse: member('member_db_in_use_bytes'),
        free: c.defragmentation.free,
        quota: member('member_quota_bytes'),
        used: used,
        from: c.defragmentation.used,
      },
      summary: '%s of %s holds {{ $value | humanize1024 }}B of free pages'
               % [w.memberName, w.clusterName],
      description: |||
        They count against the quota, and only defragmentation gives them back. Members one after
        the other, the leader last: a member answers nothing while it is defragmented.
      |||,
    },

    EtcdCertificateExpiring: {
      group: 'certificates',
      severity: 'warning',
      'for': '1h',
      expr: certificate % c.certificate.warningDays,
      summary: '%s of %s expires in less than %d days'
               % [certificateName, w.clusterName, c.certificate.warningDays],
      description: |||
        It is valid until {{ $value | humanizeTimestamp }}. With an expired one, members and clients
        refuse each other.
      |||,
    },

    EtcdCertificateExpiringSoon: {
      group: 'certificates',
      severity: 'critical',
      'for': '15m',
      expr: certificate % c.certificate.criticalDays,
      summary: '%s of %s expires in less than %d days'
               % [certificateName, w.clusterName, c.certificate.criticalDays],
      description: |||
        It is valid until {{ $value | humanizeTimestamp }}. With an expired one, members and clients
        refuse each other: the cluster is lost without having lost any data.
      |||,
    },
  },
}
