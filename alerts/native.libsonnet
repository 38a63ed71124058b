// Alerts on the metrics that etcd itself serves: what a disk and a network do to it. They are a file
// of their own, for clusters whose members are scraped too. None of them counts targets to guess who
// is a member: that is what the other file knows from etcd's own member list.
{
  _alerts+:: {
    local c = $._config,
    local n = c.native,
    local w = (import 'words.libsonnet')(c),
    local by = std.join(', ', c.clusterLabels + n.memberLabels),
    local memberName = 'member {{ $labels.member }} of ' + w.clusterName,

    // Metrics of the members, restricted to etcd: other programs have a process_open_fds too.
    local of(metric, matchers='') = '%s{%s}' % [
      metric,
      std.join(', ', std.filter(function(each) each != '', [c.etcdSelector, matchers])),
    ],
    local rate(metric, window, matchers='') = 'rate(%s[%s])' % [of(metric, matchers), w.window(window)],
    local p99(histogram, labels=by, matchers='') =
      'histogram_quantile(0.99, sum by (%s, le) (%s))'
      % [labels, rate(histogram + '_bucket', '5m', matchers)],

    // Streams live for days and end with an error when a client goes away, so they say nothing.
    local unary = 'grpc_type="unary"',
    local calls(matchers='') = 'sum by (%s, grpc_service, grpc_method) (%s)'
                               % [by, rate('grpc_server_handled_total', '5m', matchers)],
    local failedCalls = calls(
      unary
      + ', grpc_code=~"Unknown|FailedPrecondition|ResourceExhausted|Internal|Unavailable|DataLoss|DeadlineExceeded"'
    ),
    local errors(threshold) = |||
      %(failed)s
      / %(all)s
      > %(threshold)g
      and %(all)s > %(floor)g
    ||| % { failed: failedCalls, all: calls(unary), threshold: threshold, floor: n.floor },

    EtcdMetricsDown: {
      group: 'etcd-targets',
      severity: 'warning',
      'for': '15m',
      expr: |||
        up{%s} == 0
        and on (%s) %s == 1
      ||| % [c.etcdSelector, w.member, w.max('member', 'etcdwarden_member_up')],
      summary: '%s is up, and its own metrics cannot be scraped' % memberName,
      description: |||
        The alerts on disks and network are blind for it. Mostly it is a certificate, a port or a
        firewall.
      |||,
    },

    EtcdWalFsyncSlow: {
      group: 'etcd-disk',
      severity: 'warning',
      'for': '10m',
      expr: '%s > %g' % [p99('etcd_disk_wal_fsync_duration_seconds'), n.fsyncSeconds.warning],
      summary: '%s waits {{ $value | humanizeDuration }} for its disk' % memberName,
      description: |||
        That is the 99th percentile of fsync on the write-ahead log; 10ms is good. Every write waits
        for the disks of a majority.
      |||,
    },

    EtcdWalFsyncVerySlow: {
      group: 'etcd-disk',
      severity: 'critical',
      'for': '10m',
      expr: '%s > %g' % [p99('etcd_disk_wal_fsync_duration_seconds'), n.fsyncSeconds.critical],
      summary: '%s waits {{ $value | humanizeDuration }} for its disk' % memberName,
      description: |||
        That is the 99th percentile of fsync on the write-ahead log, and about as long as an
        election takes: heartbeats are missed and leaders change.
      |||,
    },

    EtcdBackendCommitSlow: {
      group: 'etcd-disk',
      severity: 'warning',
      'for': '10m',
      expr: '%s > %g' % [p99('etcd_disk_backend_commit_duration_seconds'), n.commitSeconds],
      summary: '%s takes {{ $value | humanizeDuration }} to commit to its database' % memberName,
      description: |||
        That is the 99th percentile. Reads and writes wait for it.
      |||,
    },

    EtcdSlowApplies: {
      group: 'etcd-disk',
      severity: 'warning',
      'for': '10m',
      expr: 'sum by (%s) (%s) > %g' % [by, rate('etcd_server_slow_apply_total', '5m'), n.slowApplies],
      summary: '%s does {{ $value | humanize }} things a second too slowly' % memberName,
      description: |||
        Reads and applied entries that took longer than 100ms each: large ranges, a slow disk, or too
        little CPU.
      |||,
    },

    EtcdPeerRoundTripSlow: {
      group: 'etcd-network',
      severity: 'warning',
      'for': '10m',
      // etcd goes on telling of the last round trips to a member that is down.
      expr: |||
        %(p99)s > %(seconds)g
        unless on (%(cluster)s, To)
          label_replace(%(up)s == 0, "To", "$1", "member_id", "(.+)")
      ||| % {
        p99: p99('etcd_network_peer_round_trip_time_seconds', by + ', To'),
        seconds: n.roundTripSeconds,
        cluster: w.cluster,
        up: w.max('member', 'etcdwarden_member_up'),
      },
      summary: '%s is {{ $value | humanizeDuration }} away from member {{ $labels.To }}' % memberName,
      description: |||
        That is the 99th percentile of the round trip. Elections begin when heartbeats are late.
        Between regions, set roundTripSeconds to what is usual there.
      |||,
    },

    EtcdPeerSendFailing: {
      group: 'etcd-network',
      severity: 'warning',
      'for': '10m',
      // What is sent to a member that is down is lost, and it has an alert of its own.
      expr: |||
        sum by (%(by)s, To) (%(failures)s) > %(threshold)g
        unless on (%(cluster)s, To)
          label_replace(
            %(up)s == 0 and on (%(cluster)s) %(uncovered)s == 0,
            "To", "$1", "member_id", "(.+)"
          )
      ||| % {
        by: by,
        cluster: w.cluster,
        failures: rate('etcd_network_peer_sent_failures_total', '5m'),
        threshold: n.peerSendFailures,
        up: w.max('member', 'etcdwarden_member_up'),
        uncovered: w.min('cluster', 'etcdwarden_cluster_client_urls_uncovered'),
      },
      summary: '%s cannot send to member {{ $labels.To }}, which is up' % memberName,
      description: |||
        {{ $value | humanize }} messages a second are lost between the two: a partition, or a
        firewall that lets only one direction through.
      |||,
    },

    EtcdGrpcErrors: {
      group: 'etcd-requests',
      severity: 'warning',
      'for': '10m',
      expr: errors(n.errors.warning),
      summary: '{{ $value | humanizePercentage }} of {{ $labels.grpc_method }} fail at %s' % memberName,
      description: |||
        Only calls that answer once are counted, not streams such as Watch, and only methods with
        more than %g calls a second.
      ||| % n.floor,
    },

    EtcdGrpcErrorsHigh: {
      group: 'etcd-requests',
      severity: 'critical',
      'for': '5m',
      expr: errors(n.errors.critical),
      summary: '{{ $value | humanizePercentage }} of {{ $labels.grpc_method }} fail at %s' % memberName,
      description: |||
        Only calls that answer once are counted, not streams such as Watch, and only methods with
        more than %g calls a second.
      ||| % n.floor,
    },

    EtcdGrpcSlow: {
      group: 'etcd-requests',
      severity: 'warning',
      'for': '10m',
      // Defragmentation and hashing are slow by nature.
      expr: |||
        %(p99)s > %(seconds)g
        and %(all)s > %(floor)g
      ||| % {
        p99: p99(
          'grpc_server_handling_seconds',
          by + ', grpc_service, grpc_method',
          unary + ', grpc_method!~"Defragment|Hash|HashKV|Compact|Status"'
        ),
        seconds: n.requestSeconds,
        all: calls(unary),
        floor: n.floor,
      },
      summary: '{{ $labels.grpc_method }} takes {{ $value | humanizeDuration }} at %s' % memberName,
      description: |||
        That is the 99th percentile. etcd measures it only with --metrics=extensive.
      |||,
    },

    EtcdProposalsFailing: {
      group: 'etcd-requests',
      severity: 'warning',
      'for': '15m',
      expr: 'sum by (%s) (increase(%s[%s])) > %d' % [
        by,
        of('etcd_server_proposals_failed_total'),
        w.window('15m'),
        n.failedProposals,
      ],
      summary: '{{ $value | humanize }} proposals failed at %s within 15 minutes' % memberName,
      description: |||
        Writes were given up: no leader, no quorum, or one too slow to answer in time.
      |||,
    },

    EtcdProposalsPending: {
      group: 'etcd-requests',
      severity: 'warning',
      'for': '5m',
      expr: 'max by (%s) (%s) > %d' % [by, of('etcd_server_proposals_pending'), n.pendingProposals],
      summary: '{{ $value }} writes wait at %s' % memberName,
      description: |||
        More is asked of the cluster than it can agree on: slow disks, slow network, or a client
        that writes too much.
      |||,
    },

    EtcdFilesHigh: {
      group: 'etcd-process',
      severity: 'warning',
      'for': '15m',
      expr: |||
        max by (%s) (%s / %s)
        > %g
      ||| % [by, of('process_open_fds'), of('process_max_fds'), n.files],
      summary: '%s has {{ $value | humanizePercentage }} of its files open' % memberName,
      description: |||
        At 100%% it takes no connections and cannot open its own files. Raise the limit, or find the
        client that opens so many.
      ||| % [],
    },
  },
}
