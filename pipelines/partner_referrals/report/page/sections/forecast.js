// What will be won of what is open?

// A small number to a tenth, as 0.4 wins are not none.
const estimate = value => (isNone(value) ? NONE : (value < 10 ? tenths : integers).format(value));

const ranged = (row, measure, show) => {
  const [low, high] = ['low', 'high'].map(end => row[`expected_won_${measure}_${end}`]);
  return [show(row[`expected_won_${measure}`]),
    isNone(low) ? NONE : say('range', { low: show(low), high: show(high) })];
};

// It is made of everything that is open, whatever is chosen, and so is the list behind it.
function forecastSection() {
  const rows = report.forecasts.filter(row => !isNone(row.expected_won_count));
  if (!rows.length) return { isHidden: true };
  return { body: table(say('forecast.title'), [text(say('column.of')),
    ...['open', 'within', 'wins', 'eighty', 'usd', 'eighty', 'held'].map(each => number(say(`column.${each}`)))],
  rows.map(row => [capital(words(row.source)),
    leading(row.open_count, { open: '', unfiltered: '' }, undefined,
      row.source === 'engagements' ? 'deals' : 'referrals'),
    duration(row.horizon_days * DAY), ...ranged(row, 'count', estimate), ...ranged(row, 'value_usd', dollars),
    row.past_count
      ? say('forecast.held', { part: count(row.within_count), whole: count(row.past_count) }) : NONE])) };
}
