// One cluster: its members, what they have in common, and where they differ.
local duration = import '../alerts/duration.libsonnet';
local b = import 'board.libsonnet';
local native = import 'native.libsonnet';
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

function(c)
  local member(metric, matchers='') = p.query(q.member(metric, matchers), q.memberLegend);
  local behind(newest, own) = q.named(|||
    clamp_min(
      %s
      - on (etcd_cluster) group_right ()
        %s, 0)
  ||| % [q.perCluster(newest), q.perMember(own)]);
  local quotaSteps = p.thresholds([[c.quota.high, 'orange'], [c.quota.critical, 'red']]);
  local used = '%s / (%s > 0)' % [q.perMember('member_db_bytes'), q.perMember('member_quota_bytes')];
  // When the straight line through what is in use now meets the quota.
  local full = |||
    min((%(quota)s - %(inUse)s)
    / (max by (etcd_cluster, member_id) (deriv(%(series)s[%(window)s])) > 0))
  ||| % {
    quota: q.perMember('member_quota_bytes'),
    inUse: q.perMember('member_db_in_use_bytes'),
    series: q.of('member_db_in_use_bytes'),
    window: c.quota.projectedWindow,
  };
  local yesNo = [[0, 'no', 'transparent'], [1, 'yes', 'green']];
  local noIsBad = [[0, 'no', 'red'], [1, 'yes', 'green']];
  local bad = p.thresholds([[1, 'red']]);

  b.board(
    c,
    'cluster',
    'etcd-warden / Cluster',
    'One etcd cluster: members, leadership, replication, space, and how it answers.',
    [
      b.variable(
        'cluster',
        'Cluster',
        'label_values(etcdwarden_up{%s}, etcd_cluster)' % q.scrape,
        multi=false
      ),
      native.variable,
    ],
    [
      b.annotation(
        'Leader change',
        'the raft term rose',
        'changes(max by (etcd_cluster) (%s)[1m:15s]) > 0' % q.of('member_raft_term'),
        'New term',
        'purple'
      ),
      b.annotation(
        'Alarm raised',
        'an alarm of etcd',
        'sum by (alarm) (%s) > 0' % q.of('member_alarm'),
        '{{alarm}}',
        'red'
      ),
      b.annotation(
        'Backup',
        'a backup was completed',
        '%s > 0' % q.changes(q.of('backup_successes_total')),
        'Backup',
        'green',
        enable=false
      ),
    ],
    [
      p.row('Now', [
        p.stat(
          'Voters reachable',
          'Voters that answered. Compare with the number of voters beside it.',
          [p.query(q.perCluster('cluster_voters_reachable'))]
        ),
        p.stat(
          'Voters',
          'Members of the list that vote.',
          [p.query(q.perCluster('cluster_members', 'role="voter"'))]
        ),
        p.stat(
          'Failure tolerance',
          'Voters that may still fail before the quorum is lost. Zero: the next failure stops writes. Below zero: it is lost.',
          [p.query(q.perCluster('cluster_failure_tolerance'))],
          thresholds=p.thresholds([[0, 'orange'], [1, 'green']], 'red'),
          color='background'
        ),
        p.stat(
          'Learners',
          'Members that receive everything and do not vote. One that stays here was forgotten.',
          [p.query(q.perCluster('cluster_members', 'role="learner"'))],
          thresholds=p.thresholds([[1, 'blue']])
        ),
        p.stat(
          'Quorum read',
          'Whether a linearizable read went through, which proves the quorum. Not known below etcd 3.5.',
          [p.query(q.perCluster('cluster_quorum_read_success'))],
          mappings=p.mappings(noIsBad),
          color='background'
        ),
        p.stat(
          'Views of the cluster',
          'Different member lists among the members. More than one for longer than seconds is a split.',
          [p.query(q.perCluster('cluster_distinct_member_lists'))],
          thresholds=p.thresholds([[2, 'red']]),
          color='background'
        ),
        p.stat(
          'Cluster ids',
          'Different cluster ids at the endpoints. More than one: some endpoint belongs to another cluster.',
          [p.query(q.perCluster('cluster_distinct_cluster_ids'))],
          thresholds=p.thresholds([[2, 'red']]),
          color='background'
        ),
        p.stat(
          'Quota is reached',
          'The day on which the quota is reached if the data in use grows on as in the last %s. Empty: it does not grow, or the quota is not known.' % c.quota.projectedWindow,
          [p.query('1000 * (time() + %s)' % std.rstripChars(full, '\n'))],
          unit='dateTimeAsIso'
        ),
      ]),
      p.row('Members', [
        p.table(
          'Members',
          'Everybody in the member list, and what each says of itself now. An unreachable member has no values; its name is known as long as it answers.',
          [
            p.now('max by (etcd_endpoint, member_id, member, version) (%s)' % q.of('member_info')),
            p.now('max by (member_id) (%s)' % q.of('member_up')),
            p.now('max by (member_id) (%s)' % q.of('member_is_leader')),
            p.now('max by (member_id) (%s)' % q.of('member_listed_as_learner')),
            p.now('max by (member_id) (%s)' % q.of('member_raft_term')),
            p.now('max by (member_id) (%s)' % q.of('member_raft_applied_index')),
            p.now('max by (member_id) (%s)' % q.of('member_revision')),
            p.now('max by (member_id) (%s)' % q.of('member_db_bytes')),
            p.now('max by (member_id) (%s / (%s > 0))' % [q.perMember('member_db_bytes'), q.perMember('member_quota_bytes')]),
            p.now('sum by (member_id) (%s)' % q.perMember('member_alarm')),
          ],
          'member_id',
          [
            { field: 'member_id', name: 'Member id', unit: 'string' },
            { field: 'member', name: 'Name', unit: 'string' },
            { field: 'etcd_endpoint', name: 'Endpoint', unit: 'string' },
            { field: 'version', name: 'Version', unit: 'string' },
            { field: 'Value #B', name: 'Up', mappings: noIsBad, thresholds: p.thresholds([[1, 'green']], 'red') },
            { field: 'Value #C', name: 'Leader', mappings: yesNo },
            { field: 'Value #D', name: 'Learner', mappings: yesNo },
            { field: 'Value #E', name: 'Term', unit: 'none' },
            { field: 'Value #F', name: 'Applied index', unit: 'none' },
            { field: 'Value #G', name: 'Revision', unit: 'none' },
            { field: 'Value #H', name: 'Database', unit: 'bytes' },
            { field: 'Value #I', name: 'Quota used', unit: 'percentunit', thresholds: quotaSteps },
            { field: 'Value #J', name: 'Alarms', thresholds: bad },
          ],
          height=7
        ),
        p.timeline(
          'Reachable',
          'Whether each listed member was reached.',
          [member('member_up')],
          [[0, 'down', 'red'], [1, 'up', 'green']],
          width=12
        ),
        p.timeline(
          'Leader',
          'Who led. A member that nobody sees leading for a while means that there was no leader.',
          [member('member_is_leader')],
          [[0, ' ', 'transparent'], [1, 'leads', 'blue']],
          width=12
        ),
        p.timeline(
          'Alarms',
          'NOSPACE stops writes until space was made and the alarm is disarmed. CORRUPT says that members hold different data.',
          [
            p.query(
              'max by (alarm, member_id) (%s)' % q.of('member_alarm'),
              '{{alarm}} {{member_id}}'
            ),
          ],
          [[0, ' ', 'transparent'], [1, 'raised', 'red']],
          width=12
        ),
        p.lines(
          'Raft term',
          'It grows with every election. A member with a term of its own is cut off from the others.',
          [member('member_raft_term')],
          width=12,
          height=7,
          unit='none',
          min=null
        ),
      ]),
      p.row('Replication', [
        p.lines(
          'Behind the newest entry',
          'Entries that each member has still to apply. Members are asked within milliseconds of each other, so a few are normal under load.',
          [p.query(behind('member_raft_index', 'member_raft_applied_index'), q.memberLegend)],
          thresholds=p.thresholds([[c.lag.entries, 'orange']])
        ),
        p.lines(
          'Behind the newest revision',
          'Revisions that each member lacks. With no entries to apply and many revisions missing, members hold different data.',
          [p.query(behind('member_revision', 'member_revision'), q.memberLegend)],
          thresholds=p.thresholds([[c.divergence.revisions, 'red']])
        ),
        p.lines(
          'Committed entries',
          'The pace of the raft log: writes, but also lease renewals and member changes.',
          [
            p.query(
              'max by (etcd_cluster) (deriv(%s[$__rate_interval]))' % q.of('member_raft_index'),
              'entries per second'
            ),
          ],
          unit='wps'
        ),
        p.lines(
          'Not applied by the member itself',
          'Committed less applied entries of the same member: it knows of them and has not got round to them.',
          [
            p.query(
              q.named('(%s - %s)' % [q.perMember('member_raft_index'), q.perMember('member_raft_applied_index')]),
              q.memberLegend
            ),
          ],
          min=null
        ),
        p.lines(
          'Spread of the answers',
          'Time between the first and the last answer of a scrape: the figures above may differ by what was written meanwhile.',
          [p.query(q.perCluster('scrape_sample_skew_seconds'), 'skew')],
          unit='s'
        ),
        p.stat(
          'Members with other data',
          'Of the last consistency check, which compares all keys at one revision. Empty: it is not configured.',
          [p.query(q.perCluster('hashkv_mismatched_members'))],
          thresholds=bad,
          width=4,
          height=8,
          color='background'
        ),
        p.stat(
          'Consistency checked',
          'When the members were last compared. Empty: it is not configured.',
          [p.query('time() - (%s > 0)' % q.perCluster('hashkv_last_success_timestamp_seconds'))],
          unit='s',
          width=4,
          height=8
        ),
      ]),
      p.row('Space', [
        p.lines(
          'Database file',
          'Its size on disk. It never shrinks by itself: only defragmentation makes it smaller.',
          [member('member_db_bytes')],
          unit='bytes'
        ),
        p.lines(
          'In use',
          'The part of the file that holds data. What it lacks to the file is free pages.',
          [
            member('member_db_in_use_bytes'),
            p.query('min by (etcd_cluster) (%s)' % q.of('member_quota_bytes'), 'quota'),
          ],
          unit='bytes'
        ),
        p.lines(
          'Share of the quota',
          'At 100% the cluster refuses writes.',
          [p.query(q.named('(%s)' % used), q.memberLegend)],
          unit='percentunit',
          max=1,
          thresholds=quotaSteps
        ),
        p.lines(
          'Free pages',
          'What a defragmentation would give back, as a share of the file. It matters once the file is near its quota.',
          [
            p.query(
              q.named('(1 - %s / %s)' % [q.perMember('member_db_in_use_bytes'), q.perMember('member_db_bytes')]),
              q.memberLegend
            ),
          ],
          unit='percentunit',
          max=1
        ),
        p.lines(
          'Projected',
          'The data in use %s from now, if it grows on as in the last %s.' % [c.quota.projectedAhead, c.quota.projectedWindow],
          [
            p.query(
              q.named('(max by (etcd_cluster, member_id) (predict_linear(%s[%s], %d)))' % [
                q.of('member_db_in_use_bytes'),
                c.quota.projectedWindow,
                duration.seconds(c.quota.projectedAhead),
              ]),
              q.memberLegend
            ),
            p.query('min by (etcd_cluster) (%s)' % q.of('member_quota_bytes'), 'quota'),
          ],
          unit='bytes'
        ),
        p.lines(
          'Revisions',
          'The pace of changes to keys.',
          [
            p.query(
              'max by (etcd_cluster) (deriv(%s[$__rate_interval]))' % q.of('member_revision'),
              'revisions per second'
            ),
          ],
          unit='wps'
        ),
      ]),
      p.row('How it answers', [
        p.lines(
          'Status',
          'How long each endpoint took to answer Status, which touches no disk.',
          [
            p.query(
              'max by (etcd_endpoint) (%s)' % q.of('endpoint_rpc_duration_seconds', 'rpc="status"'),
              '{{etcd_endpoint}}'
            ),
          ],
          unit='s'
        ),
        p.lines(
          'MemberList',
          'How long each endpoint took to give the member list; from 3.5 on one of them proves the quorum on the way.',
          [
            p.query(
              'max by (etcd_endpoint) (%s)' % q.of('endpoint_rpc_duration_seconds', 'rpc="member_list"'),
              '{{etcd_endpoint}}'
            ),
          ],
          unit='s'
        ),
        p.lines(
          'Failed calls',
          'By reason. A refused user is unauthenticated or permission_denied, and the server is up.',
          [
            p.query(
              'sum by (etcd_endpoint, reason) (rate(%s[$__rate_interval]))' % q.of('rpc_failures_total'),
              '{{etcd_endpoint}} {{reason}}'
            ),
          ],
          unit='cps',
          draw='bars',
          stack=true
        ),
        p.timeline(
          'Endpoints',
          'Whether each endpoint answered within the scrape.',
          [p.query('max by (etcd_endpoint) (%s)' % q.of('endpoint_up'), '{{etcd_endpoint}}')],
          [[0, 'down', 'red'], [1, 'up', 'green']],
          width=12
        ),
        p.lines(
          'Days until a certificate expires',
          'The earliest of each use. With an expired one, members and clients refuse each other.',
          [
            p.query(
              '(min by (use) (%s) - time()) / 86400' % q.of('certificate_not_after_timestamp_seconds'),
              '{{use}}'
            ),
          ],
          unit='d',
          width=12,
          height=7,
          thresholds=p.thresholds([[c.certificate.criticalDays, 'orange'], [c.certificate.warningDays, 'green']], 'red')
        ),
      ]),
    ] + native.rows(c)
  )
