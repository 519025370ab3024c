// The referrals and deals that came with the page, unpacked, and what they can be asked for.

// Of fewer than these a share says nothing.
const FEW = 10;

const report = JSON.parse(document.getElementById('report').textContent);
const { facts, rules, issue_rules: issueRules, targets } = report;
const asOf = facts.as_of;
const STAGES = ['created', 'responded', 'accepted', 'won'];
const OPEN = -1;
// What two bits of `answers` say of a rule.
const ANSWERS = ['', 'met', 'breached', 'pending'];

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}

const WIDTHS = { float64: [8, Float64Array], codes: [4, Int32Array], days: [4, Int32Array],
  int32: [4, Int32Array] };

// Columns as typed arrays, those of texts with their `values`; what is only listed as plain arrays.
async function unpack(packed) {
  const [buffer, listed] = await Promise.all([inflate(packed.bytes), inflate(packed.listed)]);
  const columns = { row_count: packed.row_count };
  let place = 0;
  for (const [name, { kind, values }] of Object.entries(packed.columns)) {
    const [width, Type] = WIDTHS[kind];
    const end = place + width * packed.row_count;
    columns[name] = new Type(buffer.slice(place, end));
    if (values) columns[name].values = values;
    place = end;
  }
  return { ...columns, ...JSON.parse(new TextDecoder().decode(listed)) };
}

const NO_DAY = -(2 ** 31);
const monthOfDay = day => {
  if (day === NO_DAY) return null;
  const date = new Date(day * DAY * 1_000);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
};
const monthsOf = days => {
  const known = new Map();
  return Int32Array.from(days, day => {
    if (!known.has(day)) known.set(day, monthOfDay(day) ?? NO_DAY);
    return known.get(day);
  });
};

// Adds to referrals or deals what is derived from their columns once.
function prepare(records, reached) {
  const stages = reached.values.map(stage => STAGES.indexOf(stage));
  records.stage = Int8Array.from(reached, code => stages[code]);
  records.created_month = monthsOf(records.created_on);
  records.closed_month = monthsOf(records.closed_on);
  return records;
}

const value = (column, row) => (column[row] < 0 ? null : column.values[column[row]]);
const codeOf = (column, text) => (text === null ? -1 : column.values.indexOf(text));

// What a referral or a deal can be asked for; each gives a test of a row. They name what a number counts, in
// the address too. `missing` is the text for a null.
const MISSING = '(none)';
const byValue = name => (table, text) => {
  if (text === MISSING) return row => table[name][row] < 0;
  const code = table[name].values.indexOf(text);
  return row => code >= 0 && table[name][row] === code;
};
const between = name => (table, text) => {
  const [low, high] = text.split('..').map(each => (each === '' ? Infinity : Number(each)));
  return row => table[name][row] >= low && table[name][row] <= high;
};
const CONDITIONS = {
  customer_market: byValue('customer_market'),
  partner_market: byValue('partner_market'),
  customer_org_size: byValue('customer_org_size'),
  origin: byValue('origin'),
  category: byValue('category'),
  reason: byValue('status_reason'),
  overdue: table => row => isOverdue(table, row),
  at: (table, text) => row => isAt(table, row, text),
  stage: (table, text) => row => table.stage[row] >= STAGES.indexOf(text),
  outcome: (table, text) => {
    const codes = text.split(' ').map(each => (each === 'open' ? OPEN : codeOf(table.outcome, each)));
    const isWanted = code => codes.includes(code) && (code !== -1 || text.includes('open'));
    return row => isWanted(table.outcome[row]);
  },
  settled: table => row => table.outcome[row] !== OPEN,
  open: table => row => table.outcome[row] === OPEN,
  created: (table, text) => row => table.created_month[row] === Number(text),
  // As in the counts by month, what has no date of creation is left out.
  closed: (table, text) => row => table.closed_month[row] === Number(text) && isDated(table, row),
  since: (table, text) => row => table.created_month[row] >= Number(text),
  before: (table, text) => row => table.created_month[row] < Number(text),
  responded: between('respond_seconds'),
  accepted: between('accept_seconds'),
  aged: between('age_seconds'),
  unanswered: table => row => table.stage[row] === 0,
  waited: table => row => table.origin.values[table.origin[row]] !== 'own' && isDated(table, row),
  answer: (table, text) => {
    const [name_, state] = text.split(' ');
    const place = rules.find(({ rule }) => rule === name_)?.place;
    return row => table.answers[row] > 0
      && ((table.answers[row] >> (2 * place)) & 3) === ANSWERS.indexOf(state);
  },
  issue: (table, text) => {
    const place = issueRules.find(({ rule }) => rule === text)?.place;
    return row => table.issues[row] > 0 && ((table.issues[row] >> place) & 1) === 1;
  },
  urgency: (table, text) => row => urgencyOf(table, row) === text,
  due: table => row => isDueSoon(table, row),
  slow: table => row => isSlow(table, row),
};

const isDated = (table, row) => table.created_on[row] !== NO_DAY;
const isOverdue = (deals, row) => deals.is_overdue[row] === 1;
const isAt = (table, row, stage) => table.stage[row] === STAGES.indexOf(stage);

// A test of all conditions at once; a condition that nobody knows is passed over.
function matching(table, conditions) {
  const tests = Object.entries(conditions)
    .filter(([name]) => Object.hasOwn(CONDITIONS, name))
    .map(([name, text]) => CONDITIONS[name](table, String(text)));
  return row => tests.every(test => test(row));
}

function rowsWhere(table, test, rows = null) {
  const found = [];
  if (rows) for (const row of rows) { if (test(row)) found.push(row); }
  else for (let row = 0; row < table.row_count; row += 1) if (test(row)) found.push(row);
  return found;
}

const howMany = (rows, test) => {
  let number = 0;
  for (const row of rows) if (test(row)) number += 1;
  return number;
};

// What an open referral waits for.
const SOON = 3 * DAY;
function urgencyOf(table, row) {
  if (table.outcome[row] !== OPEN) return null;
  if (table.stage[row] === 2) return 'accepted';
  const expiry = table.expires_at[row];
  if (expiry < asOf) return 'overdue';
  return expiry < asOf + SOON ? 'expiring' : 'waiting';
}

const isDueSoon = (table, row) =>
  table.answer_due_at[row] >= asOf && table.answer_due_at[row] < asOf + SOON;

// Accepted, and open for longer than nine in ten of those accepted that ever closed.
const isSlow = (table, row) =>
  table.outcome[row] === OPEN && table.stage[row] === 2 && table.age_percentile[row] >= 0.9;
