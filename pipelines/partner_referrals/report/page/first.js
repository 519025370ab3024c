// What should we act on first?

function urgencyOf({ urgency, expires_at: expiry, days_in_stage: inStage }) {
  const left = expiry && (moment(expiry) - moment(report.as_of)) / 86_400_000;
  if (urgency === 'accepted') {
    return inStage === null ? 'accepted' : `accepted ${duration(Math.max(inStage, 0))} ago`;
  }
  if (urgency === 'overdue') return `expiry passed ${duration(-left)} ago`;
  return expiry ? `expires in ${duration(left)}` : 'waits; since when is not known';
}

const SHOWN_OPEN = 15;

function drawFirst(segment) {
  const rows = figures.open_list
    .filter(row => row.segment_ids.includes(segment.segment_id)).slice(0, SHOWN_OPEN);
  find('#first').hidden = !rows.length;
  const howMany = `${count(rows.length)} of ${count(openCounts(segment).total)}`;
  find('#first .answer').textContent = 'Those that expire next, those past their expiry, ' +
    `then the accepted ones, the oldest first: ${howMany}.`;
  const optional = column => ({ ...column, className: 'optional' });
  find('#first .scroll').replaceChildren(makeTable(rows, [
    text('What', row => make('span', { className: `urgency ${row.urgency}` }, urgencyOf(row))),
    // A name may run from right to left; it does so by itself.
    text('Customer', row => make('bdi', {}, row.customer_name ?? 'not given')),
    optional(text('Market', row => row.customer_market && regionName(row.customer_market))),
    optional(number('Open for', row => row.days_open === null ? null : duration(row.days_open))),
    text('Referral', row => make('bdi', {}, row.referral_id)),
  ]));
}
