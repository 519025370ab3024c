// Charts whose labels are HTML: they wrap and keep their size at any width.

// One column a month, the last 24; the band is what was to be expected of it.
function monthColumns(label, months, { open, target = null }) {
  const shown = months.slice(-24);
  const top = Math.max(1, target ?? 0, ...shown.flatMap(({ count: number, expected }) =>
    [number, expected?.[1] ?? 0]));
  const columns = shown.map((each, place) => {
    const column = make('span', {
      className: 'column',
      title: `${say('pair', { name: monthName(each.month), value: count(each.count) })}${each.isComplete ? '' : ` ${say('month.unripe')}`}`,
    });
    if (each.expected && each.isComplete) {
      const band = make('i', { className: 'band' });
      band.style.bottom = `${(each.expected[0] / top) * 100}%`;
      band.style.height = `${((each.expected[1] - each.expected[0]) / top) * 100}%`;
      column.append(band);
    }
    const bar = make('i', { className: each.isComplete ? 'value' : 'value unripe' });
    bar.style.height = `${(each.count / top) * 100}%`;
    if (each.count) bar.dataset.show = JSON.stringify({ population: 'referrals', ...open(each) });
    column.append(bar);
    if (place % 6 === 0 && place + 4 < Math.max(shown.length, 5)) {
      column.append(make('b', {}, shortMonth(each.month)));
    }
    return column;
  });
  const line = target === null ? [] : [make('i', { className: 'target' })];
  for (const each of line) each.style.bottom = `${(target / top) * 100}%`;
  return make('figure', {},
    make('figcaption', {}, label),
    make('div', { className: 'columns', role: 'img',
      'aria-label': say('chart.columns', { label, top: count(top) }) },
      make('em', {}, count(Math.round(top))), make('div', {}, columns, line)));
}

const CURVE_TOPS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
const CURVE_MARKS = [0, 30, 90, 180, 270, 365];

// Steps, day by day. Lines: name, className, values, end (the last day that is drawn).
function stepCurves(label, lines) {
  const highest = Math.max(0.01, ...lines.flatMap(({ values, end }) => values.slice(0, end + 1)));
  const top = CURVE_TOPS.find(each => each >= highest) ?? 1;
  const paths = lines.map(({ className, values, end }) => {
    const steps = values.slice(0, end + 1).map((each, day) => `V${((1 - each / top) * 100).toFixed(3)}H${day + 1}`);
    return drawn('path', { class: `curve ${className}`, d: `M0,100${steps.join('')}` });
  });
  const grid = [0.25, 0.5, 0.75, 1].map(part =>
    drawn('path', { class: 'grid', d: `M0,${(1 - part) * 100}H366` }));
  const marks = CURVE_MARKS.map(day => {
    const mark = make('b', { className: day === 30 || day === 270 ? 'optional' : '' }, count(day));
    mark.style.left = `${(day / 366) * 100}%`;
    return mark;
  });
  return make('figure', {},
    key(lines.map(({ name: lineName, className, values, end }) => [`line ${className}`,
      say('pair', { name: lineName, value: say('curve.end', { share: percent(values[end]), n: end }) })])),
    make('div', { className: 'plot', role: 'img', 'aria-label': label },
      make('em', {}, percent(top)), make('em', { className: 'half' }, percent(top / 2)),
      drawn('svg', { viewBox: '0 0 366 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        ...grid, ...paths),
      make('div', { className: 'marks' }, marks)),
    make('figcaption', { className: 'axis' }, say('curve.axis')));
}
