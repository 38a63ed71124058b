// etcd-warden itself: can what it says be relied on, and does it keep up?
local b = import 'board.libsonnet';
local p = import 'panels.libsonnet';
local q = import 'queries.libsonnet';

function(c)
  local of(metric, matchers='') = 'etcdwarden_%s{%s%s}' % [metric, q.scrape, if matchers == '' then '' else ', ' + matchers];
  local rate(metric, labels, matchers='') = 'sum by (%s) (rate(%s[$__rate_interval]))' % [labels, of(metric, matchers)];
  // process_* of etcd-warden, and of nobody else whom the job variable lets through.
  local process(metric) = '%s{%s} and on (job, instance) %s' % [metric, q.scrape, of('exporter_build_info')];
  local processRate(metric) = 'rate(%s{%s}[$__rate_interval]) and on (job, instance) %s' % [metric, q.scrape, of('exporter_build_info')];

  b.board(
    c,
    'exporter',
    'etcd-warden / Exporter',
    'etcd-warden itself: scrapes and their time budget, calls to etcd that fail, HTTP, and the process.',
    [],
    [
      b.annotation(
        'Configuration loaded',
        'a new configuration is in use',
        '%s > 0' % q.changes(of('exporter_config_last_reload_success_timestamp_seconds')),
        '{{instance}}',
        'blue'
      ),
      b.annotation(
        'Started',
        'the process is a new one',
        '%s > 0 and on (job, instance) %s' % [q.changes('process_start_time_seconds{%s}' % q.scrape), of('exporter_build_info')],
        '{{instance}}',
        'purple'
      ),
    ],
    [
      p.row('Now', [
        p.table('Instances',
                'What runs where. Different versions are fine for as long as an upgrade takes.',
                [
                  p.now('max by (instance, version, revision, compiler, grpc_version, openssl_version) (%s)' % of('exporter_build_info')),
                  p.now('min by (instance) (%s)' % of('exporter_config_last_reload_successful')),
                  p.now('time() - max by (instance) (%s)' % of('exporter_config_last_reload_success_timestamp_seconds')),
                ],
                'instance',
                [
                  { field: 'instance', name: 'Instance', unit: 'string' },
                  { field: 'version', name: 'Version', unit: 'string' },
                  { field: 'revision', name: 'Revision', unit: 'string' },
                  { field: 'compiler', name: 'Compiler', unit: 'string' },
                  { field: 'grpc_version', name: 'gRPC', unit: 'string' },
                  { field: 'openssl_version', name: 'OpenSSL', unit: 'string' },
                  { field: 'Value #B', name: 'Runs its file', mappings: [[0, 'no', 'red'], [1, 'yes', 'green']], thresholds: p.thresholds([[1, 'green']], 'red') },
                  { field: 'Value #C', name: 'Loaded', unit: 's', decimals: 0 },
                ],
                width=16,
                height=6),
        p.stat(
          'Scrapes that fail',
          'Of etcd-warden; those of etcd itself are not counted.',
          [p.query('count(up{%s, %s} == 0) or vector(0)' % [q.scrape, c.wardenSelector])],
          thresholds=p.thresholds([[1, 'red']]),
          color='background',
          width=4,
          height=6
        ),
        p.stat(
          'Clusters watched',
          'That a page names.',
          [p.query('count(count by (etcd_cluster) (%s))' % of('up'))],
          width=4,
          height=6
        ),
      ]),
      p.row('Scrapes', [
        p.lines(
          'Share of the time budget',
          'How much of the time that Prometheus gives asking each cluster takes. A member that hangs costs all of it; what has not answered by then is reported as down.',
          [
            p.query(
              'max by (etcd_cluster) (%s / %s)' % [of('scrape_duration_seconds'), of('scrape_timeout_seconds')],
              '{{etcd_cluster}}'
            ),
          ],
          unit='percentunit',
          max=1,
          thresholds=p.thresholds([[c.scrapeBudget, 'orange']])
        ),
        p.lines(
          'Duration',
          'Of asking all endpoints of a cluster at once.',
          [
            p.query(
              'max by (etcd_cluster) (%s)' % of('scrape_duration_seconds'),
              '{{etcd_cluster}}'
            ),
          ],
          unit='s'
        ),
        p.lines(
          'Shared',
          'Scrapes that joined one already under way, as those of two Prometheis do.',
          [p.query(rate('exporter_scrapes_coalesced_total', 'etcd_cluster'), '{{etcd_cluster}}')],
          unit='cps'
        ),
        p.lines(
          'Under way',
          'Rounds of questions at this moment.',
          [p.query('max by (instance) (%s)' % of('exporter_scrapes_in_flight'), '{{instance}}')]
        ),
        p.lines(
          'Rejected',
          'overload: more at once than scrape.max_concurrent. The others: somebody asked for what is not known or not allowed.',
          [
            p.query(
              rate('exporter_scrapes_rejected_total', 'instance, reason'),
              '{{instance}} {{reason}}'
            ),
          ],
          unit='cps',
          draw='bars',
          stack=true
        ),
        p.lines(
          'Spread of the answers',
          'Time between the first and the last answer of a scrape.',
          [
            p.query(
              'max by (etcd_cluster) (%s)' % of('scrape_sample_skew_seconds'),
              '{{etcd_cluster}}'
            ),
          ],
          unit='s'
        ),
      ]),
      p.row('Calls to etcd', [
        p.lines(
          'Failures by reason',
          'timeout and connect: network or a member that is down. tls: certificates. unauthenticated, permission_denied: our user.',
          [
            p.query(
              rate('rpc_failures_total', 'etcd_cluster, reason'),
              '{{etcd_cluster}} {{reason}}'
            ),
          ],
          unit='cps',
          draw='bars',
          stack=true
        ),
        p.lines(
          'Tokens fetched',
          'Each costs etcd a raft entry. They are fetched only when one was refused, so this should be rare.',
          [p.query(rate('auth_token_refreshes_total', 'etcd_cluster'), '{{etcd_cluster}}')],
          unit='cps'
        ),
        p.lines(
          'Connections',
          'gRPC channels by state. transient_failure waits to dial again.',
          [p.query('sum by (state) (%s)' % of('exporter_grpc_channels'), '{{state}}')],
          stack=true
        ),
      ]),
      p.row('HTTP', [
        p.lines(
          'Requests',
          'By handler and code.',
          [p.query(rate('exporter_http_requests_total', 'handler, code'), '{{handler}} {{code}}')],
          unit='reqps',
          width=12
        ),
        p.lines(
          'Duration, p99',
          'By handler. That of /metrics is the time that etcd takes to answer.',
          [
            p.query(
              'histogram_quantile(0.99, sum by (handler, le) (rate(%s[$__rate_interval])))' % of('exporter_http_request_duration_seconds_bucket'),
              '{{handler}}'
            ),
          ],
          unit='s',
          width=12
        ),
      ]),
      p.row('Process', [
        p.lines(
          'Memory',
          'Resident.',
          [p.query(process('process_resident_memory_bytes'), '{{instance}}')],
          unit='bytes'
        ),
        p.lines(
          'CPU',
          'Cores in use.',
          [p.query(processRate('process_cpu_seconds_total'), '{{instance}}')],
          unit='none'
        ),
        p.lines(
          'Open files',
          'As a share of what it may open.',
          [
            p.query(
              'process_open_fds{%s} / process_max_fds{%s} and on (job, instance) %s' % [q.scrape, q.scrape, of('exporter_build_info')],
              '{{instance}}'
            ),
          ],
          unit='percentunit',
          max=1
        ),
      ]),
    ]
  )
