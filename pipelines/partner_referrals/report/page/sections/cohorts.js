// Do we win sooner than we used to?

const WINDOWS = [7, 14, 30, 60, 90];

// A window is known once it has passed for the whole month.
const hasPassed = (month, days) => monthStart(month + 1) / 1_000 + days * DAY <= asOf;

function cohortsSection(table_, rows) {
  if (rows.length < FEW) return { answer: say('few') };
  const won = codeOf(table_.outcome, 'won');
  const months_ = [...Map.groupBy(rows, row => table_.created_month[row])]
    .filter(([month]) => month !== NO_DAY && month > facts.last_month - 24)
    .sort(([one], [other]) => other - one)
    .map(([month, them]) => ({ month, them, rates: WINDOWS.map(days => {
      if (!hasPassed(month, days)) return null;
      const limit = days * DAY;
      return howMany(them, row => table_.outcome[row] === won && table_.age_seconds[row] >= 0 &&
        table_.age_seconds[row] <= limit);
    }) }));
  if (!months_.length) return { answer: say('cohorts.none') };
  const enough = months_.filter(({ them }) => them.length >= FEW);
  const top = Math.max(0.01, ...enough.flatMap(({ them, rates }) => rates.map(each => (each ?? 0) / them.length)));
  const cell = ({ month, them, rates }) => rates.map((number_, place) => {
    if (number_ === null) return make('span', { className: 'heat unripe', title: say('month.unripe') }, NONE);
    const rate = number_ / them.length;
    const isFew = them.length < FEW;
    const shade = isFew ? 0 : Math.min(5, 1 + Math.floor((rate / top) * 5));
    return leading(number_, { created: month, outcome: 'won', aged: `0..${WINDOWS[place] * DAY}` },
      make('span', { className: `heat heat-${shade}` }, isFew ? count(number_) : percent(rate)));
  });
  const known = enough.filter(({ rates }) => rates[4] !== null);
  const share = ({ them, rates }) => percent(rates[4] / them.length);
  const year = known.find(({ month }) => month === known[0].month - 12) ?? last(known);
  return {
    answer: !known.length ? say('cohorts.young')
      : known.length === 1
        ? say('cohorts.one', { share: share(known[0]), month: monthName(known[0].month) })
        : say('cohorts.answer', { share: share(known[0]), month: monthName(known[0].month),
          before: share(year), other: monthName(year.month) }),
    body: table(say('cohorts.table'), [text(say('column.created_in')), number(capital(words('created'))),
      ...WINDOWS.map(days => number(say('cohorts.within', { n: days })))],
    months_.map(each => [monthName(each.month), leading(each.them.length, { created: each.month }),
      ...cell(each)])),
  };
}
