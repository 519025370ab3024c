// Are we growing?

// Rows: label, value, is_complete, note (on the bar, may be empty).
function monthlyChart(rows, name) {
  const x = category('label', rows, {
    labelAngle: 0,
    labelOverlap: 'greedy',
    labelSeparation: 8,
    ticks: false,
  });
  const top = Math.max(1, ...rows.map(row => row.value));
  const y = quantity('value', [0, top * 1.18], {
    grid: true,
    format: ',d',
    // Half a referral is none.
    ...(top < 5 ? { values: [0, top] } : { tickCount: 3 }),
  });
  return chart(rows, 110, [
    {
      mark: { type: 'bar', stroke: 'var(--accent)', strokeWidth: 1 },
      encoding: {
        x,
        y,
        fill: {
          condition: { test: 'datum.is_complete', value: 'var(--accent)' },
          value: 'url(#hatch)',
        },
        tooltip: [tip('label', 'Month'), tip('value', name)],
      },
    },
    {
      mark: { type: 'text', dy: -8, fontWeight: 600, ...RIM },
      encoding: { x, y, text: { field: 'note' } },
    },
  ]);
}

function trendSection(segment) {
  const rows = pick('trend', segment);
  const newest = rows.findLast(row => row.is_complete);
  const monthly = (name, field) => ({
    caption: `${name} per month`,
    spec: monthlyChart(rows.map(row => ({
      label: shortMonth(row.month),
      value: row[field],
      is_complete: row.is_complete,
      note: row === newest || row === last(rows) ? count(row[field]) : '',
    })), name),
  });
  // A month that is not over has no change yet.
  const changed = (row, rate) => (row.is_complete && rate !== null ? change(rate) : null);
  return {
    answer: newest
      ? `In ${month(newest.month)}, the newest full month, ` +
        `${count(newest.created_count)} came in and ${count(newest.won_count)} were won.`
      : 'No month has passed in full yet.',
    charts: [monthly('New', 'created_count'), monthly('Won', 'won_count')],
    tables: [[rows.toReversed(), [
      text('Month', row => month(row.month) + (row.is_complete ? '' : ' (not over)')),
      number('New', row => count(row.created_count)),
      number('Change', row => changed(row, row.created_change_rate)),
      number('Won', row => count(row.won_count)),
      number('Change', row => changed(row, row.won_change_rate)),
      number('Lost', row => count(row.lost_count)),
    ]]],
  };
}
