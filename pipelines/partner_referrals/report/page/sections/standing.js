// How are we doing?

// The whole numbers of a range; where there is none, its limits.
function rangeName([low, high]) {
  const [from, to] = [Math.ceil(low), Math.floor(high)];
  return from <= to ? say('range', { low: from, high: to })
    : say('range', { low: tenths.format(low), high: tenths.format(high) });
}

// What a count says beside what was to be expected, the month before and the year before.
function comparisons(months, place, name_) {
  if (!compares(name_)) return [make('p', {}, say('verdict.cohort'))];
  const now = months[place];
  const parts = [];
  if (now.expected) {
    const [low, high] = now.expected;
    const verdict = now.count < low ? 'low' : now.count > high ? 'high' : 'steady';
    parts.push(make('b', { className: verdict }, say(`verdict.${verdict}`)),
      ` ${say('verdict.expected', { range: rangeName(now.expected) })}`);
  } else parts.push(say('verdict.unknown'));
  const lines = [make('p', {}, parts)];
  for (const back of [1, 12]) {
    const before = months[place - back];
    if (!before?.isComplete) continue;
    const changed = change(now.count, before.count);
    lines.push(make('p', {}, say('against', { month: monthName(before.month), count: before.count }),
      changed && ` (${changed})`));
  }
  return lines;
}

function countTile(title, name_, flow, place, conditions) {
  const months = withExpected(flow, name_);
  const { month, count: number_ } = months[place];
  return tile(say(title, { month: monthName(month) }), leading(number_, conditions(month)),
    comparisons(months, place, name_));
}

const tile = (title, figure, lines = []) => make('div', { className: 'tile' },
  make('h3', {}, capital(title)), make('strong', {}, figure), lines);

// A share, whether it differs from the month before by more than chance; of few, its counts.
function shareTile(title, now, before, beforeMonth) {
  if (!now.whole) return tile(title, NONE, [make('p', {}, say('tile.none'))]);
  const counts = sentence('tile.of', { part: now.lead, whole: count(now.whole) });
  if (now.whole < FEW) return tile(title, counts, [make('p', {}, say('tile.few'))]);
  const lines = [make('p', {}, counts)];
  if (before?.whole >= FEW) {
    const isOther = differs(now.part, now.whole, before.part, before.whole);
    const verdict = !isOther ? 'steady' : now.part / now.whole > before.part / before.whole ? 'high' : 'low';
    lines.push(make('p', {}, make('b', { className: verdict }, say(`verdict.rate.${verdict}`)),
      ` ${say('against.rate', { month: monthName(beforeMonth), rate: percent(before.part / before.whole) })}`));
  }
  return tile(title, percent(now.part / now.whole), lines);
}

function standingTiles(table_, rows, flow) {
  const place = flow.findLastIndex(each => each.isComplete);
  if (place < 0) return [];
  const [now, before] = [flow[place], flow[place - 1]];
  const decided = each => each && { part: each.won, whole: each.won + each.lost,
    lead: leading(each.won, { outcome: 'won', closed: each.month }) };
  return [
    countTile('tile.created', 'created', flow, place, month => ({ created: month })),
    countTile('tile.won', 'won', flow, place, month => ({ outcome: 'won', closed: month })),
    shareTile(say('tile.win_rate', { month: monthName(now.month) }), decided(now),
      compares('won') ? decided(before) : null, before?.month),
    ...rules.filter(rule => rule.is_current).slice(0, 2).map(rule => answerTile(table_, rows, flow, rule)),
  ];
}

// The newest month in which nothing is pending: a younger one holds the quick answers alone.
function answerTile(table_, rows, flow, rule) {
  const ripe = answersByMonth(table_, rows, flow, rule).filter(each => each.isRipe);
  const [before, now] = ripe.slice(-2).length === 2 ? ripe.slice(-2) : [undefined, last(ripe)];
  const title = say('tile.in_time', { rule: ruleName(rule),
    month: now ? monthName(now.month) : '' });
  if (!now) return tile(title, NONE, [make('p', {}, say('tile.unripe'))]);
  const share = each => each && { part: each.met, whole: each.met + each.breached,
    lead: leading(each.met, { created: each.month, answer: `${rule.rule} met` }) };
  return shareTile(title, share(now), share(before), before?.month);
}

function answersByMonth(table_, rows, flow, rule) {
  const byMonth = Map.groupBy(rows, row => table_.created_month[row]);
  return flow.slice(-24).map(({ month }) => {
    const counts = answerCounts(table_, byMonth.get(month) ?? [], rule);
    return { month, ...counts, isRipe: month < facts.last_month && !counts.pending };
  });
}

function standingSection(table_, rows) {
  const flow = monthlyFlow(table_, rows);
  const [created, won] = [withExpected(flow, 'created'), withExpected(flow, 'won')];
  const shown = flow.slice(-24).toReversed();
  const range = (months, month) => {
    const { expected, isComplete } = months.find(each => each.month === month);
    return expected && isComplete ? rangeName(expected) : NONE;
  };
  const monthTitle = each => monthName(each.month) + (each.isComplete ? '' : ` ${say('month.unripe')}`);
  return {
    answer: flow.some(each => each.isComplete) ? say('standing.answer') : say('standing.none'),
    body: [
      make('div', { className: 'tiles' }, standingTiles(table_, rows, flow)),
      make('div', { className: 'beside' },
        monthColumns(say('standing.created'), created,
          { open: ({ month }) => ({ created: month }), target: targets.created_count ?? null }),
        monthColumns(say('standing.won'), won,
          { open: ({ month }) => ({ outcome: 'won', closed: month }), target: targets.won_count ?? null })),
      key([['band', say('key.expected')], ['value unripe', say('key.unripe')],
        ...('created_count' in targets || 'won_count' in targets ? [['target', say('key.target')]] : [])]),
      behind(say('table.behind'), table(say('standing.table'), [text(say('column.month')), number(capital(words('created'))),
        number(say('column.expected')), number(capital(words('won'))), number(say('column.expected')),
        number(capital(words('lost'))), number(say('column.win_rate'))],
      shown.map(each => [monthTitle(each),
        leading(each.created, { created: each.month }), range(created, each.month),
        leading(each.won, { outcome: 'won', closed: each.month }), range(won, each.month),
        leading(each.lost, { outcome: 'lost', closed: each.month }),
        each.won + each.lost < FEW ? NONE : percent(each.won / (each.won + each.lost))]))),
    ],
  };
}
