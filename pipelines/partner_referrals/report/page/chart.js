// What every chart has in common, as Vega-Lite. Colours are the page's own variables, so that dark,
// light and print need no other chart.

const CONFIG = {
  font: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  background: null,
  padding: 3,
  view: { stroke: null },
  // The sentence above each chart and the table below it are what a screen reader reads.
  aria: false,
  axis: {
    labelColor: 'var(--muted)',
    titleColor: 'var(--muted)',
    domainColor: 'var(--line)',
    tickColor: 'var(--line)',
    gridColor: 'var(--line)',
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  axisY: { domain: false, ticks: false, labelLimit: 170, labelPadding: 6, title: null },
  axisX: { grid: false, labelFlush: true, labelPadding: 6 },
  text: { color: 'var(--ink)', fontSize: 12 },
  legend: {
    labelColor: 'var(--ink)',
    labelFontSize: 12,
    labelLimit: 300,
    title: null,
    orient: 'top',
    direction: 'horizontal',
    columns: 1,
    symbolType: 'square',
    symbolSize: 140,
    symbolStrokeWidth: 1,
  },
  rule: { color: 'var(--muted)' },
  line: { color: 'var(--accent)', strokeWidth: 2.5 },
  bar: { color: 'var(--accent)' },
};

// Text that may cross a line keeps a rim of the card's colour (see paint-order in the style).
const RIM = { stroke: 'var(--card)', strokeWidth: 4, strokeJoin: 'round' };

// A chart as wide as its card; height in pixels.
function chart(values, height, layer, more = {}) {
  return {
    data: { values },
    width: 'container',
    height,
    autosize: { type: 'fit-x', contains: 'padding' },
    config: CONFIG,
    layer,
    ...more,
  };
}

const quantity = (field, domain, axis = null) => ({
  field,
  type: 'quantitative',
  title: null,
  scale: { domain, nice: false },
  axis,
});

// In the order of the rows, also where a layer has rows of its own.
const category = (field, rows, axis = {}) => ({
  field,
  type: 'ordinal',
  title: null,
  scale: { domain: [...new Set(rows.map(row => row[field]))] },
  axis,
});

const tip = (field, title) => ({ field, title, type: 'nominal' });
const PERCENT_AXIS = { format: '.0%', tickCount: 5, grid: true, domain: false, ticks: false };
