// What has to be done now?

const SHOWN_TODAY = 15;

function urgentRows(table_, rows) {
  const next = row => {
    const expiry = table_.expires_at[row];
    const due = table_.answer_due_at[row];
    return Math.min(...[expiry, due].filter(each => each >= asOf), Infinity);
  };
  const open = rows.filter(row => table_.outcome[row] === OPEN);
  const running = open.map(row => [next(row), row]).filter(([at]) => at < Infinity)
    .sort(([one, oneRow], [other, otherRow]) => one - other || oneRow - otherRow);
  return running;
}

function todaySection(table_, rows, deals) {
  const open = rows.filter(row => table_.outcome[row] === OPEN);
  const running = urgentRows(table_, open);
  const number_ = test => howMany(open, test);
  const expiring = number_(row => urgencyOf(table_, row) === 'expiring');
  const overdue = number_(row => urgencyOf(table_, row) === 'overdue');
  const slow = number_(row => isSlow(table_, row));
  const said = [];
  if (running.length) {
    const [at, row] = running[0];
    said.push(sentence('today.next', { when: moment(at), what: deadlineName(table_, row, at) }));
  }
  said.push(expiring
    ? sentence('today.expiring', { n: expiring, number: leading(expiring, { urgency: 'expiring' }) })
    : sentence('today.none'));
  const due = number_(row => isDueSoon(table_, row));
  if (due) said.push(sentence('today.answers', { n: due, number: leading(due, { due: '' }) }));
  if (overdue) {
    said.push(sentence('today.overdue', { n: overdue, number: leading(overdue, { urgency: 'overdue' }) }));
  }
  // Of fewer than ten that closed, nine in ten is no measure.
  const closed = howMany(Array(table_.row_count).keys(), row => table_.stage[row] >= 2 &&
    table_.outcome[row] !== OPEN);
  if (slow && closed >= FEW) said.push(sentence('today.slow', { n: slow, number: leading(slow, { slow: '' }) }));
  const late = howMany(deals.rows, row => isOverdue(deals.table, row));
  if (late) {
    said.push([...sentence('today.deals', { n: late, number: leading(late, { overdue: '' }, undefined, 'deals') }),
      ' ', unfilteredText(deals.table)]);
  }
  const shown = running.slice(0, SHOWN_TODAY).map(([at, row]) => [
    moment(at), deadlineName(table_, row, at), name(listedText(table_.customer_name, row)),
    valueName('customer_market', value(table_.customer_market, row)),
    dateName(table_.created_on[row]), name(listedText(table_.referral_id, row)),
  ]);
  return {
    answer: make('ul', { className: 'todo' }, said.map(each => make('li', {}, each))),
    body: shown.length ? [
      table(say('today.table'), [text(say('column.until')), text(say('column.what')),
        text(say('column.customer')), text(say('segment.customer_market')),
        text(say('column.created')), text(say('column.referral'))], shown),
      running.length > shown.length &&
        paragraph(say('today.more', { n: shown.length, all: running.length })),
    ] : [],
  };
}

const listedText = (column, row) => (row < column.length ? column[row] : say('value.unlisted'));

function deadlineName(table_, row, at) {
  return at === table_.expires_at[row] ? say('deadline.expires') : say('deadline.answer');
}
