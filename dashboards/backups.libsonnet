// Is there something to restore from, how old is it, how far is it proven, where else is it, and would
// a restore of it work?
local duration = import '../alerts/duration.libsonnet';
local b = import 'board.libsonnet';
local drills = import 'drills.libsonnet';
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

function(c)
  local cluster(metric, matchers='') = p.query(q.perCluster(metric, matchers), '{{etcd_cluster}}');
  local newest = q.perCluster('backup_last_success_timestamp_seconds');
  local age = 'time() - (%s > 0)' % newest;
  local maxAge = duration.seconds(c.backup.maxAge);
  local share = '(%s) / (%s or 0 * %s + %d)' % [age, q.perCluster('backup_objective_seconds'), newest, maxAge];
  local destination(metric) = 'max by (etcd_cluster, destination) (%s)' % q.of(metric);
  local increase(metric, labels, window='$__rate_interval', matchers='') =
    'sum by (%s) (increase(%s[%s]))' % [labels, q.of(metric, matchers), window];
  local bad = p.thresholds([[1, 'red']]);
  local warn = p.thresholds([[1, 'orange']]);

  b.board(
    c,
    'backups',
    'etcd-warden / Backups',
    'Backups of each cluster: age, proof, space, copies away from the machine, the alerts that ask for them, and rehearsed restores.',
    [b.variable('cluster', 'Cluster', 'label_values(etcdwarden_up{%s}, etcd_cluster)' % q.scrape)],
    [
      b.annotation(
        'Backup',
        'a backup was completed',
        '%s > 0' % q.changes(q.of('backup_successes_total')),
        '{{etcd_cluster}}',
        'green'
      ),
      b.annotation(
        'Failed',
        'a backup failed',
        'sum by (etcd_cluster, stage) (%s) > 0' % q.changes(q.of('backup_failures_total')),
        '{{etcd_cluster}}: {{stage}}',
        'red'
      ),
    ],
    [
      p.row('Now', [
        p.panel('gauge',
                'Age of the newest backup, as a share of the objective',
                'At 100%% the backup is as old as it may become. Where no objective is configured it is measured against %s. A cluster without any backup has no needle.' % c.backup.maxAge,
                [p.query(share, '{{etcd_cluster}}')],
                'percentunit',
                8,
                8) {
          fieldConfig+: { defaults+: { min: 0, max: 1.5, thresholds: p.thresholds([[0.8, 'orange'], [1, 'red']]), color: { mode: 'thresholds' } } },
          options: { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, showThresholdLabels: false, showThresholdMarkers: true, orientation: 'auto' },
        },
        p.stat(
          'Without a backup',
          'Clusters that have a catalogue, and nothing in it that could be restored.',
          [p.query('count(%s == 0) or vector(0)' % newest)],
          thresholds=bad,
          width=4,
          color='background'
        ),
        p.stat(
          'Damaged',
          'Backups whose manifest or snapshot is missing or does not fit. The disk, or somebody, changed files in the catalogue.',
          [p.query('sum(%s)' % q.perCluster('backup_damaged'))],
          thresholds=bad,
          width=4,
          color='background'
        ),
        p.stat(
          'In quarantine',
          'Backups that the voters contradicted, or that were taken while members held different data. They count for nothing.',
          [p.query('sum(%s)' % q.perCluster('backup_quarantined'))],
          thresholds=warn,
          width=4,
          color='background'
        ),
        p.stat(
          'Weakest proof',
          'The level of the newest backup, of the cluster that is worst off: 0 the bytes are those that the member sent, 1 every page is whole, 2 every record makes sense, 3 a quorum of the voters holds the same.',
          [p.query('min(%s)' % q.minPerCluster('backup_verification_level'))],
          thresholds=p.thresholds([[c.backup.level, 'green']], 'orange'),
          width=4,
          color='background'
        ),
        p.stat(
          'Running',
          'Backups that are being taken now.',
          [p.query('sum(%s)' % q.perCluster('backup_in_progress'))],
          thresholds=p.thresholds([[1, 'blue']]),
          width=4
        ),
        p.stat(
          'Held against retention',
          'Backups that are pinned, by hand or by an alert.',
          [p.query('sum(%s)' % q.perCluster('backup_pinned'))],
          width=4
        ),
        p.stat(
          'Next run',
          'When the next scheduled backup is due; of the cluster whose turn is next.',
          [p.query('min(%s) - time()' % q.minPerCluster('backup_next_run_timestamp_seconds'))],
          unit='s',
          width=4
        ),
        p.stat(
          'Least free space',
          'In the backup directory that is worst off, in multiples of the newest backup.',
          [
            p.query(
              'min(%s / (%s > 0))' % [q.minPerCluster('backup_store_free_bytes'), q.perCluster('backup_last_success_size_bytes')]
            ),
          ],
          thresholds=p.thresholds([[c.backup.free, 'green']], 'orange'),
          width=4,
          decimals=0
        ),
      ] + drills(c).stats),
      p.row('Age and risk', [
        p.lines(
          'Age of the newest backup',
          'It falls with each backup. A line that only rises is a schedule that does not run.',
          [
            p.query(age, '{{etcd_cluster}}'),
            p.query(q.perCluster('backup_objective_seconds'), 'objective of {{etcd_cluster}}'),
          ],
          unit='s',
          width=12
        ),
        p.lines(
          'Revisions at risk',
          'Changes that were made since the newest backup: what a restore would lose now.',
          [cluster('backup_revisions_at_risk')],
          width=12
        ),
      ]),
      p.row('What was done', [
        p.lines(
          'Started, by what asked for it',
          'webhook is an alert, schedule a schedule, manual the command line or the API.',
          [
            p.query(
              increase('backup_attempts_total', 'etcd_cluster, trigger'),
              '{{etcd_cluster}} {{trigger}}'
            ),
          ],
          draw='bars',
          stack=true
        ),
        p.lines(
          'Succeeded',
          'Backups that were completed and verified.',
          [p.query(increase('backup_successes_total', 'etcd_cluster'), '{{etcd_cluster}}')],
          draw='bars',
          stack=true
        ),
        p.lines(
          'Failed, by stage',
          'connect and auth: the cluster did not let us in. stream: it broke off. write: our disk. verify: what came was damaged. upload, prune: afterwards.',
          [
            p.query(
              increase('backup_failures_total', 'etcd_cluster, stage'),
              '{{etcd_cluster}} {{stage}}'
            ),
          ],
          draw='bars',
          stack=true
        ),
        p.lines(
          'Scheduled runs that did not take place',
          'Missed while etcd-warden was down, or because the queue was full.',
          [p.query(increase('backup_runs_skipped_total', 'etcd_cluster'), '{{etcd_cluster}}')],
          draw='bars',
          stack=true
        ),
        p.lines(
          'How long it took',
          'The newest backup, from the first byte to the last.',
          [cluster('backup_last_duration_seconds')],
          unit='s'
        ),
        p.lines(
          'Stages, p90',
          'Time per stage, of the backups of six hours.',
          [
            p.query(
              'histogram_quantile(0.9, sum by (stage, le) (increase(%s[6h])))' % q.of('backup_stage_duration_seconds_bucket'),
              '{{stage}}'
            ),
          ],
          unit='s'
        ),
        p.lines(
          'Size',
          'Of the newest backup. It follows the database file, which shrinks only by defragmentation.',
          [cluster('backup_last_success_size_bytes')],
          unit='bytes'
        ),
        p.lines(
          'Proof of the newest backup',
          '0: its bytes are those that the member sent. 1: every page is whole. 2: every record makes sense. 3: a quorum of the voters holds the same.',
          [cluster('backup_verification_level')],
          max=3,
          thresholds=p.thresholds([[c.backup.level, 'green']], 'orange')
        ),
        p.timeline(
          'Backup running',
          'When backups were being taken.',
          [cluster('backup_in_progress')],
          [[0, ' ', 'transparent'], [1, 'running', 'blue']],
          width=8,
          height=8
        ),
      ]),
      p.row('Catalogue', [
        p.lines('Backups kept', 'Without those in quarantine.', [cluster('backup_stored')]),
        p.lines(
          'Space taken',
          'By all snapshots in the catalogue.',
          [cluster('backup_stored_bytes')],
          unit='bytes'
        ),
        p.lines(
          'Space left',
          'For an unprivileged process, where the catalogue is.',
          [p.query(q.minPerCluster('backup_store_free_bytes'), '{{etcd_cluster}}')],
          unit='bytes'
        ),
        p.lines(
          'Oldest backup',
          'How far back one can go.',
          [
            p.query(
              'time() - (%s > 0)' % q.minPerCluster('backup_oldest_timestamp_seconds'),
              '{{etcd_cluster}}'
            ),
          ],
          unit='s'
        ),
        p.lines('Held', 'Pinned against retention.', [cluster('backup_pinned')]),
        p.lines(
          'Not to be trusted',
          'In quarantine, and damaged.',
          [
            p.query(q.perCluster('backup_quarantined'), '{{etcd_cluster}} in quarantine'),
            p.query(q.perCluster('backup_damaged'), '{{etcd_cluster}} damaged'),
          ]
        ),
      ]),
      p.row('Copies away from the machine', [
        p.timeline(
          'Destinations',
          'Whether the last copy to each, or look at it, worked.',
          [
            p.query(
              'min by (etcd_cluster, destination) (%s)' % q.of('backup_copy_up'),
              '{{etcd_cluster}}: {{destination}}'
            ),
          ],
          [[0, 'fails', 'red'], [1, 'works', 'green']],
          width=12,
          height=8
        ),
        p.lines(
          'Newest copy is behind the catalogue by',
          'If this machine is lost, so is the difference. A destination that never had a copy has no line.',
          [
            p.query(
              '%s - on (etcd_cluster) group_right () (%s > 0)' % [newest, destination('backup_copy_last_success_timestamp_seconds')],
              '{{etcd_cluster}}: {{destination}}'
            ),
          ],
          unit='s',
          width=12,
          min=null
        ),
        p.lines(
          'Still to be copied',
          'Backups that wait for each destination.',
          [p.query(destination('backup_copy_pending'), '{{etcd_cluster}}: {{destination}}')]
        ),
        p.lines(
          'Copies kept',
          'At each destination.',
          [p.query(destination('backup_copy_stored'), '{{etcd_cluster}}: {{destination}}')]
        ),
        p.lines(
          'Space of copies',
          'At each destination, compressed and encrypted as they are.',
          [p.query(destination('backup_copy_stored_bytes'), '{{etcd_cluster}}: {{destination}}')],
          unit='bytes'
        ),
      ]),
      p.row('Alerts that ask for backups', [
        p.lines(
          'Alerts received',
          'By the webhook. The heartbeat is one of them.',
          [
            p.query(
              'sum by (status) (increase(etcdwarden_webhook_alerts_total{%s}[$__rate_interval]))' % q.scrape,
              '{{status}}'
            ),
          ],
          draw='bars',
          stack=true
        ),
        p.lines(
          'Decisions',
          'What each alert led to. capped, rejected and truncated are those that should have led to a backup and did not.',
          [
            p.query(
              'sum by (decision) (increase(etcdwarden_webhook_decisions_total{%s}[$__rate_interval]))' % q.scrape,
              '{{decision}}'
            ),
          ],
          draw='bars',
          stack=true
        ),
        p.lines(
          'Answers',
          'HTTP codes given to Alertmanager. Anything but 2xx is an alert that was not heard.',
          [
            p.query(
              'sum by (code) (increase(etcdwarden_webhook_requests_total{%s}[$__rate_interval]))' % q.scrape,
              '{{code}}'
            ),
          ],
          draw='bars',
          stack=true
        ),
        p.stat(
          'Since the last heartbeat',
          'The alert that always fires proves the way from Prometheus over Alertmanager to here. Empty: it is not routed here.',
          [
            p.query(
              'time() - (max(etcdwarden_webhook_last_heartbeat_timestamp_seconds{%s}) > 0)' % q.scrape
            ),
          ],
          unit='s',
          width=4,
          thresholds=p.thresholds([[duration.seconds(c.heartbeat), 'red']])
        ),
        p.stat(
          'Jobs waiting',
          'Backups that were asked for and have not begun.',
          [p.query('sum(etcdwarden_webhook_queue_depth{%s})' % q.scrape)],
          width=4,
          thresholds=p.thresholds([[5, 'orange']])
        ),
      ]),
      drills(c).row,
    ]
  )
