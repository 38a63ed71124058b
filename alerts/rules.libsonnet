// Recording rules: what several alerts ask for, or what no alert could ask for by itself.
{
  local w = (import 'words.libsonnet')($._config),

  prometheusRules+:: {
    groups+: [
      {
        name: 'etcd-warden-records',
        rules: [
          {
            // Of the members that have a leader: one that is cut off counts its own terms up.
            record: 'etcd_cluster:etcdwarden_member_raft_term:max',
            expr: w.max(
              'cluster',
              'etcdwarden_member_raft_term and etcdwarden_member_has_leader == 1'
            ),
          },
          {
            // Below etcd 3.6 the quota is known only from the configuration, and else absent.
            record: 'etcd_cluster_member_id:etcdwarden_member_quota_used:ratio',
            expr: '%s / %s' % [
              w.max('member', 'etcdwarden_member_db_bytes'),
              w.max('member', 'etcdwarden_member_quota_bytes > 0'),
            ],
          },
        ],
      },
    ],
  },
}
