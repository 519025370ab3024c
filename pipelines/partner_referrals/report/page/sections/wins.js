// Whom do we win?

// Rows: label, win_rate, win_rate_low, win_rate_high, text, is_chosen; reference: a rate.
function winChart(rows, reference, top) {
  // The same room for the names in each chart, so that their axes stand below each other.
  const y = category('label', rows, { minExtent: 150 });
  const x = quantity('win_rate', [0, top], { ...PERCENT_AXIS, tickCount: 4, labelFlush: false });
  const tooltip = [tip('label', 'Segment'), tip('text', 'Won'), tip('interval', '95% interval')];
  return chart(rows, rows.length * 24, [
    {
      data: { values: [{ reference }] },
      mark: { type: 'rule', color: 'var(--muted)', strokeDash: [2, 3] },
      encoding: { x: { ...x, field: 'reference' } },
    },
    {
      mark: { type: 'rule', strokeWidth: 3, color: 'var(--accent)' },
      encoding: { y, x: { ...x, field: 'win_rate_low' }, x2: { field: 'win_rate_high' }, tooltip },
    },
    {
      mark: { type: 'point', filled: false, size: 70, strokeWidth: 2, stroke: 'var(--accent)' },
      encoding: {
        y,
        x,
        fill: {
          condition: { test: 'datum.is_chosen', value: 'var(--accent)' },
          value: 'var(--card)',
        },
        tooltip,
      },
    },
    {
      mark: { type: 'text', align: 'left', dx: 7, ...RIM },
      encoding: { y, x: { ...x, field: 'win_rate_high' }, text: { field: 'text' } },
    },
  ]);
}

const interval = one => `${percent(one.win_rate_low)} to ${percent(one.win_rate_high)}`;

function winsSection(segment) {
  const deals = segment.won_count + segment.lost_count;
  if (!deals) return { nothing: 'None of them was won or lost yet.' };
  if (deals < FEW) {
    const counts = `${count(segment.won_count)} won, ${count(segment.lost_count)} lost`;
    return { nothing: `${counts}: too few for a rate.` };
  }
  const groups = peers(segment, 6)
    .map(([kind, them]) => [kind, them.filter(one => one.win_rate !== null)])
    .filter(([, them]) => them.length);
  const shown = groups.flatMap(([, them]) => them);
  const top = Math.min(1, 1.2 * Math.max(...shown.map(one => one.win_rate_high)));
  const mark = one => (one === segment ? '▸ ' : '');
  const line = one => ({
    ...one,
    label: `${mark(one)}${shortName(one)} · ${count(one.won_count + one.lost_count)}`,
    text: percent(one.win_rate),
    interval: interval(one),
    is_chosen: one === segment,
  });
  return {
    answer: `${percent(segment.win_rate)} of ${count(deals)} decided deals were won ` +
      `(95% interval: ${interval(segment)}); that is ${percent(segment.accepted_win_rate)} ` +
      `of those accepted and ${percent(segment.conversion_rate)} of all.`,
    charts: groups.map(([kind, them]) => ({
      caption: `${SEGMENTS[kind]} · decided deals`,
      spec: winChart(them.map(line), all.win_rate, top),
    })),
    tables: [[[all, ...shown], [
      text('Segment', fullName),
      number('Won', one => count(one.won_count)),
      number('Lost', one => count(one.lost_count)),
      number('Win rate', one => one.win_rate),
      number('95% interval', one => (one.win_rate === null ? null : interval(one))),
      number('Won of accepted', one => one.accepted_win_rate),
    ]]],
  };
}
