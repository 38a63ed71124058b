// Whether the members keep up, and whether they hold the same data.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local member(metric) = w.max('member', 'etcdwarden_' + metric),
    local cluster(metric) = w.max('cluster', 'etcdwarden_' + metric),
    local window = w.window(c.lag.window),
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
          (0.5 * %(committed)s)
      ||| % {
        behind: behind('member_raft_index', 'member_raft_applied_index'),
        entries: c.lag.entries,
        member: w.member,
        cluster: w.cluster,
        applied: w.max('member', 'deriv(etcdwarden_member_raft_applied_index[%s])' % window),
        committed: w.max('cluster', 'deriv(etcdwarden_member_raft_index[%s])' % window),
      },
      summary: '%s of %s is {{ $value }} entries behind' % [w.memberName, w.clusterName],
      description: |||
        It applies entries at less than half the pace of the cluster, so it does not catch up. Reads
        from it are old, and it is no help if another member fails.
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
      ||| % [
        behind('member_revision', 'member_revision'),
        c.divergence.revisions,
        w.member,
        behind('member_raft_index', 'member_raft_applied_index'),
        c.divergence.entries,
      ],
      summary: '%s of %s is {{ $value }} revisions apart though it applied the same log'
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
        largest: cluster('member_db_in_use_bytes'),
        smallest: w.min('cluster', 'etcdwarden_member_db_in_use_bytes'),
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
      expr: |||
        time() - %s
        > %d * %s
      ||| % [
        cluster('hashkv_last_success_timestamp_seconds'),
        c.hashCheckIntervals,
        cluster('hashkv_interval_seconds'),
      ],
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
