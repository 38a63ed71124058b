// Would a restore work, and in what time? A row of the board on backups, and its two stats at the top.
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

function(c)
  local cluster(metric) = p.query(q.perCluster(metric), '{{etcd_cluster}}');
  // Of each catalogue: one that fails is enough.
  local result = q.minPerCluster('drill_last_result');
  local since = 'time() - (%s > 0)' % q.perCluster('drill_last_success_timestamp_seconds');
  local duration = q.perCluster('drill_last_duration_seconds');
  local objective = q.perCluster('drill_objective_seconds');

  {
    stats: [
      p.stat(
        'Failed drills',
        'Clusters whose last rehearsed restore failed. etcd-warden drill --history names the step and the reason.',
        [p.query('count(%s == 0) or 0 * count(%s)' % [result, result])],
        thresholds=p.thresholds([[1, 'orange']]),
        width=4,
        color='background'
      ),
      p.stat(
        'Since the last good drill',
        'Of the cluster that is worst off. Clusters in which no drill has ever succeeded are not counted.',
        [p.query('max(%s)' % since)],
        unit='s',
        width=4
      ),
    ],

    row: p.row('Restore drills', [
      p.timeline(
        'Last result',
        'Whether a real etcd ran on the restored data and answered what the backup holds. Empty: there was no drill yet.',
        [p.query(result, '{{etcd_cluster}}')],
        [[0, 'failed', 'red'], [1, 'succeeded', 'green']],
        width=12,
        height=8
      ),
      p.lines(
        'Since the last successful drill',
        'It falls with each drill that succeeds. Above the other line, %d intervals of the schedule, it is overdue.' % c.drill.intervals,
        [
          p.query(since, '{{etcd_cluster}}'),
          p.query('%d * %s' % [c.drill.intervals, q.perCluster('drill_interval_seconds')], 'overdue in {{etcd_cluster}}'),
        ],
        unit='s',
        width=12
      ),
      p.lines(
        'Time to restore',
        'Measured by the last successful drill: from the first byte of the data directory until etcd answers. Fetching a copy comes on top.',
        [
          p.query(duration, '{{etcd_cluster}}'),
          p.query(objective, 'objective of {{etcd_cluster}}'),
        ],
        unit='s',
        width=12
      ),
      p.stat(
        'Time to restore, as a share of the objective',
        'At 100% a restore takes as long as it may. Empty: no objective is configured, or no drill has succeeded.',
        [p.query('%s / (%s > 0)' % [duration, objective], '{{etcd_cluster}}')],
        unit='percentunit',
        thresholds=p.thresholds([[0.8, 'orange'], [1, 'red']]),
        width=6,
        height=8,
        decimals=0
      ),
      p.stat(
        'Next drill',
        'When the next scheduled one is due. Below zero it waits: for a verified backup, or for the drill of another cluster.',
        [p.query('%s - time()' % q.minPerCluster('drill_next_run_timestamp_seconds'), '{{etcd_cluster}}')],
        unit='s',
        width=6,
        height=8
      ),
      p.timeline(
        'Drill running',
        'When drills were running. They take one processor and disk bandwidth from the machine of etcd-warden.',
        [cluster('drill_running')],
        [[0, ' ', 'transparent'], [1, 'running', 'blue']]
      ),
    ]),
  }
