// The rows of the Cluster board on the metrics that etcd itself serves. They are repeated for each
// value of a hidden variable that has one value where these metrics are scraped and none elsewhere:
// without a value Grafana shows the closed headings only, and asks nothing.
local b = import 'board.libsonnet';
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

local by = 'member_id, member';
local legend = '{{member}} {{member_id}}';
local rate(metric, matchers='') = 'rate(%s[$__rate_interval])' % q.native(metric, matchers);
local sum(metric, matchers='', labels=by) = 'sum by (%s) (%s)' % [labels, rate(metric, matchers)];
local quantile(share, histogram, labels=by, matchers='') =
  'histogram_quantile(%g, sum by (%s, le) (%s))' % [share, labels, rate(histogram + '_bucket', matchers)];

{
  variable:: b.variable(
    'native',
    'Native metrics',
    'label_values(etcd_server_has_leader{%s}, etcd_cluster)' % q.cluster,
    multi=false,
    extra={ hide: 2 }  // it decides what is shown, and is nobody's to choose
  ),

  rows(c)::
    local n = c.native;
    local hiding = { repeat: 'native', repeatDirection: 'h' };
    local row(title, panels) = p.row(title, panels, collapsed=true, extra=hiding);
    [
      row("Disk (etcd's own metrics)", [
        p.lines(
          'WAL fsync, p99',
          'How long the write-ahead log takes to reach the disk. 10 ms is good; every write waits for a majority of members.',
          [p.query(quantile(0.99, 'etcd_disk_wal_fsync_duration_seconds'), legend)],
          unit='s',
          thresholds=p.thresholds([[n.fsyncSeconds.warning, 'orange'], [n.fsyncSeconds.critical, 'red']])
        ),
        p.lines(
          'Backend commit, p99',
          'How long a batch takes to reach the database file. 25 ms is good.',
          [p.query(quantile(0.99, 'etcd_disk_backend_commit_duration_seconds'), legend)],
          unit='s',
          thresholds=p.thresholds([[n.commitSeconds, 'orange']])
        ),
        p.lines(
          'Database',
          'As each member itself says: the file, and the part of it that is in use.',
          [
            p.query('max by (%s) (%s)' % [by, q.native('etcd_mvcc_db_total_size_in_bytes')], legend + ' file'),
            p.query('max by (%s) (%s)' % [by, q.native('etcd_mvcc_db_total_size_in_use_in_bytes')], legend + ' in use'),
          ],
          unit='bytes'
        ),
        p.lines(
          'Slow applies',
          'Reads and applied entries that took longer than 100 ms.',
          [p.query(sum('etcd_server_slow_apply_total'), legend)],
          unit='cps',
          thresholds=p.thresholds([[n.slowApplies, 'orange']])
        ),
      ]),
      row("Raft and peers (etcd's own metrics)", [
        p.lines(
          'Round trip between peers, p99',
          'Elections begin when heartbeats are late.',
          [
            p.query(
              quantile(0.99, 'etcd_network_peer_round_trip_time_seconds', by + ', To'),
              '{{member}} to {{To}}'
            ),
          ],
          unit='s',
          thresholds=p.thresholds([[n.roundTripSeconds, 'orange']])
        ),
        p.lines(
          'Messages that could not be sent',
          'To a member that is up, this is a partition.',
          [
            p.query(
              sum('etcd_network_peer_sent_failures_total', labels=by + ', To'),
              '{{member}} to {{To}}'
            ),
          ],
          unit='cps'
        ),
        p.lines(
          'Traffic between peers',
          'Sent, by member.',
          [p.query(sum('etcd_network_peer_sent_bytes_total'), legend)],
          unit='Bps'
        ),
        p.lines(
          'Proposals',
          'Writes that the members agreed on, and those that each has applied. The two lines of a member run together.',
          [
            p.query(
              'sum by (%s) (rate(%s[$__rate_interval]))' % [by, q.native('etcd_server_proposals_committed_total')],
              legend + ' committed'
            ),
            p.query(
              'sum by (%s) (rate(%s[$__rate_interval]))' % [by, q.native('etcd_server_proposals_applied_total')],
              legend + ' applied'
            ),
          ],
          unit='wps'
        ),
        p.lines(
          'Proposals pending',
          'Writes that wait to be agreed on.',
          [p.query('max by (%s) (%s)' % [by, q.native('etcd_server_proposals_pending')], legend)],
          thresholds=p.thresholds([[n.pendingProposals, 'orange']])
        ),
        p.lines(
          'Proposals failed',
          'Writes that were given up: no leader, no quorum, or too slow.',
          [p.query(sum('etcd_server_proposals_failed_total'), legend)],
          unit='wps'
        ),
        p.lines(
          'Leader changes seen',
          'As each member counts them, within an hour.',
          [
            p.query(
              'sum by (%s) (increase(%s[1h]))' % [by, q.native('etcd_server_leader_changes_seen_total')],
              legend
            ),
          ]
        ),
      ]),
      row("Clients (etcd's own metrics)", [
        p.lines(
          'Calls',
          'gRPC calls that ended, by method.',
          [
            p.query(
              sum('grpc_server_handled_total', 'grpc_type="unary"', 'grpc_method') + ' > 0',
              '{{grpc_method}}'
            ),
          ],
          unit='reqps'
        ),
        p.lines(
          'Failed calls',
          'Only calls that answer once: streams such as Watch end with an error when a client goes away.',
          [
            p.query(
              sum('grpc_server_handled_total', 'grpc_type="unary", grpc_code!="OK"', 'grpc_method, grpc_code') + ' > 0',
              '{{grpc_method}} {{grpc_code}}'
            ),
          ],
          unit='reqps',
          draw='bars',
          stack=true
        ),
        p.lines(
          'Duration of calls, p99',
          'Measured by etcd only with --metrics=extensive.',
          [
            p.query(
              quantile(0.99, 'grpc_server_handling_seconds', 'grpc_method', 'grpc_type="unary"') + ' > 0',
              '{{grpc_method}}'
            ),
          ],
          unit='s',
          thresholds=p.thresholds([[n.requestSeconds, 'orange']])
        ),
        p.lines(
          'Traffic with clients',
          'By member, as seen from it.',
          [
            p.query(sum('etcd_network_client_grpc_sent_bytes_total'), legend + ' sent'),
            p.query(sum('etcd_network_client_grpc_received_bytes_total'), legend + ' received'),
          ],
          unit='Bps'
        ),
      ]),
      row("Process (etcd's own metrics)", [
        p.lines(
          'Memory',
          'Resident memory of each etcd process.',
          [p.query('max by (%s) (%s)' % [by, q.native('process_resident_memory_bytes')], legend)],
          unit='bytes'
        ),
        p.lines(
          'CPU',
          'Cores that each etcd process uses.',
          [p.query(sum('process_cpu_seconds_total'), legend)],
          unit='none'
        ),
        p.lines(
          'Open files',
          'As a share of what the process may open. At 100% it takes no connections.',
          [
            p.query(
              'max by (%s) (%s / %s)' % [by, q.native('process_open_fds'), q.native('process_max_fds')],
              legend
            ),
          ],
          unit='percentunit',
          max=1,
          thresholds=p.thresholds([[n.files, 'orange']])
        ),
      ]),
    ],
}
