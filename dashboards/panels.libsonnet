// Grafana's panels, as far as these boards need them. A panel has a width of its own; the board lays
// panels out from left to right. https://grafana.com/docs/grafana/latest/visualizations/dashboards/
local datasource = { type: 'prometheus', uid: '${datasource}' };

local color(name) = { mode: 'fixed', fixedColor: name };

{
  datasource:: datasource,

  // Steps upwards from green: [value, color].
  thresholds(steps, base='green'):: {
    mode: 'absolute',
    steps: [{ color: base, value: null }] + [{ color: step[1], value: step[0] } for step in steps],
  },

  // One query. `name` is the legend, with labels in {{}}.
  query(expr, name='', extra={}):: {
    datasource: datasource,
    expr: std.rstripChars(expr, '\n'),
    legendFormat: if name == '' then '__auto' else name,
    editorMode: 'code',
    range: true,
  } + extra,

  // What it says now, as a table.
  now(expr, extra={}):: self.query(expr, '', { instant: true, range: false, format: 'table' } + extra),

  // The common part of all panels; ids and places come from the board.
  panel(type, title, description, targets, unit, width, height):: {
    type: type,
    title: title,
    description: std.strReplace(std.stripChars(description, ' \n'), '\n', ' '),
    datasource: datasource,
    targets: [
      targets[i] { refId: std.char(std.codepoint('A') + i) }
      for i in std.range(0, std.length(targets) - 1)
    ],
    fieldConfig: { defaults: { unit: unit }, overrides: [] },
    options: {},
    transparent: false,
    size:: { w: width, h: height },
  },

  lines(title, description, targets, unit='short', width=8, height=8, thresholds=null, max=null, min=0, stack=false, draw='line')::
    self.panel('timeseries', title, description, targets, unit, width, height) {
      // Bars count events: narrower ones than the window that is counted over would count them twice.
      [if draw == 'bars' then 'interval']: '5m',
      fieldConfig+: {
        defaults+: {
          [if min != null then 'min']: min,
          [if max != null then 'max']: max,
          color: { mode: 'palette-classic' },
          [if thresholds != null then 'thresholds']: thresholds,
          custom: {
            drawStyle: draw,
            lineWidth: 1,
            fillOpacity: if stack || draw == 'bars' then 30 else 5,
            showPoints: 'never',
            spanNulls: false,
            stacking: { mode: if stack then 'normal' else 'none', group: 'A' },
            thresholdsStyle: { mode: if thresholds == null then 'off' else 'line' },
          },
        },
      },
      options: {
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  stat(title, description, targets, unit='short', width=3, height=4, thresholds=$.thresholds([]), mappings=[], decimals=null, color='value')::
    // Instant: over the time range, the last value would stay there for hours after its series ended.
    local instant = [target { instant: true, range: false } for target in targets];
    self.panel('stat', title, description, instant, unit, width, height) {
      fieldConfig+: {
        defaults+: {
          thresholds: thresholds,
          mappings: mappings,
          [if decimals != null then 'decimals']: decimals,
          color: { mode: 'thresholds' },
        },
      },
      options: {
        colorMode: color,
        graphMode: 'none',
        justifyMode: 'auto',
        textMode: 'auto',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      },
    },

  // States over time; each value has a text and a color: [value, text, color].
  timeline(title, description, targets, states=[], width=24, height=7, thresholds=null)::
    self.panel('state-timeline', title, description, targets, 'short', width, height) {
      fieldConfig+: {
        defaults+: {
          mappings: $.mappings(states),
          color: { mode: if thresholds == null then 'palette-classic' else 'thresholds' },
          [if thresholds != null then 'thresholds']: thresholds,
          custom: { fillOpacity: 70, lineWidth: 0 },
        },
      },
      options: {
        mergeValues: true,
        showValue: 'auto',
        rowHeight: 0.85,
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'single', sort: 'none' },
      },
    },

  mappings(states):: if states == [] then [] else [{
    type: 'value',
    options: {
      [std.toString(state[0])]: { text: state[1], color: state[2], index: 0 }
      for state in states
    },
  }],

  // A table of instant queries, joined by `key`. `columns` are in order: { field, name, unit,
  // thresholds, mappings, links, width }; what is not among them is hidden.
  table(title, description, targets, key, columns, width=24, height=9)::
    local named = self.panel('table', title, description, targets, 'short', width, height);
    named {
      options: { showHeader: true, cellHeight: 'sm', footer: { show: false } },
      transformations: [
        { id: 'joinByField', options: { byField: key, mode: 'outer' } },
        {
          id: 'filterFieldsByName',
          options: { include: { names: [column.field for column in columns] } },
        },
        {
          id: 'organize',
          options: {
            indexByName: { [columns[i].field]: i for i in std.range(0, std.length(columns) - 1) },
            renameByName: { [column.field]: column.name for column in columns },
          },
        },
      ],
      fieldConfig+: {
        overrides: [
          {
            matcher: { id: 'byName', options: column.name },
            properties:
              [{ id: 'unit', value: std.get(column, 'unit', 'short') }]
              + (if std.objectHas(column, 'decimals') then [{ id: 'decimals', value: column.decimals }] else [])
              + (if std.objectHas(column, 'thresholds') then [
                   { id: 'thresholds', value: column.thresholds },
                   { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
                 ] else [])
              + (if std.objectHas(column, 'mappings') then [{ id: 'mappings', value: $.mappings(column.mappings) }] else [])
              + (if std.objectHas(column, 'links') then [{ id: 'links', value: column.links }] else []),
          }
          for column in columns
        ],
      },
    },

  alerts(title, description, filter, width=12, height=8)::
    {
      type: 'alertlist',
      title: title,
      description: description,
      datasource: datasource,
      options: {
        alertInstanceLabelFilter: filter,
        groupMode: 'default',
        maxItems: 50,
        sortOrder: 3,
        viewMode: 'list',
        stateFilter: { firing: true, pending: true, noData: false, normal: false, 'error': true },
      },
      size:: { w: width, h: height },
    },

  // A heading; with `collapsed` its panels are loaded only when it is opened.
  row(title, panels, collapsed=false, extra={}):: { title: title, panels: panels, collapsed: collapsed, extra: extra },
}
