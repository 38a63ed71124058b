// How the boards ask: every selector is restricted by the variables, and replicas of etcd-warden that
// watch the same cluster become one series.
{
  scrape:: 'job=~"$job", instance=~"$instance"',
  cluster:: 'etcd_cluster=~"$cluster", ' + self.scrape,

  // etcd-warden's metric of the chosen clusters.
  of(metric, matchers=''):: 'etcdwarden_%s{%s%s}' % [metric, self.cluster, if matchers == '' then '' else ', ' + matchers],
  // etcd's own.
  native(metric, matchers=''):: '%s{%s%s}' % [metric, self.cluster, if matchers == '' then '' else ', ' + matchers],

  perCluster(metric, matchers=''):: 'max by (etcd_cluster) (%s)' % $.of(metric, matchers),
  minPerCluster(metric, matchers=''):: 'min by (etcd_cluster) (%s)' % $.of(metric, matchers),
  perMember(metric, matchers=''):: 'max by (etcd_cluster, member_id) (%s)' % $.of(metric, matchers),

  // Voters that may fail still, those without an endpoint counted as well: as the alerts have it.
  tolerated:: '%s + on (etcd_cluster) %s' % [
    $.perCluster('cluster_failure_tolerance'),
    $.minPerCluster('cluster_client_urls_uncovered'),
  ],
  // Changes within two minutes, whatever the interval of the scrapes.
  changes(selector):: 'changes(%s[2m:15s])' % selector,

  // The same with the member's name. One that is down keeps the name under which it last answered,
  // since its line would be a new one without; topk chooses should it have had two names by then.
  named(expr):: |||
    (
      %(expr)s
      * on (etcd_cluster, member_id) group_left (member)
        topk by (etcd_cluster, member_id) (1,
          max by (etcd_cluster, member_id, member) (%(info)s)
          or on (etcd_cluster, member_id)
          max by (etcd_cluster, member_id, member) (last_over_time(%(info)s[1d])))
      or on (etcd_cluster, member_id) %(expr)s
    )
  ||| % { expr: expr, info: $.of('member_info') },
  member(metric, matchers=''):: self.named(self.perMember(metric, matchers)),
  memberLegend:: '{{member}} {{member_id}}',
}
