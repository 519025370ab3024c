// How far do referrals come?

function funnelTable(caption, table_, rows, conditions) {
  const counts = stageCounts(table_, rows);
  const share = (part, whole) => (whole < FEW ? NONE : percent(part / whole));
  return table(caption, [text(say('column.stage')), number(say('column.reached')), wide(say('column.shares')),
    number(say('column.step')), number(say('column.cumulative'))],
  STAGES.map((stage, place) => [
    capital(words(stage)), leading(counts[place], { ...conditions, stage }),
    bar([[counts[0] ? counts[place] / counts[0] : 0, 'value']]),
    place ? share(counts[place], counts[place - 1]) : NONE, share(counts[place], counts[0]),
  ]));
}

function funnelSection(table_, rows) {
  const settled = rows.filter(row => table_.outcome[row] !== OPEN);
  const counts = stageCounts(table_, settled);
  const steps = [1, 2, 3].map(place => ({ place, lost: counts[place - 1] - counts[place] }))
    .filter(({ place }) => counts[place - 1]);
  const most = steps.sort((one, other) => other.lost - one.lost)[0];
  const answer = !settled.length ? say('funnel.none')
    : settled.length < FEW ? say('funnel.few', { n: settled.length, won: counts[3] })
      : say(most.lost ? 'funnel.answer' : 'funnel.whole', { n: settled.length,
        share: percent(counts[3] / settled.length), before: words(STAGES[most.place - 1]),
        after: words(STAGES[most.place]), lost: most.lost });
  return {
    answer,
    body: make('div', { className: 'beside' },
      make('div', {}, heading(say('funnel.settled')),
        funnelTable(say('funnel.settled'), table_, settled, { settled: '' })),
      make('div', {}, heading(say('funnel.all')), funnelTable(say('funnel.all'), table_, rows, {}))),
  };
}
