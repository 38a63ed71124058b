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
  half(text):: duration.text(std.max(1, std.floor(self.seconds(text) / 2))),
  // The same as a number to compare with.
  seconds(text):: duration.scaled(text, config.timeScale),

  // For annotations. Several exporters may watch one cluster, so the labels are those of the
  // cluster only, and every expression is aggregated by them.
  clusterName: 'etcd cluster {{ $labels.etcd_cluster }}',

  // In a query of an annotation: what it asks for in this cluster. `query` has %s for the matchers.
  local clusterMatchers = std.join(',', [label + "='%s'" for label in config.clusterLabels]),
  local clusterValues = std.join(' ', ['$labels.' + label for label in config.clusterLabels]),
  ask(query, matcher='', value=''):: 'printf "%s" %s | query' % [
    query % (clusterMatchers + matcher),
    clusterValues + value,
  ],

  // The name that a member had when it last answered, then its id.
  memberName:
    'member {{ with %s }}{{ . | first | label "member" }} {{ end }}({{ $labels.member_id }})'
    % self.ask(
      'max by (member) (last_over_time(etcdwarden_member_info{%s}[1d]))',
      ",member_id='%s'",
      ' $labels.member_id'
    ),

  // Servers of the cluster that its member list does not name: a removed member that still runs. They
  // have an alert of their own, and others leave them out with `unless on (member)`.
  strangers: |||
    (
      max by (%(member)s) (etcdwarden_member_info)
      unless on (%(member)s) max by (%(member)s) (etcdwarden_member_listed)
      and on (%(cluster)s) max by (%(cluster)s) (etcdwarden_member_listed)
    )
  ||| % { member: words.member, cluster: words.cluster },

  // What it takes for a series to come once for each cluster, member or endpoint.
  max(labels, expression):: 'max by (%s) (%s)' % [words[labels], expression],
  min(labels, expression):: 'min by (%s) (%s)' % [words[labels], expression],
  sum(labels, expression):: 'sum by (%s) (%s)' % [words[labels], expression],
}
