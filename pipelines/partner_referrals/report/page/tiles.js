// The headline figures: the newest full month against the one before.

const tile = (title, figure, note = '', difference = '') => ({ title, figure, note, difference });

// A count, with its change; from few a percentage would say too much.
function countTile(title, field, rate, now, before) {
  if (!before) return tile(title, count(now[field]));
  const ago = month(before.month);
  return rate === null || before[field] < FEW
    ? tile(title, count(now[field]), `after ${count(before[field])} in ${ago}`)
    : tile(title, count(now[field]), `against ${ago}`, change(rate));
}

// A share, with its change in points; a share of few is told as its counts.
function shareTile(title, now, before, ago) {
  if (!now?.whole) return tile(title, '–', 'none yet');
  if (now.whole < FEW) {
    return tile(title, `${count(now.part)} of ${count(now.whole)}`, 'too few for a rate');
  }
  return !before || before.whole < FEW
    ? tile(title, percent(now.rate))
    : tile(title, percent(now.rate), `against ${ago}`, points(now.rate - before.rate));
}

const decided = row => row && {
  part: row.won_count, whole: row.won_count + row.lost_count, rate: row.win_rate,
};

function kept(segment, { rule }, row) {
  const found = row && pick('response_sla', segment)
    .find(each => each.rule === rule && each.created_month === row.month);
  return found && {
    part: found.met_count,
    whole: found.met_count + found.breached_count,
    rate: found.compliance_rate,
  };
}

function monthTiles(segment, now, before) {
  const ago = before && month(before.month);
  const { created_change_rate: createdChange, won_change_rate: wonChange } = now;
  return [
    countTile(`New in ${month(now.month)}`, 'created_count', createdChange, now, before),
    countTile(`Won in ${month(now.month)}`, 'won_count', wonChange, now, before),
    shareTile(`Win rate in ${month(now.month)}`, decided(now), decided(before), ago),
    ...rules.map(rule => shareTile(
      `In time: ${ruleName(rule)}`, kept(segment, rule, now), kept(segment, rule, before), ago)),
  ];
}

function openTile(segment) {
  const { total, expiring, overdue } = openCounts(segment);
  const soon = expiring ? plural(expiring, 'expires', 'expire') : 'none expires';
  const past = overdue ? `, ${count(overdue)} past the expiry` : '';
  return tile('Open now', count(total), `${soon} within 3 days${past}`);
}

function tilesOf(segment) {
  const rows = pick('trend', segment);
  const newest = rows.findLastIndex(row => row.is_complete);
  const parts = isFew(segment) || newest < 0
    ? [
      tile('Referrals', count(segment.created_count)),
      tile('Won', count(segment.won_count)),
      tile('Lost', count(segment.lost_count)),
    ]
    : monthTiles(segment, rows[newest], rows[newest - 1]);
  return [...parts, openTile(segment)];
}
