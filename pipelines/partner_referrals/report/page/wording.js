// How numbers, times and names read.

// Of fewer than these a share says nothing.
const FEW = 10;

const SEGMENTS = {
  all: 'All referrals',
  customer_market: 'Customer market',
  partner_market: 'Partner market',
  customer_org_size: 'Customer size',
};

const integers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const regions = new Intl.DisplayNames('en', { type: 'region' });
const enumeration = new Intl.ListFormat('en');

const count = number => integers.format(number);
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
const list = parts => enumeration.format(parts);
const words = name => name.replaceAll('_', ' ');
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

// Whole percents, but never "100%" of something that is not all of it.
function percent(rate) {
  const isNearEdge = (rate > 0 && rate < 0.1) || (rate > 0.9 && rate < 1);
  return `${(isNearEdge ? tenths : integers).format(rate * 100)}%`;
}

const signed = (number, text) => (number ? `${number < 0 ? '−' : '+'}${text}` : 'unchanged');
const change = rate => signed(rate, percent(Math.abs(rate)));

function points(difference) {
  const rounded = Math.round(difference * 100);
  return signed(rounded, plural(Math.abs(rounded), 'point', 'points'));
}

function duration(days) {
  const hours = days * 24;
  if (hours < 1) return plural(Math.round(hours * 60), 'minute', 'minutes');
  if (hours < 48) return plural(Math.round(hours), 'hour', 'hours');
  return `${(days < 10 ? tenths : integers).format(days)} days`;
}

// Exact, unlike a duration: two limits never read the same.
const limitName = hours =>
  hours > 24 && hours % 24 === 0 ? `${count(hours / 24)} days` : plural(hours, 'hour', 'hours');

// respond_14d with its 336 hours reads "respond within 14 days".
const ruleName = ({ rule, limit_hours: hours }) =>
  `${words(rule.replace(/_\d+[hd]$/, ''))} within ${limitName(hours)}`;

// Times come without a zone and are UTC.
const inUtc = options => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const months = inUtc({ month: 'long', year: 'numeric' });
const days = inUtc({ day: 'numeric', month: 'long', year: 'numeric' });
const clock = inUtc({ hour: '2-digit', minute: '2-digit' });
const shortMonths = new Intl.DateTimeFormat('en', {
  timeZone: 'UTC', month: 'short', year: '2-digit',
});

const moment = text => new Date(text.length > 10 ? `${text}Z` : text);
const month = text => months.format(moment(text));
const shortMonth = text => shortMonths.format(moment(text));
const dateAndTime = text => `${days.format(moment(text))}, ${clock.format(moment(text))} UTC`;

const regionName = code => (/^[A-Z]{2}$/.test(code) ? regions.of(code) : code);

function sizeName(size) {
  const range = /^(\d+)to(\d+)employees$/i.exec(size);
  if (range) return `${count(range[1])}–${count(range[2])} employees`;
  const least = /^Morethan(\d+)employees$/i.exec(size);
  return least ? `over ${count(least[1])} employees` : size;
}

function segmentName({ segment, segment_value: value }) {
  if (segment === 'all') return SEGMENTS.all;
  if (value === null) return 'not given';
  if (value === '') return 'empty';
  return segment === 'customer_org_size' ? sizeName(value) : regionName(value);
}

const fullName = one =>
  one.segment === 'all' ? SEGMENTS.all : `${SEGMENTS[one.segment]}: ${segmentName(one)}`;
const shortName = one => segmentName(one).replace(' employees', '');
