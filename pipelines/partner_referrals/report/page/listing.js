// The referrals or deals behind a number: searched, sorted, taken away as CSV.

const PAGE = 200;
const cellText = ({ of, show }, row) => (show ? show(row) : of(row) ?? NONE);

// A column of the list: what its cells hold, for the CSV and for sorting, and what they show.
const listed = (title, of, show = null) =>
  ({ title: say(title), of, show: show ?? (row => of(row) ?? NONE) });
const listedDay = (title, column) => listed(title,
  row => (column[row] === NO_DAY ? null : new Date(column[row] * DAY * 1_000).toISOString().slice(0, 10)),
  row => (column[row] === NO_DAY ? NONE : dateName(column[row])));
const listedValue = (records, kind, title = `segment.${kind}`) => listed(title,
  row => value(records[kind], row), row => valueName(kind, value(records[kind], row)));
const listedState = records => [
  listed('column.stage', row => STAGES[records.stage[row]], row => words(STAGES[records.stage[row]])),
  listed('column.outcome', row => value(records.outcome, row) ?? 'open',
    row => words(value(records.outcome, row) ?? 'open')),
];

// Of an open item: how likely it is won within 90 days.
const listedChance = (records, source) => listed('column.chance',
  row => chanceOf(source, records, row), row => percent(chanceOf(source, records, row)));

const dealColumns = deals => [
  listed('column.name', row => deals.deal_name[row]),
  listed('column.customer', row => deals.customer_name[row]),
  listed('column.usd', row => (isNone(deals.deal_value_usd[row]) ? null : deals.deal_value_usd[row]),
    row => dollars(deals.deal_value_usd[row])),
  listedChance(deals, 'engagements'),
  listedDay('column.expected_close', deals.expected_close_on),
  listedValue(deals, 'customer_market'), listedValue(deals, 'category', 'column.category'),
  listedValue(deals, 'origin'),
  ...listedState(deals),
  listedDay('column.created', deals.created_on), listedDay('column.closed', deals.closed_on),
  listedValue(deals, 'status_reason', 'column.reason'),
  listed('column.deal', row => deals.deal_id[row]),
];

function referralColumns(referrals) {
  return [
    listed('column.referral', row => referrals.referral_id[row]),
    listed('column.customer', row => referrals.customer_name[row]),
    ...['customer_market', 'customer_org_size', 'partner_market', 'origin']
      .map(kind => listedValue(referrals, kind)),
    ...listedState(referrals),
    listedDay('column.created', referrals.created_on),
    listedDay('column.accepted', referrals.accepted_on),
    listedDay('column.closed', referrals.closed_on),
    listed('column.expires', row => (isNone(referrals.expires_at[row]) ? null
      : new Date(referrals.expires_at[row] * 1_000).toISOString().slice(0, 16)),
    row => (isNone(referrals.expires_at[row]) ? NONE : utcMoment(referrals.expires_at[row]))),
    listedChance(referrals, 'referrals'),
  ];
}

