// What are the deals worth?

// Column -> its name in the wording. Where deals come from, Partner Center calls their direction.
const DEAL_SEGMENTS = { category: 'category', origin: 'direction', customer_market: 'customer_market' };

// Together in US dollars; null where no value could be converted, 0 where there is no deal.
function worth(deals, rows) {
  const values = rows.map(row => deals.deal_value_usd[row]).filter(each => !isNone(each));
  return values.length || !rows.length ? values.reduce((sum, each) => sum + each, 0) : null;
}

// That in words, with how many of them have a value where not all have.
function worthText(deals, rows) {
  const n = howMany(rows, row => !isNone(deals.deal_value_usd[row]));
  const usd = dollars(worth(deals, rows));
  return n && n < rows.length ? say('value.converted', { usd, n }) : usd;
}

const leadingDeals = (rows, conditions) => leading(rows.length, conditions, undefined, 'deals');

function pipelineTable(deals, open) {
  const stages = ['accepted', 'created'].map(stage => [stage, open.filter(row => isAt(deals, row, stage))])
    .filter(([, rows]) => rows.length);
  return table(say('value.pipeline'), [text(say('column.stage')),
    ...['deals', 'usd', 'overdue', 'overdue_usd', 'median_age'].map(each => number(say(`column.${each}`)))],
  stages.map(([stage, rows]) => {
    const overdue = rows.filter(row => isOverdue(deals, row));
    const ages = Float64Array.from(rows.map(row => deals.age_days[row]).filter(each => !isNone(each))).sort();
    const conditions = { open: '', at: stage };
    const middle = quantile(ages, 0.5);
    return [capital(words(stage)), leadingDeals(rows, conditions), worthText(deals, rows),
      leadingDeals(overdue, { ...conditions, overdue: '' }), worthText(deals, overdue),
      duration(middle === null ? null : middle * DAY)];
  }));
}

function dealWinRow(deals, label, rows, conditions) {
  const [won, lost] = ['won', 'lost'].map(outcome =>
    rows.filter(row => value(deals.outcome, row) === outcome));
  const decided = won.length + lost.length;
  const [wonUsd, lostUsd] = [won, lost].map(each => worth(deals, each));
  const both = wonUsd === null || lostUsd === null ? 0 : wonUsd + lostUsd;
  return [label, leadingDeals(won, { ...conditions, outcome: 'won' }),
    leadingDeals(lost, { ...conditions, outcome: 'lost' }),
    decided < FEW ? NONE : percent(won.length / decided), worthText(deals, won), worthText(deals, lost),
    decided < FEW || !both ? NONE : percent(wonUsd / both)];
}

// The most frequent first; a null comes last among its equals.
function frequentGroups(column, rows) {
  return [...Map.groupBy(rows, row => value(column, row))]
    .sort(([one, ones], [other, others]) => others.length - ones.length ||
      isNone(one) - isNone(other) || sorting.compare(one, other));
}

function winRateTable(deals, rows) {
  const decided = rows.filter(row => ['won', 'lost'].includes(value(deals.outcome, row)));
  const groups = Object.entries(DEAL_SEGMENTS)
    .map(([kind, named]) => [kind, named, frequentGroups(deals[kind], decided)])
    .filter(([, , found]) => found.length > 1)
    .flatMap(([kind, named, found]) => found.slice(0, SHOWN_VALUES).map(([text_, them]) => [
      say('pair', { name: capital(words(named)), value: valueName(kind, text_) }), them, { [kind]: text_ ?? MISSING }]));
  return table(say('value.win_rates'), [text(say('column.deals')),
    ...['won', 'lost', 'win_rate', 'won_usd', 'lost_usd', 'by_value'].map(each => number(say(`column.${each}`)))],
  [[say('value.all'), decided, {}], ...groups].map(([label, them, conditions]) =>
    dealWinRow(deals, label, them, conditions)));
}

function lossTable(deals, rows) {
  const losses = ['lost', 'declined', 'expired'].flatMap(outcome =>
    frequentGroups(deals.status_reason, rows.filter(row => value(deals.outcome, row) === outcome))
      .map(([reason, them]) => [reason, outcome, them]))
    .sort(([, , ones], [, , others]) => others.length - ones.length).slice(0, SHOWN_VALUES);
  return losses.length > 0 && table(say('value.losses'), [text(say('column.reason')),
    text(say('column.outcome')), number(say('column.deals')), number(say('column.usd'))],
  losses.map(([reason, outcome, them]) => [valueName('reason', reason), capital(words(outcome)),
    leadingDeals(them, { outcome, reason: reason ?? MISSING }), worthText(deals, them)]));
}

// Which of the chosen filters the deals do not have; empty if none.
function unfilteredText(deals) {
  const idle = FILTERS.filter(each => each in readAddress() && !(each in deals));
  return idle.length ? say('value.unfiltered', { names: list(idle.map(each => say(`segment.${each}`))) }) : '';
}

function valueSection({ table: deals, rows }) {
  if (!deals.row_count) return { isHidden: true };
  const open = rows.filter(row => deals.outcome[row] === OPEN);
  const overdue = open.filter(row => isOverdue(deals, row));
  const losses = lossTable(deals, rows);
  return {
    answer: sentence('value.answer', { n: open.length, number: leadingDeals(open, { open: '' }),
      usd: worthText(deals, open), overdue: leadingDeals(overdue, { overdue: '' }),
      overdue_usd: worthText(deals, overdue) }),
    body: [
      unfilteredText(deals) && paragraph(unfilteredText(deals)),
      open.length > 0 && heading(say('value.pipeline')),
      open.length > 0 && pipelineTable(deals, open),
      heading(say('value.win_rates')), winRateTable(deals, rows),
      losses && heading(say('value.losses')), losses,
    ],
  };
}
