// Can these figures be trusted?

function trustSection(table_, rows) {
  const facts_ = [
    ['last_load_at', facts.last_load_at && moment(facts.last_load_at)],
    ['last_activity_at', facts.last_activity_at && moment(facts.last_activity_at)],
    ['referral_count', count(facts.referral_count)],
    ['rejected_count', count(facts.rejected_count)],
    ['server_total', isNone(facts.server_total) ? null : count(facts.server_total)],
    ['is_reconciled', say(`reconciled.${facts.is_reconciled}`)],
  ].map(([each, content]) => [say(`fact.${each}`), content]);
  const issues = issueRules.map(({ rule, severity, issue_count: total }) => [
    capital(words(rule)), words(severity), count(total),
    leading(howMany(rows, CONDITIONS.issue(table_, rule)), { issue: rule }),
  ]);
  const total = issueRules.reduce((sum, each) => sum + each.issue_count, 0);
  return {
    answer: total ? say('trust.issues', { n: total }) : say('trust.clean'),
    body: make('div', { className: 'beside' },
      make('div', {}, table(say('trust.facts'), [text(say('column.what_fact')), number(say('column.value'))], facts_)),
      issues.length > 0 && make('div', {}, table(say('trust.table'), [text(say('column.issue')),
        text(say('column.severity')), number(say('column.referrals')), number(say('column.here'))], issues))),
  };
}
