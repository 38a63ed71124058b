// Whether the members keep up, and whether they hold the same data.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local member(metric) = w.max('member', 'etcdwarden_' + metric),
    local cluster(metric) = w.max('cluster', 'etcdwarden_' + metric),
    local window = w.window(c.lag.window),
    local strangers = std.rstripChars(w.strangers, '\n'),
    local inUse = '%s unless on (%s) %s' % [member('member_db_in_use_bytes'), w.member, strangers],
    // How far each member is behind the newest of all.
    local behind(newest, own) = '(%s - on (%s) group_right () %s)'
                                % [cluster(newest), w.cluster, member(own)],

    EtcdMemberLagging: {
      group: 'replication',
      severity: 'warning',
      'for': '5m',
      // Members are asked at slightly different moments, and a member that was away catches up: the
      // distance counts only if it does not shrink.
      expr: |||
        %(behind)s > %(entries)d
        and on (%(member)s)
          %(applied)s
          <= on (%(cluster)s) group_left ()
          (%(pace)g * %(committed)s)
        unless on (%(member)s) %(strangers)s
      ||| % {
        strangers: strangers,
        behind: behind('member_raft_index', 'member_raft_applied_index'),
        entries: c.lag.entries,
        member: w.member,
        cluster: w.cluster,
        applied: w.max('member', 'deriv(etcdwarden_member_raft_applied_index[%s])' % window),
        committed: 'deriv(etcd_cluster:etcdwarden_member_raft_index:max[%s])' % window,
        pace: c.lag.pace,
      },
      summary: '%s of %s is {{ printf "%%.0f" $value }} entries behind' % [w.memberName, w.clusterName],
      description: |||
        It applies entries more slowly than the cluster agrees on them, so it does not catch up.
        Reads from it are old, and it is no help if another member fails.
      |||,
    },

    EtcdApplyStalled: {
      group: 'replication',
      severity: 'critical',
      'for': '5m',
      expr: |||
        %(committed)s - %(applied)s > 0
        and on (%(member)s) %(appliedChanges)s == 0
        and on (%(member)s) %(committedChanges)s > 0
      ||| % {
        member: w.member,
        committed: member('member_raft_index'),
        applied: member('member_raft_applied_index'),
        appliedChanges: w.max('member', 'changes(etcdwarden_member_raft_applied_index[%s])' % window),
        committedChanges: w.max('member', 'changes(etcdwarden_member_raft_index[%s])' % window),
      },
      summary: '%s of %s has stopped applying entries' % [w.memberName, w.clusterName],
      description: |||
        It learns of new entries, and none of them reaches its database: a disk that hangs, or a
        deadlock.
      |||,
    },

    EtcdRevisionDivergence: {
      group: 'replication',
      severity: 'critical',
      'for': '10m',
      backup: true,
      expr: |||
        %s > %d
        and on (%s) %s < %d
        unless on (%s) %s
      ||| % [
        behind('member_revision', 'member_revision'),
        c.divergence.revisions,
        w.member,
        behind('member_raft_index', 'member_raft_applied_index'),
        c.divergence.entries,
        w.member,
        strangers,
      ],
      summary: '%s of %s is {{ printf "%%.0f" $value }} revisions apart though it applied the same log'
               % [w.memberName, w.clusterName],
      description: |||
        Members that applied the same entries must have the same revision. This one holds other data
        than the rest.
      |||,
    },

    EtcdDatabaseSizeSkew: {
      group: 'replication',
      severity: 'warning',
      'for': '30m',
      expr: |||
        %(largest)s / %(smallest)s > %(ratio)g
        and on (%(cluster)s) %(largest)s > %(bytes)d
      ||| % {
        cluster: w.cluster,
        largest: w.max('cluster', inUse),
        smallest: w.min('cluster', inUse),
        ratio: c.sizeSkew.ratio,
        bytes: c.sizeSkew.bytes,
      },
      summary: 'members of %s use very different amounts of space' % w.clusterName,
      description: |||
        One of them uses {{ printf "%.1f" $value }} times as much as another. Members with the same
        data need about the same space: compare their hashes.
      |||,
    },

    EtcdHashMismatch: {
      group: 'replication',
      severity: 'critical',
      'for': '0s',
      backup: true,
      expr: '%s > 0' % cluster('hashkv_mismatched_members'),
      summary: '{{ $value }} members of %s hold other data than the majority' % w.clusterName,
      description: |||
        The consistency check compared all keys at one revision. etcd itself goes on serving the
        wrong data. Backups taken from now on are kept in quarantine until this is settled.
      |||,
    },

    EtcdHashCheckStale: {
      group: 'replication',
      severity: 'warning',
      'for': '30m',
      // The time of the last success is kept by the process only. After a restart the clock runs from
      // then, where it is known, for etcd-warden has not had its chance yet.
      expr: |||
        time() - (
          %(newest)s > %(started)s
          or %(started)s
          or %(newest)s
        )
        > %(intervals)d * %(interval)s
      ||| % {
        newest: w.max('cluster', 'max_over_time(etcdwarden_hashkv_last_success_timestamp_seconds[%s])' % w.window('7d')),
        started: w.max(
          'cluster',
          '0 * etcdwarden_hashkv_last_success_timestamp_seconds + on (job, instance) group_left () process_start_time_seconds'
        ),
        intervals: c.hashCheckIntervals,
        interval: cluster('hashkv_interval_seconds'),
      },
      summary: 'the consistency check of %s has not succeeded for too long' % w.clusterName,
      description: |||
        For more than %d intervals nobody knows whether the members hold the same data. The check
        needs a quorum of members that answer HashKV, and with authentication a user with the role
        root.
      ||| % c.hashCheckIntervals,
    },

    EtcdVersionSkew: {
      group: 'replication',
      severity: 'warning',
      'for': '24h',
      backup: true,
      expr: '%s > 1' % cluster('cluster_distinct_versions'),
      summary: '%s runs {{ $value }} versions of etcd' % w.clusterName,
      description: |||
        An upgrade was begun and not finished. Mixed versions are meant for hours, not for days.
      |||,
    },

    EtcdDowngradeInProgress: {
      group: 'replication',
      severity: 'info',
      'for': '1h',
      expr: '%s == 1' % cluster('member_downgrade_enabled'),
      summary: 'a downgrade of %s is under way' % w.clusterName,
      description: |||
        It was enabled and neither finished nor cancelled.
      |||,
    },
  },
}
