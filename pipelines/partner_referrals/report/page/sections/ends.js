// Where do referrals end?

const OUTCOMES = ['won', 'lost', 'declined', 'expired', 'missed', 'skipped', 'archived'];
const SHOWN_VALUES = 12;

const outcomesOf = counts => [...OUTCOMES, 'open'].filter(each => counts[each]);

function outcomeTable(caption, title, groups, names) {
  const rows = groups.map(({ label, counts, total, conditions }) => [
    label, leading(total, conditions),
    bar(names.map(each => [counts[each] / total, `outcome ${each}`])),
    ...names.map(each => leading(counts[each], { ...conditions, outcome: each })),
  ]);
  return table(caption, [text(title), number(capital(words('created'))), wide(say('column.shares')),
    ...names.map(each => number(capital(words(each))))], rows);
}

// The segments that can be told apart: those with more than one value among the rows.
function segmentGroups(table_, rows) {
  return FILTERS.map(kind => ({ kind, groups: Map.groupBy(rows, row => table_[kind][row]) }))
    .filter(({ groups }) => groups.size > 1)
    .map(({ kind, groups }) => ({ kind, groups: ordered(kind, [...groups].map(([code, them]) => {
      const text_ = code < 0 ? null : table_[kind].values[code];
      return { text: text_, label: name(valueName(kind, text_)), rows: them,
        conditions: { [kind]: text_ ?? MISSING } };
    })) }));
}

// Sizes from small to large, all else from many to few.
function ordered(kind, groups) {
  const sizes = facts.org_sizes;
  const place = ({ text: text_ }) => (sizes.includes(text_) ? sizes.indexOf(text_) : sizes.length);
  return groups.sort((one, other) => other.rows.length - one.rows.length).slice(0, SHOWN_VALUES)
    .sort(kind === 'customer_org_size' ? (one, other) => place(one) - place(other) : () => 0)
    .map(each => Object.assign(each, { valueCount: groups.length }));
}

const cutNote = groups => groups[0].valueCount > groups.length &&
  paragraph(say('segment.cut', { n: groups.length, all: groups[0].valueCount }));

function endsSection(table_, rows) {
  const all = outcomeCounts(table_, rows);
  const names = outcomesOf(all);
  const group = (label, them, conditions) =>
    ({ label, counts: outcomeCounts(table_, them), total: them.length, conditions });
  const byMonth = [...Map.groupBy(rows, row => table_.created_month[row])]
    .filter(([month]) => month !== NO_DAY && month > facts.last_month - 24)
    .sort(([one], [other]) => other - one)
    .map(([month, them]) => group(monthName(month), them, { created: month }));
  const shares = names.map(each => say('ends.part', { what: words(each),
    count: count(all[each]), share: rows.length < FEW ? '' : ` (${percent(all[each] / rows.length)})` }));
  return {
    answer: say('ends.answer', { n: rows.length, parts: list(shares) }),
    body: [
      key(names.map(each => [`outcome ${each}`, capital(words(each))])),
      outcomeTable(say('ends.all'), '', [group(say('ends.all'), rows, {})], names),
      ...segmentGroups(table_, rows).flatMap(({ kind, groups }) => [
        heading(say(`segment.${kind}`)),
        outcomeTable(say(`segment.${kind}`), say(`segment.${kind}`),
          groups.map(each => group(each.label, each.rows, each.conditions)), names),
        cutNote(groups)]),
      byMonth.length > 1 && heading(say('ends.months')),
      byMonth.length > 1 && outcomeTable(say('ends.months'), say('column.month'), byMonth, names),
    ],
  };
}
