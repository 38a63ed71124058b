// Who belongs to the cluster, who is there, and who leads.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local cluster(metric) = w.max('cluster', 'etcdwarden_' + metric),
    local member(metric) = w.max('member', 'etcdwarden_' + metric),

    local tolerance = 'etcd_cluster:etcdwarden_cluster_failure_tolerance:union',
    // What one replica of etcd-warden covers is no blind spot.
    local uncovered = w.min('cluster', 'etcdwarden_cluster_client_urls_uncovered'),

    // A member without an endpoint is a blind spot of ours, and may be well.
    local unreachable = |||
      %(listed)s == 1
      unless on (%(member)s) %(up)s == 1
      unless on (%(member)s) %(started)s == 0
    ||| % {
      member: w.member,
      listed: member('member_listed'),
      up: member('member_up'),
      started: member('member_started'),
    },
    local indented(text) = std.join('\n', [
      if line == '' then line else '  ' + line
      for line in std.split(text, '\n')
    ]),

    EtcdMemberUnreachable: {
      group: 'membership',
      severity: 'warning',
      'for': '2m',
      // The snapshot is taken while there still is a quorum.
      backup: true,
      expr: |||
        %(unreachable)s
        and on (%(cluster)s)
          count by (%(cluster)s) (
        %(indented)s
          ) > %(uncovered)s
      ||| % {
        unreachable: std.rstripChars(unreachable, '\n'),
        indented: indented(indented(std.rstripChars(unreachable, '\n'))),
        cluster: w.cluster,
        uncovered: uncovered,
      },
      summary: '%s of %s is unreachable' % [w.memberName, w.clusterName],
      description: |||
        The member list of the cluster names it, and no endpoint reached it for %s. The other
        members go on while they have a quorum.
      ||| % self['for'],
    },

    // Voters without an endpoint may be well: they are counted as if they were.
    local tolerated = '%s + on (%s) %s' % [tolerance, w.cluster, uncovered],

    EtcdNoFaultTolerance: {
      group: 'membership',
      severity: 'critical',
      'for': '5m',
      expr: |||
        %s <= 0
        and on (%s) %s > 2
      ||| % [tolerated, w.cluster, cluster('cluster_members{role="voter"}')],
      summary: '%s does not survive the next failure' % w.clusterName,
      description: |||
        The voters that can be reached are just enough for a quorum. If one more fails, the cluster
        takes no writes.
      |||,
    },

    EtcdQuorumLost: {
      group: 'membership',
      severity: 'critical',
      'for': '1m',
      backup: true,
      // What a linearizable read proves counts more than what can be reached from here.
      expr: |||
        (%(tolerated)s < 0 unless on (%(cluster)s) %(read)s == 1)
        or %(read)s == 0
      ||| % {
        cluster: w.cluster,
        tolerated: tolerated,
        read: cluster('cluster_quorum_read_success'),
      },
      summary: '%s has lost its quorum' % w.clusterName,
      description: |||
        Too few voters answer for a majority, or none of them could complete a linearizable read.
        Writes fail, and so does everything that needs them.
      |||,
    },

    EtcdClusterUnreachable: {
      group: 'membership',
      severity: 'critical',
      'for': '1m',
      expr: '%s == 0' % cluster('up'),
      summary: 'no endpoint of %s answers etcd-warden' % w.clusterName,
      description: |||
        Either the cluster is down, or etcd-warden is cut off from it: network, certificates,
        addresses. etcdwarden_rpc_failures_total says why each call failed.
      |||,
    },

    EtcdMemberNoLeader: {
      group: 'membership',
      severity: 'warning',
      'for': '2m',
      expr: |||
        %s == 0
        unless on (%s) %s
      ||| % [member('member_has_leader'), w.member, std.rstripChars(w.strangers, '\n')],
      summary: '%s of %s knows no leader' % [w.memberName, w.clusterName],
      description: |||
        It answers, but takes part in nothing: the others cannot be reached from it, or there is no
        quorum.
      |||,
    },

    EtcdFrequentLeaderChanges: {
      group: 'membership',
      severity: 'warning',
      'for': '0s',
      expr: 'changes(etcd_cluster:etcdwarden_member_raft_term:max[%s]) >= %d'
            % [w.window(c.elections.window), c.elections.count],
      summary: '%s keeps electing leaders' % w.clusterName,
      description: |||
        {{ $value }} changes of the raft term in %s. Each one stops writes for about a second: slow
        disks, a network that loses packets, or members short of CPU.
      ||| % w.window(c.elections.window),
    },

    EtcdSplitView: {
      group: 'membership',
      severity: 'critical',
      'for': '2m',
      backup: true,
      expr: |||
        %s > 1
        or %s > 1
      ||| % [cluster('cluster_distinct_member_lists'), cluster('cluster_distinct_leaders')],
      summary: 'members of %s disagree on who is in it or who leads it' % w.clusterName,
      description: |||
        They hold different member lists, or follow different leaders in one term. After a change of
        the membership that passes within seconds; this did not.
      |||,
    },

    EtcdEndpointWrongCluster: {
      group: 'membership',
      severity: 'critical',
      'for': '2m',
      // It may be a member that was started anew, and is lost to the cluster.
      backup: true,
      expr: '%s > 1' % cluster('cluster_distinct_cluster_ids'),
      summary: 'an endpoint of %s belongs to another cluster' % w.clusterName,
      description: |||
        The configured endpoints answer with different cluster ids. Either an address is wrong, or a
        member was started anew and formed a cluster of its own. Not in the agreed list:
        {{ range %s }}{{ .Labels.etcd_endpoint }} of {{ .Labels.cluster_id }}; {{ end }}
      ||| % w.ask(
        'max by (etcd_endpoint, cluster_id) (etcdwarden_member_info{%%s} unless on (%s) etcdwarden_member_listed)'
        % w.member
      ),
    },

    EtcdEndpointNotMember: {
      group: 'membership',
      severity: 'warning',
      'for': '10m',
      expr: |||
        %s > 0
        unless on (%s) %s > 1
      ||| % [
        cluster('cluster_endpoints_unknown'),
        w.cluster,
        cluster('cluster_distinct_cluster_ids'),
      ],
      summary: 'an endpoint of %s leads to a server that is no member' % w.clusterName,
      description: |||
        The server answers, but the agreed member list does not name it: a member that was removed
        and still runs, or the wrong address.
      |||,
    },

    EtcdEndpointDown: {
      group: 'membership',
      severity: 'info',
      'for': '15m',
      expr: |||
        %(endpoint)s == 0
        unless on (%(cluster)s) %(up)s == 0
        unless on (%(cluster)s) %(member)s == 0
      ||| % {
        cluster: w.cluster,
        endpoint: w.max('endpoint', 'etcdwarden_endpoint_up'),
        up: cluster('up'),
        member: w.min('cluster', member('member_up')),
      },
      summary: 'endpoint {{ $labels.etcd_endpoint }} of %s does not answer' % w.clusterName,
      description: |||
        Every member is reached all the same, through another endpoint. The address may be outdated.
      |||,
    },

    EtcdMemberNotCovered: {
      group: 'membership',
      severity: 'warning',
      'for': '15m',
      expr: '%s > 0' % uncovered,
      summary: '{{ $value }} members of %s have no endpoint' % w.clusterName,
      description: |||
        etcd-warden does not watch them, and cannot say how many failures the cluster survives. Add
        their client URLs to `endpoints`, or set `discover: true`.
      |||,
    },

    EtcdMembersUnexpected: {
      group: 'membership',
      severity: 'warning',
      'for': '10m',
      expr: |||
        %s
        != on (%s) %s
      ||| % [
        w.sum('cluster', w.max('byRole', 'etcdwarden_cluster_members')),
        w.cluster,
        cluster('cluster_members_expected'),
      ],
      summary: '%s has {{ $value }} members, which is not what is expected' % w.clusterName,
      description: |||
        `expected_members` says otherwise. A member was removed and never replaced, or one joined
        that nobody planned.
      |||,
    },

    EtcdEvenVoters: {
      group: 'membership',
      severity: 'info',
      'for': '1h',
      expr: '%s %% 2 == 0' % cluster('cluster_members{role="voter"}'),
      summary: '%s has an even number of voters' % w.clusterName,
      description: |||
        It survives no more failures than with one voter less, and has one more that can fail.
      |||,
    },

    EtcdMemberUnstarted: {
      group: 'membership',
      severity: 'warning',
      'for': '15m',
      expr: '%s == 0' % member('member_started'),
      summary: 'member {{ $labels.member_id }} of %s was added and never started' % w.clusterName,
      description: |||
        It counts towards the quorum from the moment it was added. Start it, or remove it.
      |||,
    },

    EtcdLearnerStuck: {
      group: 'membership',
      severity: 'warning',
      'for': '1h',
      expr: '%s == 1' % member('member_listed_as_learner'),
      summary: '%s of %s is still a learner' % [w.memberName, w.clusterName],
      description: |||
        A learner has no vote. It was not promoted within %s: it does not catch up, or it was
        forgotten.
      ||| % self['for'],
    },

    EtcdLearnerRoleConflict: {
      group: 'membership',
      severity: 'critical',
      'for': '5m',
      expr: |||
        %s
        != on (%s) %s
      ||| % [
        member('member_is_learner'),
        w.member,
        member('member_listed_as_learner'),
      ],
      summary: '%s of %s and the member list disagree on whether it votes'
               % [w.memberName, w.clusterName],
      description: |||
        The list counts a voter that does not vote, or the other way round; the cluster may survive
        one failure less than it seems.
      |||,
    },
  },
}
