// Prometheus' durations of one unit, such as '90s', '15m' or '7d'.
local units = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

{
  seconds(text)::
    local last = std.length(text) - 1;
    local unit = text[last];
    assert std.objectHas(units, unit) : '"%s" is no duration: end it with s, m, h, d or w' % text;
    std.parseInt(text[:last]) * units[unit],

  // The largest unit that leaves nothing over.
  text(seconds)::
    local fitting = [
      unit
      for unit in ['d', 'h', 'm', 's']
      if seconds % units[unit] == 0 && seconds >= units[unit]
    ];
    if seconds == 0 then '0s' else '%d%s' % [seconds / units[fitting[0]], fitting[0]],

  // Whole seconds, since Prometheus takes no fractions of them; something remains something.
  scaled(text, scale)::
    local seconds = self.seconds(text);
    if seconds == 0 then 0 else std.max(1, std.floor(seconds * scale + 0.5)),
}
