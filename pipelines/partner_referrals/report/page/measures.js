// Measures of some referrals, defined as in the marts; the tests compare both.

const Z = 1.959963984540054;

// Where a true rate lies with 95% confidence (Wilson).
function wilson(part, whole) {
  if (!whole) return [null, null];
  const rate = part / whole;
  const spread = Z * Math.sqrt((rate * (1 - rate)) / whole + (Z * Z) / (4 * whole * whole));
  const middle = rate + (Z * Z) / (2 * whole);
  const scale = 1 + (Z * Z) / whole;
  return [Math.max(0, (middle - spread) / scale), Math.min(1, (middle + spread) / scale)];
}

function quantile(sorted, share) {
  if (!sorted.length) return null;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const next = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (place - below) * (next - sorted[below]);
}

const sortedValues = (column, rows) =>
  Float64Array.from(rows.filter(row => column[row] >= 0), row => column[row]).sort();

// Which rows ended how: counts by outcome, `open` among them.
function outcomeCounts(table, rows) {
  const counts = Object.fromEntries([...OUTCOMES, 'open'].map(name => [name, 0]));
  for (const row of rows) {
    const outcome = value(table.outcome, row) ?? 'open';
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const stageCounts = (table, rows) =>
  STAGES.map((stage, place) => howMany(rows, row => table.stage[row] >= place));

// Cumulative incidence since creation (Aalen-Johansen): `won` and `closed` by day 0 to 365, and how
// many were still watched just before each day. Open referrals are censored, other endings compete.
const CURVE_DAYS = 365;
function incidence(table, rows) {
  const events = [];
  const won = codeOf(table.outcome, 'won');
  for (const row of rows) {
    if (table.age_seconds[row] < 0) continue;
    const outcome = table.outcome[row];
    events.push(table.age_seconds[row] * 4 + (outcome === OPEN ? 2 : outcome === won ? 0 : 1));
  }
  const sorted = Float64Array.from(events).sort();
  const curve = { won: [], closed: [], watched: [] };
  let [place, surviving, wonShare] = [0, 1, 0];
  for (let day = 0; day <= CURVE_DAYS; day += 1) {
    let before = place;
    while (before < sorted.length && Math.floor(sorted[before] / 4) < day * DAY) before += 1;
    curve.watched.push(sorted.length - before);
    while (place < sorted.length && Math.floor(sorted[place] / 4) <= day * DAY) {
      const time = Math.floor(sorted[place] / 4);
      const atRisk = sorted.length - place;
      const counts = [0, 0, 0];
      for (; place < sorted.length && Math.floor(sorted[place] / 4) === time; place += 1) {
        counts[sorted[place] % 4] += 1;
      }
      wonShare += (surviving * counts[0]) / atRisk;
      surviving *= 1 - (counts[0] + counts[1]) / atRisk;
    }
    curve.won.push(wonShare);
    curve.closed.push(1 - surviving);
  }
  // A curve ends where so few are still watched that it would mislead; where none is open, or nearly
  // all have ended, it is known.
  const isOpen = rows.some(row => table.outcome[row] === OPEN);
  const end = curve.watched.findIndex((watched, day) =>
    isOpen && watched < 5 && curve.closed[day] < 0.995);
  curve.end = end < 0 ? CURVE_DAYS : Math.max(0, end - 1);
  return curve;
}

// Months from the first of the calendar to that of the report; what happened in each, and whether it
// is over.
function monthlyFlow(table, rows) {
  const [from, to] = chosenPeriod();
  const first = Math.max(facts.first_month, from);
  const length = Math.max(0, Math.min(facts.last_month + 1, to) - first);
  const months = Array.from({ length }, (_, place) => ({
    month: first + place, created: 0, won: 0, lost: 0,
    isComplete: first + place >= facts.first_complete_month && first + place < facts.last_month,
  }));
  const won = codeOf(table.outcome, 'won');
  const lost = codeOf(table.outcome, 'lost');
  for (const row of rows) {
    if (table.created_month[row] === NO_DAY) continue;
    const created = months[table.created_month[row] - first];
    if (created) created.created += 1;
    if (table.outcome[row] < 0 || table.closed_month[row] === NO_DAY) continue;
    const closed = months[table.closed_month[row] - first];
    if (!closed) continue;
    if (table.outcome[row] === won) closed.won += 1;
    if (table.outcome[row] === lost) closed.lost += 1;
  }
  return months;
}

// The limits of noise (XmR chart) from up to 12 complete periods before; null with fewer than six.
function expectedRange(values) {
  const past = values.slice(-12);
  if (past.length < 6) return null;
  const mean = past.reduce((sum, each) => sum + each, 0) / past.length;
  const moves = past.slice(1).map((each, place) => Math.abs(each - past[place]));
  const range = 2.66 * (moves.reduce((sum, each) => sum + each, 0) / moves.length);
  return [Math.max(0, mean - range), mean + range];
}

// Of what was created in a chosen period, early and late months hold but a part of the wins.
const compares = name => name === 'created' || !readAddress().period;

// Each month with the range expected of it, from the complete months before; null where so few are
// counted that one more would look unusual, and for wins of what came in a chosen period.
function withExpected(months, name) {
  return months.map((each, place) => {
    const before = months.slice(0, place).filter(month => month.isComplete).map(month => month[name]);
    const total = before.slice(-12).reduce((sum, number_) => sum + number_, each[name]);
    return { ...each, count: each[name],
      expected: total < FEW || !compares(name) ? null : expectedRange(before) };
  });
}

// Whether two shares differ by more than chance would have it (two proportions, 95%).
function differs(part, whole, otherPart, otherWhole) {
  const pooled = (part + otherPart) / (whole + otherWhole);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / otherWhole));
  return error > 0 && Math.abs(part / whole - otherPart / otherWhole) > Z * error;
}

// A deadline's answers: met, breached, pending.
function answerCounts(table, rows, { place }) {
  const counts = [0, 0, 0, 0];
  const shift = 2 * place;
  for (const row of rows) if (table.answers[row] > 0) counts[(table.answers[row] >> shift) & 3] += 1;
  return { met: counts[1], breached: counts[2], pending: counts[3] };
}
