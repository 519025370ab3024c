// How quickly do we answer?

// Bars end where a limit that applies now does, so that none lies on both sides.
function durationEdges() {
  const limits = rules.filter(rule => rule.is_current).map(rule => rule.limit_hours);
  return [...new Set([1, 4, 12, 24, 48, 72, 168, 336, 720, ...limits])].sort((one, other) => one - other);
}

function respondSection(table_, rows) {
  const waiting = rows.filter(row => table_.origin.values[table_.origin[row]] !== 'own' &&
    table_.created_on[row] !== NO_DAY);
  if (!waiting.length) return { answer: say('respond.none') };
  const days = 14;
  // Only those that had their time: of the younger ones the quick answers alone are known.
  const ripe = waiting.filter(row => (table_.created_on[row] + 1 + days) * DAY <= asOf);
  const times = sortedValues(table_.respond_seconds, ripe);
  const never = howMany(ripe, row => table_.stage[row] === 0);
  const half = Math.ceil(ripe.length / 2);
  const answer = ripe.length < FEW ? say('respond.few', { n: ripe.length, answered: ripe.length - never })
    : say(times.length >= half ? 'respond.answer' : 'respond.fewer', { n: ripe.length,
      answered: ripe.length - never, share: percent(1 - never / ripe.length),
      half: times.length >= half ? duration(times[half - 1]) : '', never });
  return {
    answer,
    body: [
      heading(say('respond.bars')),
      respondBars(table_, waiting),
      heading(say('respond.rules')),
      answersTable(table_, rows),
      ...rules.filter(rule => rule.is_current).map(rule => answersByMonthTable(table_, rows, rule)),
    ],
  };
}

function respondBars(table_, rows) {
  const edges = durationEdges();
  const bins = edges.map((hours, place) => ({
    label: say('respond.up_to', { limit: limitName(hours) }),
    limits: rules.filter(rule => rule.is_current && rule.limit_hours === hours),
    range: [place ? edges[place - 1] * 3_600 + 1 : 0, hours * 3_600],
  }));
  bins.push({ label: say('respond.longer'), limits: [], range: [last(edges) * 3_600 + 1, Infinity] });
  const counts = bins.map(({ range: [low, high] }) => howMany(rows, row =>
    table_.respond_seconds[row] >= low && table_.respond_seconds[row] <= high));
  const never = howMany(rows, row => table_.stage[row] === 0);
  const top = Math.max(1, never, ...counts);
  const lines = bins.map(({ label, limits, range: [low, high] }, place) => [
    make('span', {}, label, limits.length > 0 && make('small', {}, ` ▸ ${list(limits.map(ruleName))}`)),
    leading(counts[place], { waited: '', responded: `${low}..${high === Infinity ? '' : high}` }),
    bar([[counts[place] / top, 'value']]),
  ]);
  return table(say('respond.bars'), [text(say('column.answered')), number(say('column.referrals')),
    wide('')], [...lines, [say('respond.unanswered'), leading(never, { waited: '', unanswered: '' }),
    bar([[never / top, 'value none']])]]);
}

function answersTable(table_, rows) {
  const lines = rules.map(rule => [rule, answerCounts(table_, rows, rule)])
    .filter(([, { met, breached, pending }]) => met + breached + pending)
    .map(([rule, { met, breached, pending }]) => [capital(ruleName(rule)),
      leading(met, { answer: `${rule.rule} met` }), leading(breached, { answer: `${rule.rule} breached` }),
      leading(pending, { answer: `${rule.rule} pending` }),
      met + breached < FEW ? NONE : percent(met / (met + breached))]);
  return table(say('respond.rules'), [text(say('column.limit')), number(capital(words('met'))),
    number(capital(words('breached'))), number(capital(words('pending'))), number(say('column.kept'))], lines);
}

function answersByMonthTable(table_, rows, rule) {
  const months_ = answersByMonth(table_, rows, monthlyFlow(table_, rows), rule).slice(-12).toReversed()
    .filter(({ met, breached, pending }) => met + breached + pending);
  if (!months_.length) return null;
  return behind(say('respond.months', { rule: capital(ruleName(rule)) }), table(ruleName(rule), [text(say('column.created_in')), number(capital(words('met'))),
    number(capital(words('breached'))), number(capital(words('pending'))), number(say('column.kept'))],
  months_.map(({ month, met, breached, pending, isRipe }) => [
    monthName(month) + (isRipe ? '' : ` ${say('month.unripe')}`),
    ...[met, breached, pending].map((number_, place) =>
      leading(number_, { created: month, answer: `${rule.rule} ${ANSWERS[place + 1]}` })),
    isRipe && met + breached >= FEW ? percent(met / (met + breached)) : NONE])));
}
