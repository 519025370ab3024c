// How numbers, times and names read in the report's language.

const { code: LANGUAGE, words: WORDS } = JSON.parse(
  document.getElementById('language').textContent);
const plurals = new Intl.PluralRules(LANGUAGE);

function pattern(key, values) {
  const found = WORDS[key];
  if (found === undefined) throw new Error(`No wording for ${key}`);
  return typeof found === 'string' ? found : found[plurals.select(values.n)] ?? found.other;
}

// A sentence as nodes and texts: a value may be a node, such as a number that leads somewhere.
function sentence(key, values = {}) {
  return pattern(key, values).split(/(\{\w+\})/).filter(Boolean).map(part => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (!name) return part;
    return typeof values[name] === 'number' ? count(values[name]) : values[name];
  });
}
const say = (key, values) => sentence(key, values).join('');
const has = key => key in WORDS;

const integers = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });
const percents = [0, 1, 2, 3].map(digits =>
  new Intl.NumberFormat(LANGUAGE, { style: 'percent', maximumFractionDigits: digits }));
const money = new Intl.NumberFormat(LANGUAGE, {
  style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', maximumFractionDigits: 0,
});
const enumeration = new Intl.ListFormat(LANGUAGE);
const regions = new Intl.DisplayNames(LANGUAGE, { type: 'region' });
const sorting = new Intl.Collator(LANGUAGE, { numeric: true });

const NONE = '–';
const isNone = value => value === null || value === undefined || Number.isNaN(value);
const count = number => integers.format(number);
const dollars = value => (isNone(value) ? NONE : money.format(value));
const list = parts => enumeration.format(parts);
const words = name => (has(`name.${name}`) ? say(`name.${name}`) : name.replaceAll('_', ' '));
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

// Whole percents, with as many decimals as keep 13,086 of 13,087 from reading as 100%.
function percent(rate) {
  if (isNone(rate)) return NONE;
  const first = (rate > 0 && rate < 0.1) || (rate > 0.9 && rate < 1) ? 1 : 0;
  const isExact = rate === 0 || rate === 1;
  const fits = format => isExact || ![percents[0].format(0), percents[0].format(1)]
    .includes(format.format(rate));
  return (percents.slice(first).find(fits) ?? percents[3]).format(rate);
}

// A change; from few, or beyond tenfold, a percentage would mislead and the counts say it alone.
function change(now, before) {
  if (before < FEW || now >= 10 * before) return '';
  const rate = now / before - 1;
  if (Math.abs(rate) < 0.0005) return say('change.none');
  return `${rate < 0 ? '−' : '+'}${percent(Math.abs(rate))}`;
}

const DAY = 86_400;
function duration(seconds) {
  if (isNone(seconds)) return NONE;
  if (seconds < 3_600) return say('duration.minutes', { n: Math.round(seconds / 60) });
  if (seconds < 2 * DAY) return say('duration.hours', { n: Math.round(seconds / 3_600) });
  const days = seconds / DAY;
  const format = days < 10 ? tenths : integers;
  return say('duration.days', { n: days < 10 ? days : Math.round(days), days: format.format(days) });
}
const limitName = hours => (hours > 24 && hours % 24 === 0
  ? say('duration.days', { n: hours / 24, days: count(hours / 24) })
  : say('duration.hours', { n: hours }));

// Partner Center's times are UTC; dates and months are shown as UTC has them.
const inUtc = options => new Intl.DateTimeFormat(WORDS.format.locale, { timeZone: 'UTC', ...options });
const months = inUtc({ month: 'long', year: 'numeric' });
const shortMonths = inUtc({ month: 'short', year: '2-digit' });
const dates = inUtc({ day: 'numeric', month: 'short', year: 'numeric' });
const utcMoments = inUtc({
  weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
  timeZoneName: 'short',
});
const localMoments = new Intl.DateTimeFormat(WORDS.format.locale, {
  weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
});
const hoursInUtc = inUtc({ weekday: 'short', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });

// A month is counted from January 1970, a day from its first day.
const monthStart = month => Date.UTC(1970, month, 1);
const monthName = month => months.format(monthStart(month));
const shortMonth = month => shortMonths.format(monthStart(month));
const dateName = day => (isNone(day) ? NONE : dates.format(day * DAY * 1_000));
const utcMoment = seconds => utcMoments.format(seconds * 1_000);
// In the reader's time zone, and in UTC for whoever reads elsewhere.
const moment = seconds => (new Date(seconds * 1_000).getTimezoneOffset() === 0
  ? utcMoment(seconds)
  : say('moment.both', {
    local: localMoments.format(seconds * 1_000), utc: hoursInUtc.format(seconds * 1_000),
  }));

function regionName(code) {
  try {
    return /^[A-Z]{2}$/.test(code) ? regions.of(code) : code;
  } catch {
    return code;
  }
}

function sizeName(size) {
  const range = /^(\d+)to(\d+)employees$/i.exec(size);
  if (range) return say('size.range', { from: count(range[1]), to: count(range[2]) });
  const least = /^Morethan(\d+)employees$/i.exec(size);
  return least ? say('size.over', { from: count(least[1]) }) : size;
}

// The name of a segment's value: a country, a size, a text of the partner's own.
function valueName(kind, value) {
  if (value === null) return say('value.none');
  if (value === '') return say('value.empty');
  if (kind === 'customer_org_size') return sizeName(value);
  if (kind === 'origin' || kind === 'direction') return words(value);
  return kind.endsWith('_market') ? regionName(value) : words(value);
}

// respond_14d with its 336 hours reads "respond within 14 days".
const ruleName = ({ rule, limit_hours: hours }) => say('rule.within', {
  rule: words(rule.replace(/_\d+[hd]$/, '')), limit: limitName(hours),
});
