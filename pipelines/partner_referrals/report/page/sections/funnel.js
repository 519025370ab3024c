// Where are referrals lost?

// Rows: label, reached, total, left, right, next.
function funnelChart(rows) {
  const band = category('label', rows, null);
  const whole = quantity('total', [0, rows[0].total]);
  return chart(rows, rows.length * 66, [
    {
      mark: { type: 'bar', height: 20, color: 'var(--accent-soft)' },
      encoding: { y: band, x: whole },
    },
    {
      mark: { type: 'bar', height: 20 },
      encoding: { y: band, x: { ...whole, field: 'reached' } },
    },
    {
      mark: { type: 'text', align: 'left', dy: -18, fontSize: 14, fontWeight: 600 },
      encoding: { y: band, x: { value: 0 }, text: { field: 'left' } },
    },
    {
      mark: { type: 'text', align: 'right', dy: -18 },
      encoding: { y: band, x: { value: 'width' }, text: { field: 'right' } },
    },
    {
      mark: { type: 'text', align: 'left', dy: 22, color: 'var(--muted)' },
      encoding: { y: band, x: { value: 0 }, text: { field: 'next' } },
    },
  ]);
}

function funnelAnswer(rows, segment) {
  if (isFew(segment)) {
    return `${list(rows.map(row => `${count(row.reached_count)} ${row.stage}`))}.`;
  }
  const steps = rows.slice(1).filter(row => row.step_conversion_rate !== null);
  const least = Math.min(...steps.map(row => row.step_conversion_rate));
  const narrowest = rows.findIndex(row => row.step_conversion_rate === least);
  const won = percent(last(rows).cumulative_conversion_rate);
  const step = `from ${rows[narrowest - 1].stage} to ${rows[narrowest].stage}`;
  return `${won} of ${count(segment.created_count)} referrals were won. ` +
    `The narrowest step is ${step}: ${percent(least)} went on.`;
}

function funnelSection(segment) {
  const rows = pick('funnel', segment);
  const share = (rate, before, after) =>
    isFew(segment) || (rate ?? null) === null ? '' : `${before}${percent(rate)} ${after}`;
  return {
    answer: funnelAnswer(rows, segment),
    charts: [{
      spec: funnelChart(rows.map((row, place) => ({
        label: row.stage,
        reached: row.reached_count,
        total: segment.created_count,
        left: `${capital(row.stage)} ${count(row.reached_count)}`,
        right: place ? share(row.cumulative_conversion_rate, '', 'of all') : '',
        next: share(rows[place + 1]?.step_conversion_rate, '↓ ', 'of these went on'),
      }))),
    }],
    tables: [[rows, [
      text('Stage', row => capital(row.stage)),
      number('Reached', row => count(row.reached_count)),
      number('Of the stage before', row => row.step_conversion_rate),
      number('Of all', row => row.cumulative_conversion_rate),
    ]]],
  };
}
