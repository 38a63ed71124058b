// What the boards can be told, beside the thresholds that they share with the alerts.
{
  _config+:: {
    dashboards: {
      tags: ['etcd', 'etcd-warden'],
      refresh: '30s',
      from: 'now-6h',
      timezone: 'browser',
      // Every board's uid begins with it: change it to have two sets of boards in one Grafana.
      uidPrefix: 'etcd-warden',
    },
  },
}
