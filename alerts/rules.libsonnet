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
            // The pace of the cluster is that of its newest entry: a member that catches up is faster.
            record: 'etcd_cluster:etcdwarden_member_raft_index:max',
            expr: w.max('cluster', 'etcdwarden_member_raft_index'),
          },
          {
            // As all replicas of etcd-warden see it: each may reach other voters.
            record: 'etcd_cluster:etcdwarden_cluster_failure_tolerance:union',
            expr: |||
              sum by (%(cluster)s) (
                %(up)s
                * on (%(member)s) (%(learner)s == bool 0)
              )
              - floor(%(voters)s / 2) - 1
            ||| % {
              cluster: w.cluster,
              member: w.member,
              up: w.max('member', 'etcdwarden_member_up'),
              learner: w.max('member', 'etcdwarden_member_listed_as_learner'),
              voters: w.max('cluster', 'etcdwarden_cluster_members{role="voter"}'),
            },
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
