// What will be won of what is open?

// A small number to a tenth, as 0.4 wins are not none.
const estimate = value => (isNone(value) ? NONE : (value < 10 ? tenths : integers).format(value));

// Of the sources with enough experience.
const forecasts = report.forecasts.filter(each => !isNone(each.expected_won_count));
const chances = Map.groupBy(report.chances
  .filter(({ source }) => forecasts.some(each => each.source === source)), each => each.source);

// How likely an open item is won within so many days; null where nothing is known.
const chanceOf = (source, records, row, days = 90) => chances.get(source)
  ?.find(each => each.state === records.forecast_state[row])?.[`chance_${days}`] ?? null;

// What the mart says of everything, of these items: each counts as its amount, and is won or not.
// `width` is half the interval in standard deviations, one item of the usual size among them.
function expectation(items, width) {
  const sum = measure => items.reduce((total, each) => total + measure(each), 0);
  if (!items.length) return [null, null, null];
  const expected = sum(({ amount, chance }) => amount * chance);
  const squares = sum(({ amount }) => amount ** 2);
  const half = width * Math.sqrt(squares / items.length
    + sum(({ amount, chance }) => amount ** 2 * chance * (1 - chance)));
  return [expected, Math.max(0, expected - half), Math.min(expected + half, sum(each => each.amount))];
}

function expectedCells(items, width, show) {
  const [expected, low, high] = expectation(items, width);
  return [show(expected), isNone(low) ? NONE : say('range', { low: show(low), high: show(high) })];
}

function forecastSection(referrals, rows, deals) {
  const sources = { referrals: { table: referrals, rows }, engagements: deals };
  const made = forecasts.map(each => {
    const { table: records, rows: chosen } = sources[each.source];
    const items = chosen.filter(row => records.outcome[row] === OPEN).map(row => ({
      amount: 1, value: records.deal_value_usd?.[row],
      chance: chanceOf(each.source, records, row, each.horizon_days) ?? 0 }));
    const valued = items.filter(item => !isNone(item.value))
      .map(item => ({ ...item, amount: item.value }));
    return { ...each, items, valued };
  }).filter(({ items }) => items.length);
  if (!made.length) return { isHidden: true };
  return { body: table(say('forecast.title'), [text(say('column.of')),
    ...['open', 'within', 'wins', 'eighty', 'usd', 'eighty', 'held'].map(each => number(say(`column.${each}`)))],
  made.map(each => [capital(words(each.source)),
    leading(each.items.length, { open: '' }, undefined,
      each.source === 'engagements' ? 'deals' : 'referrals'),
    duration(each.horizon_days * DAY),
    ...expectedCells(each.items, each.count_width, estimate),
    ...expectedCells(each.valued, each.value_usd_width, dollars),
    each.past_count
      ? say('forecast.held', { part: count(each.within_count), whole: count(each.past_count) }) : NONE])) };
}
