// The figures that came with the page, by segment.

const report = JSON.parse(document.getElementById('report').textContent);

function readRows({ columns, rows }) {
  return rows.map(row => Object.fromEntries(columns.map((column, place) => [column, row[place]])));
}

const figures = Object.fromEntries(
  Object.entries(report.datasets).map(([name, dataset]) => [name, readRows(dataset)]));
const rules = readRows(report.rules);
const { segments, freshness: [fresh] } = figures;
const all = segments[0];

const pick = (name, segment) =>
  figures[name].filter(row => row.segment_id === segment.segment_id);
const last = array => array[array.length - 1];
const isFew = segment => segment.created_count < FEW;

// The segments to set beside the chosen one: its own kind, or the largest of each kind.
function peers(segment, largest) {
  return Object.keys(SEGMENTS)
    .filter(kind => kind !== 'all' && ['all', kind].includes(segment.segment))
    .map(kind => {
      const them = segments.filter(one => one.segment === kind);
      if (segment.segment === kind) return [kind, them];
      const least = them.map(one => one.created_count).sort((one, other) => other - one)
        .at(Math.min(largest, them.length) - 1);
      return [kind, them.filter(one => one.created_count >= least).slice(0, largest)];
    });
}

function openCounts(segment) {
  const counts = { expiring: 0, overdue: 0, waiting: 0, accepted: 0, total: 0 };
  for (const { urgency, referral_count: referrals } of pick('open_ages', segment)) {
    counts[urgency] += referrals;
    counts.total += referrals;
  }
  return counts;
}

const TOO_FEW =
  `Fewer than ${FEW} referrals: a share of so few would mislead, so none is drawn.`;
