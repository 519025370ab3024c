// How long does each step take?

const STEPS = [
  ['responded', 'respond_seconds', () => true],
  ['accepted', 'accept_seconds', () => true],
  ...['won', 'lost', 'declined', 'expired'].map(outcome => [outcome, 'age_seconds', outcome]),
  ['closed', 'age_seconds', null],
];

function stepsSection(table_, rows) {
  const lines = STEPS.map(([step, column, outcome]) => {
    const code = typeof outcome === 'string' ? codeOf(table_.outcome, outcome) : null;
    const isIt = typeof outcome === 'function' ? outcome
      : row => table_.outcome[row] !== OPEN && (code === null || table_.outcome[row] === code);
    const times = sortedValues(table_[column], rows.filter(isIt));
    const conditions = { responded: { responded: '0..' }, accepted: { accepted: '0..' },
      closed: { settled: '', aged: '0..' } }[step] ?? { outcome: step, aged: '0..' };
    return [step, times, conditions];
  }).filter(([, times]) => times.length);
  if (!lines.length) return { answer: say('steps.none') };
  return {
    answer: say('steps.answer'),
    body: table(say('steps.table'), [text(say('column.step_name')), number(say('column.referrals')),
      number(say('column.half')), number(say('column.nine'))],
    lines.map(([step, times, conditions]) => [say('steps.until', { step: words(step) }),
      leading(times.length, conditions), duration(quantile(times, 0.5)),
      times.length < FEW ? NONE : duration(quantile(times, 0.9))])),
  };
}
