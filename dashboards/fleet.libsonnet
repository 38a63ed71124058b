// All clusters at once: which of them needs somebody?
local duration = import '../alerts/duration.libsonnet';
local b = import 'board.libsonnet';
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

function(c)
  local maxAge = duration.seconds(c.backup.maxAge);
  local clusterLink = [{
    title: 'Cluster ${__value.raw}',
    url: '/d/%s-cluster?var-cluster=${__value.raw}&${datasource:queryparam}&${__url_time_range}' % c.dashboards.uidPrefix,
  }];
  local age = 'time() - (%s > 0)' % q.perCluster('backup_last_success_timestamp_seconds');
  local days = '(%s - time()) / 86400' % q.minPerCluster('certificate_not_after_timestamp_seconds');
  local used = 'max by (etcd_cluster) (%s / on (etcd_cluster, member_id) (%s > 0))' % [
    q.perMember('member_db_bytes'),
    q.perMember('member_quota_bytes'),
  ];
  local lag = |||
    max by (etcd_cluster) (clamp_min(
      %s
      - on (etcd_cluster) group_right ()
        %s, 0))
  ||| % [q.perCluster('member_raft_index'), q.perMember('member_raft_applied_index')];
  // One row for each cluster, also while two members hold themselves to be its leader.
  local leader = |||
    topk by (etcd_cluster) (1, max by (etcd_cluster, member) (
      %s == 1
    ))
  ||| % std.stripChars(q.named(q.perMember('member_is_leader')), '\n');
  // That of most members: during an upgrade there are two.
  local version = 'topk by (etcd_cluster) (1, count by (etcd_cluster, version) (max by (etcd_cluster, member_id, version) (%s)))' % q.of('member_info');
  local count(expr) = 'count(%s) or vector(0)' % expr;
  local bad = p.thresholds([[1, 'red']]);
  local warn = p.thresholds([[1, 'orange']]);

  local columns = [
    { field: 'etcd_cluster', name: 'Cluster', links: clusterLink },
    { field: 'version', name: 'Version', unit: 'string' },
    { field: 'Value #B', name: 'Voters up' },
    { field: 'Value #C', name: 'Voters' },
    { field: 'Value #D', name: 'Tolerance', thresholds: p.thresholds([[0, 'orange'], [1, 'green']], 'red') },
    { field: 'member', name: 'Leader', unit: 'string' },
    {
      field: 'Value #F',
      name: 'Quota used',
      unit: 'percentunit',
      decimals: 0,
      thresholds: p.thresholds([[c.quota.high, 'orange'], [c.quota.critical, 'red']]),
    },
    { field: 'Value #G', name: 'Lag', thresholds: p.thresholds([[c.lag.entries, 'orange']]) },
    { field: 'Value #H', name: 'Alarms', thresholds: bad },
    { field: 'Value #I', name: 'Backup age', unit: 's', decimals: 0 },
    {
      field: 'Value #J',
      name: 'Objective met',
      thresholds: p.thresholds([[1, 'green']], 'red'),
      mappings: [[0, 'no', 'red'], [1, 'yes', 'green']],
    },
    {
      field: 'Value #K',
      name: 'Last drill',
      thresholds: p.thresholds([[1, 'green']], 'orange'),
      mappings: [[0, 'failed', 'orange'], [1, 'ok', 'green']],
    },
    {
      field: 'Value #L',
      name: 'Certificate',
      unit: 'd',
      decimals: 0,
      thresholds: p.thresholds([[c.certificate.criticalDays, 'orange'], [c.certificate.warningDays, 'green']], 'red'),
    },
  ];

  b.board(
    c,
    'fleet',
    'etcd-warden / Fleet',
    'Every etcd cluster that etcd-warden watches: one row for each, and what fires.',
    [b.variable('cluster', 'Cluster', 'label_values(etcdwarden_up{%s}, etcd_cluster)' % q.scrape)],
    [
      b.annotation(
        'Alarm raised',
        'an alarm of etcd',
        'sum by (etcd_cluster, alarm) (%s) > 0' % q.of('member_alarm'),
        '{{alarm}} in {{etcd_cluster}}',
        'red'
      ),
    ],
    [
      p.row('Now', [
        p.stat(
          'Clusters watched',
          'How many clusters are watched.',
          [p.query('count(%s)' % q.perCluster('up'))],
          width=4
        ),
        p.stat(
          'Not reachable',
          'Clusters of which no endpoint answered. Look at the network first if it is all of them.',
          [p.query(count('%s == 0' % q.perCluster('up')))],
          thresholds=bad,
          width=4,
          color='background'
        ),
        p.stat(
          'Without quorum',
          'Clusters that take no writes: too few voters answer, or a linearizable read failed.',
          [
            p.query(
              count('(%s < 0 unless on (etcd_cluster) %s == 1) or %s == 0' % [
                q.tolerated,
                q.perCluster('cluster_quorum_read_success'),
                q.perCluster('cluster_quorum_read_success'),
              ])
            ),
          ],
          thresholds=bad,
          width=4,
          color='background'
        ),
        p.stat(
          'One failure from losing quorum',
          'Clusters of three voters or more in which no further voter may fail.',
          [
            p.query(
              count('%s <= 0 and on (etcd_cluster) %s > 2' % [q.tolerated, q.perCluster('cluster_members', 'role="voter"')])
            ),
          ],
          thresholds=warn,
          width=4,
          color='background'
        ),
        p.stat(
          'Alarms',
          'Members for which NOSPACE or CORRUPT is raised. The cluster refuses writes until it is settled.',
          [p.query('sum(%s)' % q.perMember('member_alarm'))],
          thresholds=bad,
          width=4,
          color='background'
        ),
        p.stat(
          'Oldest backup',
          'The age of the newest backup, of the cluster that is worst off. Clusters without any backup are in the table.',
          [p.query('max(%s)' % age)],
          unit='s',
          width=4,
          thresholds=p.thresholds([[maxAge, 'orange']])
        ),
      ]),
      p.row('Clusters', [
        p.table(
          'Clusters',
          "Now: tolerance is the number of voters that may still fail, lag the worst member's distance to the newest entry in the raft log, last drill how the last rehearsed restore went, certificate the days until the first one expires. Click a cluster to see its members.",
          [
            p.now(version),
            p.now(q.perCluster('cluster_voters_reachable')),
            p.now(q.perCluster('cluster_members', 'role="voter"')),
            p.now(q.perCluster('cluster_failure_tolerance')),
            p.now(leader),
            p.now(used),
            p.now(lag),
            p.now('sum by (etcd_cluster) (%s)' % q.perMember('member_alarm')),
            p.now(age),
            // Without any backup, no objective is met.
            p.now('time() - %s <= bool (%s or 0 * %s + %d)' % [
              q.perCluster('backup_last_success_timestamp_seconds'),
              q.perCluster('backup_objective_seconds'),
              q.perCluster('backup_last_success_timestamp_seconds'),
              maxAge,
            ]),
            p.now(q.minPerCluster('drill_last_result')),
            p.now(days),
          ],
          'etcd_cluster',
          columns,
          height=10
        ),
      ]),
      p.row('Over time', [
        p.timeline(
          'Leader',
          'Which member led each cluster. Many colours in a short time are elections: slow disks, a bad network, too little CPU.',
          [
            p.query(
              'max by (etcd_cluster, member) (%s == 1)' % std.stripChars(q.named(q.perMember('member_is_leader')), '\n'),
              '{{etcd_cluster}}: {{member}}'
            ),
          ]
        ),
        p.lines(
          'Failure tolerance',
          'Voters that may still fail before the quorum is lost; below zero it is lost.',
          [p.query(q.perCluster('cluster_failure_tolerance'), '{{etcd_cluster}}')],
          width=12,
          min=null,
          thresholds=p.thresholds([[0, 'orange'], [1, 'green']], 'red')
        ),
        p.lines(
          'Share of the quota',
          'Of the fullest member. At 100% the cluster refuses writes.',
          [p.query(used, '{{etcd_cluster}}')],
          unit='percentunit',
          width=12,
          max=1,
          thresholds=p.thresholds([[c.quota.high, 'orange'], [c.quota.critical, 'red']])
        ),
        p.lines(
          'Age of the newest backup',
          'It falls to nothing with each backup. What was written since the last one is what a restore loses.',
          [p.query(age, '{{etcd_cluster}}')],
          unit='s',
          width=12
        ),
        p.alerts(
          'Alerts',
          'What fires or is about to, of the alerts that come with etcd-warden. Each has a runbook.',
          '{alertname=~"Etcd.+"}'
        ),
      ]),
    ]
  )
