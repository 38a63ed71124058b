// Makes groups of rules of the alerts that the other files define. An alert of theirs can be changed
// or left out by its name, those on etcd's own metrics too:
//   mixin { _alerts+:: { EtcdEvenVoters:: null, EtcdQuorumLost+: { severity: 'page' } } }
local duration = import 'duration.libsonnet';

(import 'membership.libsonnet')
+ (import 'replication.libsonnet')
+ (import 'storage.libsonnet')
+ (import 'backups.libsonnet')
+ (import 'drills.libsonnet')
+ (import 'exporter.libsonnet')
+ (import 'native.libsonnet')
+ {
  local c = $._config,
  // A text that was written over several lines is one.
  local line(text) = std.strReplace(std.stripChars(text, ' \n'), '\n', ' '),

  local rule(name, alert) = {
    alert: name,
    expr: std.rstripChars(alert.expr, '\n'),
    labels: { severity: alert.severity } + (
      if std.objectHas(alert, 'backup') && alert.backup then { backup: 'true' } else {}
    ),
    annotations: {
      summary: line(alert.summary),
      description: line(alert.description),
      runbook_url: c.runbookURLPattern % name,
    },
  } + (
    local wait = duration.scaled(alert['for'], c.timeScale);
    if wait == 0 then {} else { 'for': duration.text(wait) }
  ),

  local names = std.objectFields($._alerts),
  local groupNames = std.set([$._alerts[name].group for name in names]),
  local isNative(group) = std.startsWith(group, 'etcd-'),
  local rulesOf(group) = [rule(name, $._alerts[name]) for name in names if $._alerts[name].group == group],

  // Those on etcd's own metrics are a file of their own: not everybody scrapes them.
  wardenAlerts:: {
    groups: [
      { name: 'etcd-warden-' + group, rules: rulesOf(group) }
      for group in groupNames
      if !isNative(group)
    ],
  },
  nativeAlerts:: {
    groups: [{ name: group, rules: rulesOf(group) } for group in groupNames if isNative(group)],
  },

  prometheusAlerts+:: { groups+: $.wardenAlerts.groups + $.nativeAlerts.groups },
}