// A cell that a spreadsheet reads as text, whatever it begins with.
function csvCell(content) {
  const plain = isNone(content) ? '' : String(content);
  const inert = /^[\s]*[=+\-@\t\r＝＋－＠]/.test(plain) && !/^-?\d+(\.\d+)?$/.test(plain)
    ? `'${plain}` : plain;
  return /[",\r\n;]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

const asCsv = (columns, rows) => '\ufeff' + [
  columns.map(({ title }) => csvCell(title)),
  ...rows.map(row => columns.map(({ of }) => csvCell(of(row)))),
].map(line => line.join(',')).join('\r\n') + '\r\n';

function download(fileName, content) {
  const link = make('a', { href: URL.createObjectURL(new Blob([content], { type: 'text/csv' })),
    download: fileName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// The state of the open dialog: which rows, in which order, found by what.
const listing = { population: 'referrals', columns: [], rows: [], listed: [], texts: null, sortedBy: null,
  isDescending: false, shown: PAGE };

function drawListing() {
  const search = find('#search').value.trim().toLocaleLowerCase(LANGUAGE);
  const { columns, sortedBy, isDescending } = listing;
  let rows = listing.listed;
  if (search) {
    // Formatting all cells takes seconds where there are many, so it is done once.
    listing.texts ??= new Map(rows.map(row => [row,
      columns.map(column => cellText(column, row)).join('\n').toLocaleLowerCase(LANGUAGE)]));
    rows = rows.filter(row => listing.texts.get(row).includes(search));
  }
  if (sortedBy !== null) {
    const { of } = columns[sortedBy];
    const compared = (one, other) => {
      const [left, right] = [of(one), of(other)];
      if (isNone(left) || isNone(right)) return isNone(left) - isNone(right);
      const order = typeof left === 'number' ? left - right : sorting.compare(left, right);
      return isDescending ? -order : order;
    };
    rows = [...rows].sort(compared);
  }
  listing.found = rows;
  const header = columns.map(({ title }, place) => make('th', { scope: 'col',
    'aria-sort': sortedBy === place ? (isDescending ? 'descending' : 'ascending') : 'none' },
  make('button', { type: 'button', 'data-sort': place }, title)));
  find('#listing .scroll').replaceChildren(make('table', {},
    make('thead', {}, make('tr', {}, header)),
    make('tbody', {}, rows.slice(0, listing.shown).map(row => make('tr', {},
      columns.map((column, place) => (place === 0
        ? make('th', { scope: 'row' }, name(cellText(column, row)))
        : make('td', {}, name(cellText(column, row))))))))));
  const isCut = listing.listed.length < listing.rows.length;
  find('#listed').textContent = [
    say(`listing.count.${listing.population}`, { n: listing.rows.length }),
    isCut && say(`listing.capped.${listing.population}`, { n: listing.listed.length, all: listing.rows.length }),
    search && say('listing.found', { n: rows.length }),
    rows.length > listing.shown && say('listing.shown', { n: listing.shown, all: rows.length }),
  ].filter(Boolean).join(' ');
  find('#more').hidden = rows.length <= listing.shown;
}

// Open the dialog on the rows that fit the conditions, within those that are chosen.
function openListing({ population: wanted, ...conditions }, populations) {
  const population = Object.hasOwn(populations, wanted) ? wanted : 'referrals';
  const { table: rowsOf, rows, columns, cap } = populations[population];
  const found = rowsWhere(rowsOf, matching(rowsOf, conditions), rows);
  Object.assign(listing, { population, columns: columns(rowsOf), rows: found,
    listed: found.filter(row => row < cap), texts: null, sortedBy: null, isDescending: false, shown: PAGE });
  find('#listing h2').textContent = describe(conditions, population);
  find('#search').value = '';
  drawListing();
  if (!find('#listing').open) find('#listing').showModal();
}

const VALUED = [...FILTERS, 'category', 'reason'];

// What the conditions say, for the heading of the listing.
function describe(conditions, population) {
  const described = { stage: words, at: words, created: monthOrText, closed: monthOrText,
    outcome: text_ => list(text_.split(' ').map(words)), since: monthOrText, before: monthOrText,
    urgency: text_ => (has(`urgency.${text_}`) ? say(`urgency.${text_}`) : text_),
    issue: words, answer: answerName, responded: spanName, accepted: spanName, aged: spanName };
  const parts = Object.entries(conditions).filter(([each]) => has(`condition.${each}`))
    .map(([each, text_]) => say(`condition.${each}`, {
      value: VALUED.includes(each) ? valueName(each, text_ === MISSING ? null : text_)
        : described[each]?.(String(text_)) ?? String(text_),
    }));
  return parts.length ? capital(parts.join(' · ')) : say(`listing.all.${population}`);
}

const monthOrText = text_ => (/^\d{1,4}$/.test(text_) ? monthName(Number(text_)) : text_);

function answerName(text_) {
  const [name_, state = ''] = text_.split(' ');
  const rule = rules.find(each => each.rule === name_);
  return say('pair', { name: rule ? ruleName(rule) : name_, value: words(state) });
}

// From more than so many seconds to so many; an end that is missing is open.
function spanName(text_) {
  const [low, high] = text_.split('..').map(Number);
  if (!high) return low ? say('span.over', { value: duration(low - 1) }) : say('span.any');
  return low ? say('range', { low: duration(low - 1), high: duration(high) })
    : say('span.up_to', { value: duration(high) });
}

function readyListing() {
  const dialog = find('#listing');
  let typed = null;
  find('#search').addEventListener('input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => { listing.shown = PAGE; drawListing(); }, 100);
  });
  find('#more').addEventListener('click', () => { listing.shown += 5 * PAGE; drawListing(); });
  find('#csv').addEventListener('click', () =>
    download(`${listing.population}.csv`, asCsv(listing.columns, listing.found)));
  find('#close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    // In place of the address that opened it, so that going back does not open it again.
    if ('show' in readAddress()) writeAddress({ ...readAddress(), show: '' }, 'replaceState');
  });
  dialog.addEventListener('click', ({ target }) => {
    const place = target.dataset?.sort;
    if (place === undefined) return;
    const isSame = listing.sortedBy === Number(place);
    Object.assign(listing, { sortedBy: Number(place), isDescending: isSame && !listing.isDescending });
    drawListing();
    dialog.querySelector(`[data-sort="${place}"]`).focus();
  });
  document.addEventListener('click', ({ target }) => {
    const show = target.closest?.('[data-show]')?.dataset.show;
    if (show) writeAddress({ ...readAddress(), show });
  });
}
