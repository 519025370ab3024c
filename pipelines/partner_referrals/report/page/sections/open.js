// What is still open?

const AGES = [1, 3, 7, 14, 30, 60, 90, 180];
const URGENCIES = ['expiring', 'overdue', 'waiting', 'accepted'];

function openSection(table_, rows) {
  const open = rows.filter(row => table_.outcome[row] === OPEN);
  if (!open.length) return { answer: say('open.none') };
  const counts = Object.groupBy(open, row => urgencyOf(table_, row));
  const said = URGENCIES.filter(each => counts[each])
    .map(each => say('open.part', { count: counts[each].length, what: say(`urgency.${each}`) }));
  const bins = AGES.map((days, place) => ({
    label: say('open.up_to', { n: days }), low: place ? AGES[place - 1] * DAY + 1 : 0, high: days * DAY,
  }));
  bins.push({ label: say('open.longer'), low: last(AGES) * DAY + 1, high: Infinity });
  const found = bins.map(({ low, high }) => Object.groupBy(
    open.filter(row => table_.age_seconds[row] >= low && table_.age_seconds[row] <= high),
    row => urgencyOf(table_, row)));
  const totals = found.map(each => Object.values(each).reduce((sum, them) => sum + them.length, 0));
  const top = Math.max(1, ...totals);
  const names = URGENCIES.filter(each => counts[each]);
  return {
    answer: say('open.answer', { n: open.length, parts: list(said) }),
    body: [
      key(names.map(each => [`urgency ${each}`, capital(say(`urgency.${each}`))])),
      table(say('open.table'), [text(say('column.open_for')), number(capital(words('open'))), wide(''),
        ...names.map(each => number(capital(say(`urgency.${each}`))))],
      bins.map(({ label, low, high }, place) => {
        const conditions = { open: '', aged: `${low}..${high === Infinity ? '' : high}` };
        return [label, leading(totals[place], conditions),
          bar(names.map(each => [(found[place][each]?.length ?? 0) / top, `urgency ${each}`])),
          ...names.map(each => leading(found[place][each]?.length ?? 0, { ...conditions, urgency: each }))];
      })),
    ],
  };
}
