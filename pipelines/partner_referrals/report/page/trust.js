// Can these figures be trusted?

function drawTrust(segment) {
  const issues = pick('issues', segment);
  const total = issues.reduce((sum, row) => sum + row.issue_count, 0);
  const agrees = { true: 'yes', false: 'no, they differ', null: 'not compared' };
  const facts = [
    ['Last load', fresh.last_load_at && dateAndTime(fresh.last_load_at)],
    ['Newest activity', fresh.last_activity_at && dateAndTime(fresh.last_activity_at)],
    ['Referrals in the warehouse', count(fresh.referral_count)],
    ['Records that could not be read', count(fresh.rejected_count)],
    ['Counted by Partner Center', fresh.server_total === null ? null : count(fresh.server_total)],
    ['Partner Center’s counts agree', agrees[fresh.is_reconciled]],
  ];
  const factTable = [facts, [
    text('What', ([what]) => what),
    number('Value', ([, value]) => value),
  ]];
  const issueTable = [issues, [
    text('Oddity', row => capital(words(row.rule))),
    text('Severity', row => row.severity),
    number('Referrals', row => count(row.issue_count)),
  ]];
  find('#trust .answer').textContent = total
    ? `${plural(total, 'oddity', 'oddities')} in single referrals; none is left out for it.`
    : 'No oddities in single referrals.';
  find('.trust').replaceChildren(
    ...[factTable, issueTable].filter(([rows]) => rows.length)
      .map(table => make('div', {}, makeTable(...table))));
}
