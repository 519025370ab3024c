// How likely is a referral to be won, and when?

const RECENT_MONTHS = 12;
const CURVE_TABLE_DAYS = [1, 3, 7, 14, 30, 60, 90, 180, 270, 365];

function curveSection(table_, rows) {
  if (rows.length < FEW) return { answer: say('few') };
  const since = facts.last_month - RECENT_MONTHS;
  const recent = rows.filter(row => table_.created_month[row] >= since);
  const earlier = rows.filter(row => table_.created_month[row] < since);
  const all = incidence(table_, rows);
  const parts = [[recent, 'recent'], [earlier, 'earlier']]
    .filter(([them]) => them.length >= FEW)
    .map(([them, name_]) => [name_, incidence(table_, them)]);
  const both = parts.length === 2 ? parts : [];
  const lines = [
    ...(both.length ? both : [['won', all]]).map(([name_, { won, end }]) =>
      ({ name: say(`curve.${name_}`), className: name_, values: won, end })),
    { name: say('curve.closed'), className: 'closed', values: all.closed, end: all.end },
  ];
  const at = ({ won, end }, day) => (day <= end ? percent(won[day]) : NONE);
  const newest = both.length ? both[0][1] : all;
  const said = [30, 90, 365].filter(day => day <= newest.end)
    .map(day => say('curve.within', { share: percent(newest.won[day]), n: day }));
  return {
    answer: said.length
      ? say(both.length ? 'curve.answer.recent' : 'curve.answer', { parts: list(said) })
      : say('curve.short'),
    body: [
      stepCurves(say('curve.label'), lines),
      behind(say('table.behind'), table(say('curve.label'), [number(say('column.days')), number(say('column.watched')),
        number(say('curve.won')), number(say('curve.closed')),
        ...both.map(([name_]) => number(say(`curve.${name_}`)))],
      CURVE_TABLE_DAYS.filter(day => day <= all.end).map(day => [count(day), count(all.watched[day]),
        percent(all.won[day]), percent(all.closed[day]), ...both.map(([, each]) => at(each, day))]))),
    ],
  };
}
