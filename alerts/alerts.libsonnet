// Makes groups of rules of the alerts that the other files define. An alert of theirs can be changed
// or taken out by its name:
//   mixin { _alerts+:: { EtcdEvenVoters:: null, EtcdQuorumLost+: { severity: 'page' } } }
local duration = import 'duration.libsonnet';

(import 'membership.libsonnet')
+ (import 'replication.libsonnet')
+ (import 'storage.libsonnet')
+ (import 'backups.libsonnet')
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

  local groups(alerts, prefix) = [
    {
      name: prefix + group,
      rules: [
        rule(name, alerts[name])
        for name in std.objectFields(alerts)
        if alerts[name].group == group
      ],
    }
    for group in std.set([alerts[name].group for name in std.objectFields(alerts)])
  ],

  // etcd's own metrics are a file of their own: not everybody scrapes them.
  wardenAlerts:: { groups: groups($._alerts, 'etcd-warden-') },
  nativeAlerts:: { groups: groups($._nativeAlerts, '') },

  prometheusAlerts+:: { groups+: $.wardenAlerts.groups + $.nativeAlerts.groups },
}
