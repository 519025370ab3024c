// Whom do we win?

function winRow({ label, rows, conditions }, table_, reference, top) {
  const counts = outcomeCounts(table_, rows);
  const decided = counts.won + counts.lost;
  const [low, high] = wilson(counts.won, decided);
  const rate = decided >= FEW ? counts.won / decided : null;
  const marks = rate === null ? [] : [
    [low / top, 'interval', (high - low) / top], [rate / top, 'point'],
    [reference / top, 'reference'],
    ...(targets.win_rate === undefined ? [] : [[targets.win_rate / top, 'target']]),
  ];
  return [label, leading(counts.won, { ...conditions, outcome: 'won' }),
    leading(counts.lost, { ...conditions, outcome: 'lost' }), bar([], marks), percent(rate),
    rate === null ? NONE : say('range', { low: percent(low), high: percent(high) }),
    rows.length >= FEW ? percent(counts.won / rows.length) : NONE];
}

function winsSection(table_, rows) {
  const counts = outcomeCounts(table_, rows);
  const decided = counts.won + counts.lost;
  if (!decided) return { answer: say('wins.none') };
  if (decided < FEW) return { answer: say('wins.few', { won: counts.won, lost: counts.lost }) };
  const rate = counts.won / decided;
  const [low, high] = wilson(counts.won, decided);
  const groups = segmentGroups(table_, rows);
  const highs = groups.flatMap(({ groups: them }) => them.map(each => {
    const { won, lost } = outcomeCounts(table_, each.rows);
    return won + lost < FEW ? 0 : wilson(won, won + lost)[1];
  }));
  const top = Math.min(1, 1.05 * Math.max(high, targets.win_rate ?? 0, ...highs));
  const columns = title => [text(title), number(capital(words('won'))), number(capital(words('lost'))),
    wide(say('column.interval', { top: percent(top) })), number(say('column.win_rate')),
    number(say('column.confidence')), number(say('column.conversion'))];
  const everyone = { label: say('ends.all'), rows, conditions: {} };
  const accepted = howMany(rows, row => table_.stage[row] >= 2);
  return {
    answer: say('wins.answer', { rate: percent(rate), n: decided, low: percent(low), high: percent(high),
      accepted: percent(counts.won / accepted), all: percent(counts.won / rows.length) }),
    body: [
      key([['interval', say('key.interval')], ['reference', say('key.reference')],
        ...('win_rate' in targets ? [['target', say('pair', { name: say('key.target'), value: percent(targets.win_rate) })]] : [])]),
      table(say('ends.all'), columns(''), [winRow(everyone, table_, rate, top)]),
      ...groups.flatMap(({ kind, groups: them }) => [
        heading(say(`segment.${kind}`)),
        table(say(`segment.${kind}`), columns(say(`segment.${kind}`)),
          them.map(each => winRow(each, table_, rate, top))),
        cutNote(them)]),
    ],
  };
}
