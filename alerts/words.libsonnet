// What the alerts have in common: how labels, windows and names are written.
local duration = import 'duration.libsonnet';

function(config) {
  local words = self,

  // For by () and on ().
  cluster: std.join(', ', config.clusterLabels),
  member: self.cluster + ', member_id',
  endpoint: self.cluster + ', etcd_endpoint',
  byRole: self.cluster + ', role',
  certificate: self.endpoint + ', use',

  // A window, as in rate(x[...]).
  window(text):: duration.text(duration.scaled(text, config.timeScale)),
  // The same as a number to compare with.
  seconds(text):: duration.scaled(text, config.timeScale),

  // For annotations. Several exporters may watch one cluster, so the labels are those of the
  // cluster only, and every expression is aggregated by them.
  clusterName: 'etcd cluster {{ $labels.etcd_cluster }}',

  // The name that a member had when it last answered, then its id.
  memberName:
    'member {{ with printf "max by (member) (last_over_time(etcdwarden_member_info'
    + "{etcd_cluster='%s',member_id='%s'}[1d]))\" $labels.etcd_cluster $labels.member_id"
    + ' | query }}{{ . | first | label "member" }} {{ end }}({{ $labels.member_id }})',

  // What it takes for a series to come once for each cluster, member or endpoint.
  max(labels, expression):: 'max by (%s) (%s)' % [words[labels], expression],
  min(labels, expression):: 'min by (%s) (%s)' % [words[labels], expression],
  sum(labels, expression):: 'sum by (%s) (%s)' % [words[labels], expression],
}
