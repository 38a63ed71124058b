// The boards, by the names of their files.
(import 'config.libsonnet') + {
  grafanaDashboards+:: {
    'etcd-warden-fleet.json': (import 'fleet.libsonnet')($._config),
    'etcd-warden-cluster.json': (import 'cluster.libsonnet')($._config),
    'etcd-warden-backups.json': (import 'backups.libsonnet')($._config),
    'etcd-warden-exporter.json': (import 'exporter.libsonnet')($._config),
  },
}
