// The monitoring mixin: prometheusAlerts, prometheusRules, grafanaDashboards and _config, as
// https://monitoring.mixins.dev has it.
(import 'config.libsonnet')
+ (import 'alerts.libsonnet')
+ (import 'rules.libsonnet')
+ (import '../dashboards/dashboards.libsonnet')
