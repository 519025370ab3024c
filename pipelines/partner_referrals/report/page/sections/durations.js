// How quickly do we respond, and accept?

// Rows: label, value, text; or, for a limit between two bars, label and limit.
function durationChart(rows, name) {
  const y = category('label', rows);
  const x = quantity('value', [0, Math.max(1, ...rows.map(row => row.value ?? 0)) * 1.3]);
  return chart(rows, rows.length * 23, [
    {
      mark: { type: 'bar', height: 16 },
      encoding: { y, x, tooltip: [tip('label', 'Took'), tip('text', name)] },
    },
    { mark: { type: 'text', align: 'left', dx: 5 }, encoding: { y, x, text: { field: 'text' } } },
    {
      transform: [{ filter: 'datum.limit' }],
      mark: { type: 'rule', strokeDash: [5, 3], color: 'var(--warn)', strokeWidth: 1.5 },
      encoding: { y },
    },
    {
      transform: [{ filter: 'datum.limit' }],
      mark: { type: 'text', align: 'right', color: 'var(--warn)', ...RIM, strokeWidth: 8 },
      encoding: { y, x: { value: 'width' }, text: { field: 'limit' } },
    },
  ]);
}

const edges = report.duration_edges;
const BINS = [
  { bin: -1, label: 'came in accepted' },
  ...edges.map((hours, bin) => ({ bin, hours, label: `up to ${limitName(hours)}` })),
  { bin: edges.length, label: 'longer' },
];

function durationBars(stage, segment) {
  const counts = new Map(pick('duration_bins', segment)
    .filter(row => row.to_stage === stage)
    .map(row => [row.bin, row.referral_count]));
  return BINS.flatMap(({ bin, hours, label }) => {
    const value = counts.get(bin) ?? 0;
    const limits = rules.filter(rule => rule.limit_hours === hours).map(ruleName);
    const bar = { label, value, text: count(value) };
    // A limit has a row of its own between the bars, whose name nobody sees.
    return limits.length ? [bar, { label: '\u200b'.repeat(bin + 1), limit: list(limits) }] : [bar];
  });
}

function inTime(slas) {
  const shares = rules
    .map(rule => [rule, slas.find(row => row.rule === rule.rule)])
    .filter(([, sla]) => sla && sla.met_count + sla.breached_count >= FEW)
    .map(([rule, sla]) => `${percent(sla.compliance_rate)} (${ruleName(rule)})`);
  return shares.length ? ` In time: ${list(shares)}.` : '';
}

function durationSection(stage, verb, segment) {
  const steps = pick('durations', segment);
  const step = steps.find(row => row.from_stage === 'created' && row.to_stage === stage);
  if (!step) return { nothing: `None of them was ${verb} at a known time yet.` };
  const bars = durationBars(stage, segment);
  const slas = pick('response_sla', segment).filter(row => row.created_month === null);
  return {
    answer: step.referral_count < FEW
      ? `${plural(step.referral_count, 'was', 'were')} ${verb}.`
      : `Half of ${count(step.referral_count)} were ${verb} within ${duration(step.p50_days)}, ` +
        `nine in ten within ${duration(step.p90_days)}.` +
        (stage === 'responded' ? inTime(slas) : ''),
    charts: [{ spec: durationChart(bars, capital(verb)) }],
    tables: [
      [bars.filter(bar => !bar.limit), [
        text('Took', bar => bar.label),
        number(capital(verb), bar => bar.text),
      ]],
      stage === 'responded' ? [slas, [
        text('Limit', row => words(row.rule)),
        number('Kept', row => count(row.met_count)),
        number('Broken', row => count(row.breached_count)),
        number('Still running', row => count(row.pending_count)),
        number('Share kept', row => row.compliance_rate),
      ]] : [steps, [
        text('From', row => row.from_stage),
        text('To', row => row.to_stage),
        number('Referrals', row => count(row.referral_count)),
        number('Half within', row => duration(row.p50_days)),
        number('9 of 10 within', row => duration(row.p90_days)),
      ]],
    ],
  };
}
