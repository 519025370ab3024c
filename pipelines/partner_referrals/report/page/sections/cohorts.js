// Do we win sooner than we used to?

// Rows: label, days, rate (null: not yet), is_few.
function cohortChart(rows) {
  const top = Math.max(0.01, ...rows.filter(row => !row.is_few).map(row => row.rate ?? 0));
  const steps = range => ({ type: 'quantize', domain: [0, top], range });
  const cell = {
    x: {
      ...category('days', rows, { orient: 'top', labelAngle: 0, ticks: false, domain: false }),
      title: 'won within so many days',
    },
    y: category('label', rows),
  };
  const tooltip = [tip('label', 'Created in'), tip('days', 'Days'), tip('text', 'Won')];
  const square = { type: 'rect', stroke: 'var(--card)', strokeWidth: 2, tooltip: true };
  const inks = ['low', 'low', 'low', 'high', 'high'].map(ink => `var(--heat-ink-${ink})`);
  return chart(
    rows,
    new Set(rows.map(row => row.label)).size * 22,
    [
      {
        transform: [{ filter: 'datum.rate !== null && !datum.is_few' }],
        mark: square,
        encoding: {
          ...cell,
          fill: {
            field: 'rate',
            type: 'quantitative',
            legend: null,
            scale: steps([1, 2, 3, 4, 5].map(step => `var(--heat-${step})`)),
          },
          tooltip,
        },
      },
      {
        transform: [{ filter: 'datum.rate === null' }],
        mark: { ...square, fill: 'url(#hatch)' },
        encoding: { ...cell, tooltip },
      },
      {
        transform: [{ filter: 'datum.rate !== null && !datum.is_few' }],
        mark: { type: 'text' },
        encoding: {
          ...cell,
          text: { field: 'text' },
          color: {
            field: 'rate',
            type: 'quantitative',
            legend: null,
            scale: steps(inks),
          },
        },
      },
      {
        transform: [{ filter: 'datum.rate !== null && datum.is_few' }],
        mark: { type: 'text', color: 'var(--muted)' },
        encoding: { ...cell, text: { field: 'text' } },
      },
    ],
    { resolve: { scale: { color: 'independent' } } },
  );
}

const WINDOWS = [7, 14, 30, 60, 90];
const within = (row, window) => row[`won_within_${window}_days_rate`];

function cohortsAnswer(rows) {
  const watched = rows.filter(row => within(row, 90) !== null && row.created_count >= FEW);
  if (!watched.length) return 'No month with enough referrals has been watched for 90 days yet.';
  const [newest, oldest] = [watched[0], last(watched)];
  const share = row => percent(within(row, 90));
  return `Won within 90 days: ${share(newest)} of those created in ${month(newest.created_month)}` +
    (newest === oldest ? '.' : `, ${share(oldest)} in ${month(oldest.created_month)}.`);
}

function cohortsSection(segment) {
  if (isFew(segment)) return { nothing: TOO_FEW };
  const rows = pick('cohorts', segment);
  if (!rows.length) return { nothing: 'None of them was created in the last 24 months.' };
  return {
    answer: cohortsAnswer(rows),
    charts: [{
      spec: cohortChart(rows.flatMap(row => WINDOWS.map(window => ({
        label: `${shortMonth(row.created_month)} · ${count(row.created_count)}`,
        days: window,
        rate: within(row, window),
        is_few: row.created_count < FEW,
        text: within(row, window) === null ? 'not known yet' : percent(within(row, window)),
      })))),
    }],
    tables: [[rows, [
      text('Created in', row => month(row.created_month)),
      number('Created', row => count(row.created_count)),
      number('Won so far', row => count(row.won_count)),
      number('Open', row => count(row.open_count)),
      ...WINDOWS.map(window => number(`${window} d`, row => within(row, window))),
    ]]],
  };
}
