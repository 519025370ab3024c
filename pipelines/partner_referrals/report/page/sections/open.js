// What is still open?

// Rows: label, state (a name of states), value; totals: label, value; states: state, fill.
function openChart(rows, totals, states) {
  const y = category('label', totals);
  const x = quantity('value', [0, Math.max(1, ...totals.map(row => row.value)) * 1.3]);
  return chart(totals, totals.length * 26, [
    {
      data: { values: rows },
      mark: { type: 'bar', height: 18, stroke: 'var(--accent)', strokeWidth: 1 },
      encoding: {
        y,
        x: { ...x, stack: 'zero' },
        order: { field: 'order', type: 'quantitative' },
        fill: {
          field: 'state',
          type: 'nominal',
          scale: {
            domain: states.map(({ state }) => state),
            range: states.map(({ fill }) => fill),
          },
          legend: { symbolStrokeColor: 'var(--accent)' },
        },
        tooltip: [tip('label', 'Open for'), tip('state', 'State'), tip('value', 'Referrals')],
      },
    },
    { mark: { type: 'text', align: 'left', dx: 5 }, encoding: { y, x, text: { field: 'text' } } },
  ]);
}

const AGES = [
  'up to 1 day', 'up to 3 days', 'up to 7 days', 'up to 14 days', 'up to 30 days',
  'up to 60 days', 'up to 90 days', 'up to 180 days', 'longer', 'not known',
];
const STATES = [
  { state: 'expires within 3 days, or should have', fill: 'url(#urgent-hatch)' },
  { state: 'waits to be accepted', fill: 'var(--accent)' },
  { state: 'accepted, not decided', fill: 'var(--accent-soft)' },
];
const STATE_OF = { expiring: 0, overdue: 0, waiting: 1, accepted: 2 };

function openAnswer({ total, accepted, waiting, expiring, overdue }) {
  const parts = [
    [accepted, 'accepted and not decided'],
    [waiting, 'waiting to be accepted'],
    [expiring, 'expiring within 3 days'],
    [overdue, 'past the expiry'],
  ];
  const said = parts.filter(([referrals]) => referrals)
    .map(([referrals, what]) => `${count(referrals)} ${what}`);
  return `${count(total)} open: ${list(said)}.`;
}

function openSection(segment) {
  const counts = openCounts(segment);
  if (!counts.total) return { nothing: 'None of them is open.' };
  const rows = pick('open_ages', segment).map(row => ({
    label: AGES[row.bin ?? AGES.length - 1],
    state: STATES[STATE_OF[row.urgency]].state,
    order: STATE_OF[row.urgency],
    value: row.referral_count,
  }));
  const sum = (label, isCounted = () => true) => rows
    .filter(row => row.label === label && isCounted(row))
    .reduce((total, row) => total + row.value, 0);
  const totals = AGES.map(label => ({ label, value: sum(label), text: count(sum(label)) }))
    .filter(row => row.value || row.label !== last(AGES));
  return {
    answer: openAnswer(counts),
    charts: [{ spec: openChart(rows, totals, STATES) }],
    tables: [[totals, [
      text('Open for', row => row.label),
      number('Open', row => count(row.value)),
      ...STATES.map(({ state }, order) =>
        number(capital(state), row => count(sum(row.label, each => each.order === order)))),
    ]]],
  };
}
