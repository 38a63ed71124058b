// What the rules and dashboards can be told. Change it as mixins are changed:
//   (import 'etcd-warden/alerts/mixin.libsonnet') { _config+:: { quota+: { high: 0.7 } } }
{
  _config+:: {
    // What names a cluster: etcd-warden's label, and labels that your Prometheus adds if two
    // clusters of one name can meet, as in ['region', 'etcd_cluster']. Then write them all into `equal`
    // of the inhibit rules in alertmanager.yml too.
    clusterLabels: ['etcd_cluster'],

    // The scrapes of etcd-warden itself.
    wardenSelector: 'job=~".*warden.*"',
    // The scrapes of etcd's own metrics, with the labels that deploy/PROMETHEUS.md gives them.
    etcdSelector: 'job="etcd"',

    // %s is the name of the alert.
    runbookURLPattern: 'https://github.com/etcd-warden/etcd-warden/blob/main/alerts/runbooks/%s.md',

    // The alert that always fires. Leave it out where you have one of that name already.
    watchdog: true,

    // Multiplies every `for` and window, for tests in a hurry. A wait never becomes less than 1s.
    timeScale: 1,

    // Shares of the database quota.
    quota: {
      high: 0.8,
      critical: 0.95,
      // The projection is silent below this share: small databases grow in leaps.
      projectedFrom: 0.5,
      projectedWindow: '6h',
      projectedAhead: '1d',
    },
    // Free pages in the database file: as a share of the quota, and from which fill of the quota on.
    defragmentation: { free: 0.1, used: 0.6 },

    // Entries that a member is behind the cluster's newest committed one, and the share of the
    // cluster's pace below which it does not catch up.
    lag: { entries: 1000, window: '5m', pace: 0.9 },
    // Revisions that a member is behind although it has applied the same raft entries.
    divergence: { revisions: 10000, entries: 100 },
    // Bytes in use: the largest member's over the smallest's, from which size on.
    sizeSkew: { ratio: 1.5, bytes: 100e6 },
    elections: { count: 4, window: '15m' },

    certificate: { warningDays: 14, criticalDays: 2 },

    // Of the configured interval between two consistency checks.
    hashCheckIntervals: 3,

    backup: {
      // How old the newest backup may be where no `backup.objective` is configured.
      maxAge: '26h',
      // The level that a backup should be proven to; see `etcd-warden backup verify --help`.
      level: 2,
      // Of the largest backup in the window.
      shrunk: 0.5,
      shrunkWindow: '7d',
      // Free space in multiples of the newest backup.
      free: 3,
      // How late a scheduled run may start.
      late: '10m',
    },

    // Rehearsed restores: within so many intervals of the schedule one should have succeeded. Of
    // several intervals within the window, as cron has them, the longest one is meant.
    drill: { intervals: 2, window: '7d' },

    // How long no heartbeat may come over Alertmanager.
    heartbeat: '15m',
    // Share of the scrape budget.
    scrapeBudget: 0.8,

    native: {
      // What names a member in etcd's own metrics, besides the cluster.
      memberLabels: ['member_id', 'member'],
      fsyncSeconds: { warning: 0.5, critical: 1 },
      commitSeconds: 0.25,
      // Across regions the round trip alone is longer than this.
      roundTripSeconds: 0.15,
      requestSeconds: 0.5,
      errors: { warning: 0.01, critical: 0.05 },
      // Calls of a method per second below which its share of errors and its latency say nothing.
      floor: 0.5,
      failedProposals: 5,
      pendingProposals: 100,
      peerSendFailures: 0.1,
      slowApplies: 0.1,
      files: 0.8,
    },
  },
}
