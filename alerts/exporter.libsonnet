// Whether etcd-warden itself, and the way of alerts to it, can be relied on.
{
  _alerts+:: {
    local c = $._config,
    local w = (import 'words.libsonnet')(c),
    local down = 'up{%s} == 0' % c.wardenSelector,
    local instance = 'etcd-warden at {{ $labels.instance }}',

    EtcdWardenDown: {
      group: 'exporter',
      severity: 'critical',
      'for': '5m',
      // Only if no other replica watches the clusters that this one watched.
      expr: |||
        %(down)s
        and on (job, instance) (
          max by (job, instance, %(cluster)s) (last_over_time(etcdwarden_up[%(day)s]))
          unless on (%(cluster)s) max by (%(cluster)s) (etcdwarden_up)
        )
      ||| % { down: down, cluster: w.cluster, day: w.window('1d') },
      summary: '%s cannot be scraped, and nobody else watches its clusters' % instance,
      description: |||
        No alert about these clusters can fire. etcd itself is not concerned.
      |||,
    },

    EtcdWardenInstanceDown: {
      group: 'exporter',
      severity: 'warning',
      'for': '5m',
      expr: down,
      summary: '%s cannot be scraped' % instance,
      description: |||
        The scrape {{ $labels.job }} of it fails. Where it is the only one that watches a cluster,
        EtcdWardenDown says so.
      |||,
    },

    EtcdWardenAbsent: {
      group: 'exporter',
      severity: 'critical',
      'for': '10m',
      expr: |||
        absent(etcdwarden_exporter_build_info)
        unless on () %s
      ||| % down,
      summary: 'Prometheus scrapes no etcd-warden',
      description: |||
        It has no target, so nothing watches etcd and no alert about it can fire.
      |||,
    },

    EtcdClusterNotWatched: {
      group: 'exporter',
      severity: 'warning',
      'for': '15m',
      // While a scrape that served it fails, EtcdWardenDown tells of it.
      expr: |||
        %(served)s
        unless on (%(cluster)s) %(now)s
        unless on (%(cluster)s) max by (%(cluster)s) (
          last_over_time(etcdwarden_up[%(window)s]) and on (job, instance) %(down)s
        )
      ||| % {
        cluster: w.cluster,
        window: w.window('6h'),
        served: w.max('cluster', 'last_over_time(etcdwarden_up[%s])' % self.window),
        down: down,
        now: w.max('cluster', 'etcdwarden_up'),
      },
      summary: '%s was watched within the last six hours, and is no longer' % w.clusterName,
      description: |||
        It was taken out of the configuration, or its scrape is gone. Six hours after that this ends,
        whether or not it is watched again.
      |||,
    },

    EtcdWardenScrapeSlow: {
      group: 'exporter',
      severity: 'warning',
      'for': '15m',
      // A member that hangs costs the whole budget, and has alerts of its own.
      expr: |||
        %(took)s
        > %(share)g * %(budget)s
        unless on (%(cluster)s) %(up)s == 0
      ||| % {
        cluster: w.cluster,
        took: w.max('cluster', 'etcdwarden_scrape_duration_seconds'),
        share: c.scrapeBudget,
        budget: w.min('cluster', 'etcdwarden_scrape_timeout_seconds'),
        up: w.min('cluster', 'etcdwarden_endpoint_up'),
      },
      summary: 'asking %s takes nearly as long as a scrape may' % w.clusterName,
      description: |||
        It takes {{ $value | humanizeDuration }}. What does not answer in time is reported as down.
      |||,
    },

    EtcdWardenAuthFailing: {
      group: 'exporter',
      severity: 'warning',
      'for': '5m',
      expr: |||
        sum by (%s, reason) (
          rate(etcdwarden_rpc_failures_total{reason=~"unauthenticated|permission_denied"}[%s])
        ) > 0
      ||| % [w.endpoint, w.window('5m')],
      summary: '{{ $labels.etcd_endpoint }} of %s refuses our user' % w.clusterName,
      description: |||
        The reason is {{ $labels.reason }}. Some metrics are missing, and backups may fail.
      |||,
    },

    EtcdWardenScrapesRejected: {
      group: 'exporter',
      severity: 'warning',
      'for': '15m',
      expr: |||
        sum by (job, instance, reason) (
          rate(etcdwarden_exporter_scrapes_rejected_total[%s])
        ) > 0
      ||| % w.window('5m'),
      summary: '%s rejects scrapes: {{ $labels.reason }}' % instance,
      description: |||
        Somebody asks for what is not allowed or not known, or for more at once than it answers.
        bad_timeout is answered all the same.
      |||,
    },

    EtcdWardenConfigReloadFailed: {
      group: 'exporter',
      severity: 'warning',
      'for': '5m',
      expr: 'min by (job, instance) (etcdwarden_exporter_config_last_reload_successful) == 0',
      summary: '%s does not run the configuration that is in its file' % instance,
      description: |||
        The last reload failed, and the old configuration goes on. At the next start it will refuse
        to run.
      |||,
    },

    EtcdWardenHeartbeatMissing: {
      group: 'webhook',
      severity: 'warning',
      'for': '5m',
      // Whoever routes no heartbeat to it never had one.
      expr: |||
        time() - (max by (job, instance) (etcdwarden_webhook_last_heartbeat_timestamp_seconds) > 0)
        > %d
      ||| % w.seconds(c.heartbeat),
      summary: 'no heartbeat has come to %s for {{ $value | humanizeDuration }}' % instance,
      description: |||
        The alert that always fires does not get from Prometheus over Alertmanager to the webhook.
        Nor will the others, so no alert leads to a backup now.
      |||,
    },

    EtcdWardenWebhookRejecting: {
      group: 'webhook',
      severity: 'warning',
      'for': '0s',
      // A code has no series before its first answer, which increase() therefore cannot count.
      expr: |||
        sum by (job, instance, code) (increase(%(answers)s[%(window)s])) > 0
        or sum by (job, instance, code) (%(answers)s unless %(answers)s offset %(window)s) > 0
      ||| % {
        answers: 'etcdwarden_webhook_requests_total{code!~"2.."}',
        window: w.window('15m'),
      },
      summary: '%s answers Alertmanager with {{ $labels.code }}' % instance,
      description: |||
        401 is a wrong token, 400 a payload that is no alert, 413 one that is too large, 404 a wrong
        path, 503 a full queue or a file that cannot be read or written. Alertmanager tries again
        only after 503.
      |||,
    },

    EtcdWardenAlertsDropped: {
      group: 'webhook',
      severity: 'warning',
      'for': '0s',
      expr: |||
        sum by (%s, decision) (
          increase(etcdwarden_webhook_decisions_total{decision=~"capped|rejected|truncated"}[%s])
        ) > 0
      ||| % [w.cluster, w.window('1h')],
      // What Alertmanager cut off names no cluster.
      summary: 'alerts{{ with $labels.etcd_cluster }} about etcd cluster {{ . }}{{ end }}'
               + ' led to no backup: {{ $labels.decision }}',
      description: |||
        They asked for one, and were over the hourly cap, could not be carried out, or were cut off
        by Alertmanager.
      |||,
    },

    [if $._config.watchdog then 'Watchdog']: {
      group: 'heartbeat',
      severity: 'none',
      'for': '0s',
      expr: 'vector(1)',
      summary: 'this alert always fires',
      description: |||
        It proves that alerts get from Prometheus over Alertmanager to etcd-warden, which notices
        when it stays away. Nobody needs to be told of it.
      |||,
    },
  },
}
