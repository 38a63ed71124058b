// A board of rows: places and ids for its panels, the variables, links and annotations of them all.
local panels = import 'panels.libsonnet';

// From left to right, in lines of 24 columns; each line is as high as its highest panel.
local place(list, top) = std.foldl(
  function(done, panel)
    local fits = done.x + panel.size.w <= 24;
    local x = if fits then done.x else 0;
    local y = if fits then done.y else done.y + done.height;
    {
      x: x + panel.size.w,
      y: y,
      height: if fits then std.max(done.height, panel.size.h) else panel.size.h,
      placed: done.placed + [panel { gridPos: panel.size { x: x, y: y } }],
    },
  list,
  { x: 0, y: top, height: 0, placed: [] }
);

// Ids are numbers of a hundred for each row, so that a new panel changes those of its row only.
local numbered(list, first) = [list[i] { id: first + i } for i in std.range(0, std.length(list) - 1)];

local layOut(rows) = std.foldl(
  function(done, i)
    local row = rows[i];
    local placed = place(row.panels, done.y + 1);
    local inside = numbered(placed.placed, (i + 1) * 100 + 1);
    local header = {
      type: 'row',
      id: (i + 1) * 100,
      title: row.title,
      collapsed: row.collapsed,
      gridPos: { x: 0, y: done.y, w: 24, h: 1 },
      panels: if row.collapsed then inside else [],
    } + row.extra;
    {
      y: if row.collapsed then done.y + 1 else placed.y + placed.height,
      panels: done.panels + [header] + (if row.collapsed then [] else inside),
    },
  std.range(0, std.length(rows) - 1),
  { y: 0, panels: [] }
).panels;

{
  variable(name, label, query, multi=true, extra={}):: {
    name: name,
    label: label,
    type: 'query',
    datasource: panels.datasource,
    query: query,
    definition: query,
    refresh: 2,  // when the time range changes
    sort: 1,
    multi: multi,
    includeAll: multi,
    [if multi then 'allValue']: '.+',
    current: if multi then { selected: true, text: ['All'], value: ['$__all'] } else {},
    options: [],
    hide: 0,
  } + extra,

  local variables(config) = [
    {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
      current: {},
      options: [],
      refresh: 1,
      hide: 0,
    },
    // Both etcd-warden's scrapes and those of etcd itself: the boards show what either knows.
    $.variable('job', 'Job', 'label_values({__name__=~"etcdwarden_exporter_build_info|etcdwarden_up|etcd_server_has_leader"}, job)'),
    $.variable('instance', 'Instance', 'label_values({__name__=~"etcdwarden_exporter_build_info|etcdwarden_up|etcd_server_has_leader", job=~"$job"}, instance)'),
  ],

  annotation(name, description, expr, title, color, enable=true):: {
    name: name,
    datasource: panels.datasource,
    enable: enable,
    hide: false,
    expr: expr,
    step: '30s',
    titleFormat: title,
    textFormat: description,
    iconColor: color,
    useValueForTime: false,
  },

  link(config, name, title):: {
    type: 'link',
    title: title,
    url: '/d/%s-%s' % [config.dashboards.uidPrefix, name],
    icon: 'dashboard',
    includeVars: true,
    keepTime: true,
    targetBlank: false,
    asDropdown: false,
    tags: [],
    tooltip: '',
  },

  board(config, name, title, description, ownVariables, annotations, rows):: {
    uid: '%s-%s' % [config.dashboards.uidPrefix, name],
    title: title,
    description: description,
    tags: config.dashboards.tags,
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,  // one cross-hair over all panels
    refresh: config.dashboards.refresh,
    timezone: config.dashboards.timezone,
    time: { from: config.dashboards.from, to: 'now' },
    timepicker: {},
    liveNow: false,
    fiscalYearStartMonth: 0,
    weekStart: '',
    links: [
      $.link(config, other[0], other[1])
      for other in [['fleet', 'Fleet'], ['cluster', 'Cluster'], ['backups', 'Backups'], ['exporter', 'Exporter']]
      if other[0] != name
    ],
    templating: { list: variables(config) + ownVariables },
    annotations: { list: annotations },
    panels: layOut(rows),
  },
}
