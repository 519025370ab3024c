// What is chosen, kept in the address: filters, and the referrals that a number led to.

const FILTERS = ['customer_market', 'customer_org_size', 'origin', 'partner_market'];

function readAddress() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function writeAddress(chosen, write = 'pushState') {
  const kept = Object.entries(chosen).filter(([, text]) => text !== '' && !isNone(text));
  const hash = String(new URLSearchParams(kept));
  history[write](null, '', hash ? `#${hash}` : location.pathname + location.search);
  onAddress();
}

// The chosen months of creation: from the first to before the last.
function chosenPeriod(chosen = readAddress()) {
  const { period = '' } = chosen;
  if (/^\d{4}$/.test(period)) return [(period - 1970) * 12, (period - 1969) * 12];
  if (/^\d{1,2}m$/.test(period)) {
    return [facts.last_month - Number.parseInt(period, 10), Infinity];
  }
  return [-Infinity, Infinity];
}

// A filter by what the table does not have leaves it as it is.
function chosenRows(records) {
  const chosen = readAddress();
  const conditions = Object.fromEntries(FILTERS.filter(each => each in chosen && each in records)
    .map(each => [each, chosen[each]]));
  const [from, to] = chosenPeriod(chosen);
  if (from > -Infinity) conditions.since = from;
  if (to < Infinity) conditions.before = to;
  return rowsWhere(records, matching(records, conditions));
}

// Values of a text column with their numbers of rows, the most frequent first.
function frequencies(column) {
  const counts = new Map();
  for (const code of column) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts].sort(([one, ones], [other, others]) => others - ones || one - other)
    .map(([code, number_]) => ({ value: code < 0 ? null : column.values[code], count: number_ }));
}

function select(id, label, options) {
  return make('label', {}, make('span', {}, label),
    make('select', { id: `filter-${id}`, name: id },
      options.map(([optionValue, optionText]) => make('option', { value: optionValue }, optionText))));
}

function fillFilters(referrals) {
  const years = [];
  for (let month = facts.last_month; month >= facts.first_month; month -= 1) {
    const year = 1970 + Math.floor(month / 12);
    if (last(years) !== year) years.push(year);
  }
  const periods = [['', say('filter.period.all')],
    ...[3, 12, 24].map(n => [`${n}m`, say('filter.period.months', { n })]),
    ...years.slice(0, 30).map(year => [String(year), String(year)])];
  const choosers = [select('period', say('filter.period'), periods),
    ...FILTERS.map(each => {
      const values = frequencies(referrals[each]);
      const options = values.map(({ value: text_, count: n }) =>
        [text_ ?? MISSING, `${valueName(each, text_)} (${count(n)})`]);
      return values.length > 1 &&
        select(each, say(`segment.${each}`), [['', say('filter.all')], ...options]);
    })].filter(Boolean);
  const form = find('#filters form');
  form.replaceChildren(...choosers,
    make('button', { type: 'reset', id: 'clear' }, say('filter.clear')),
    make('output', { id: 'chosen' }));
  form.addEventListener('change', ({ target }) =>
    writeAddress({ ...readAddress(), show: '', [target.name]: target.value }));
  form.addEventListener('reset', event => {
    event.preventDefault();
    writeAddress({});
  });
}

function showFilters() {
  const chosen = readAddress();
  for (const chooser of document.querySelectorAll('#filters select')) {
    chooser.value = chosen[chooser.name] ?? '';
    // An address may name what this report does not have.
    if (chooser.selectedIndex < 0) {
      chooser.append(make('option', { value: chosen[chooser.name] }, chosen[chooser.name]));
      chooser.value = chosen[chooser.name];
    }
  }
}

const last = array => array[array.length - 1];
