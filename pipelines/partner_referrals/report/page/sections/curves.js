// How likely is a new referral to be won?

// Rows: line (a key of lines), day, rate; lines: [key, name, colour, dash].
function curveChart(rows, lines, { height, top, isSmall }) {
  const x = quantity('day', [0, 365], {
    values: isSmall ? [0, 180, 365] : [0, 30, 60, 90, 180, 270, 365],
    title: isSmall ? null : 'days since creation',
  });
  const y = quantity('rate', [0, top], { ...PERCENT_AXIS, tickCount: isSmall ? 2 : 5 });
  const drawn = lines.map(([key, , color, dash]) => ({
    transform: [{ filter: { field: 'line', equal: key } }],
    mark: { type: 'line', color, strokeDash: dash, strokeWidth: isSmall ? 2 : 2.5 },
    encoding: { x, y },
  }));
  const ends = lines.map(([key, name, color]) => ({
    transform: [{ filter: { and: [{ field: 'line', equal: key }, 'datum.is_last'] } }],
    mark: { type: 'text', align: 'right', dy: -9, color, fontWeight: 600, ...RIM },
    encoding: { x, y, text: { value: name } },
  }));
  const tips = isSmall ? [] : [{
    mark: { type: 'point', opacity: 0, size: 120, color: 'var(--accent)' },
    encoding: { x, y, tooltip: [tip('name', 'Line'), tip('day', 'Day'), tip('text', 'Share')] },
  }];
  return chart(rows, height, [...drawn, ...ends, ...tips]);
}

function curveLine(line, segment, field, name) {
  const rows = pick('curves', segment);
  return rows.map(row => ({
    line,
    name,
    day: row.day,
    rate: row[field],
    text: percent(row[field]),
    is_last: row === last(rows),
  }));
}

// Where a line ends: a young segment has not been watched for a year yet.
function curveEnd(segment, field) {
  const { day, [field]: rate } = last(pick('curves', segment));
  return `${percent(rate)}${day < 365 ? ` by day ${day}` : ''}`;
}

const hasCurve = segment => !isFew(segment) && pick('curves', segment).length > 1;

function smallCurve(segment, top) {
  return curveChart([
    ...curveLine('all', all, 'won_incidence', ''),
    ...curveLine('own', segment, 'won_incidence', ''),
  ], [
    ['all', '', 'var(--muted)', [3, 2]],
    ['own', '', 'var(--accent)', [1, 0]],
  ], { height: 70, top, isSmall: true });
}

function curvesSection(segment) {
  if (isFew(segment)) return { nothing: TOO_FEW };
  if (!hasCurve(segment)) return { nothing: 'Too few of them have been watched for long enough.' };
  const rows = pick('curves', segment);
  const won = (one, day) =>
    pick('curves', one).find(row => row.day === day)?.won_incidence ?? null;
  const said = [30, 90, 365].filter(day => won(segment, day) !== null)
    .map(day => `${percent(won(segment, day))} within ${day} days`);
  const groups = peers(segment, 4)
    .map(([kind, them]) => [kind, them.filter(hasCurve)])
    .filter(([, them]) => them.length);
  const shown = groups.flatMap(([, them]) => them);
  const ends = [all, ...shown].map(one => last(pick('curves', one)).won_incidence);
  const top = 1.25 * Math.max(0.05, ...ends);
  const closedEnd = `closed in any way, ${curveEnd(segment, 'closed_incidence')}`;
  return {
    answer: said.length ? `Won: ${list(said)}.` : '',
    charts: [{
      spec: curveChart([
        ...curveLine('closed', segment, 'closed_incidence', 'closed in any way'),
        ...curveLine('own', segment, 'won_incidence', 'won'),
      ], [
        ['closed', closedEnd, 'var(--muted)', [5, 3]],
        ['own', `won, ${curveEnd(segment, 'won_incidence')}`, 'var(--accent)', [1, 0]],
      ], { height: 260, top: 1.05, isSmall: false }),
    }],
    groups: groups.map(([kind, them]) => [
      `Won, by ${SEGMENTS[kind].toLowerCase()}; dashed: all referrals`,
      them.map(one => ({
        caption: `${shortName(one)} · ${curveEnd(one, 'won_incidence')}`,
        isChosen: one === segment,
        spec: smallCurve(one, top),
      })),
    ]),
    tables: [
      [rows.filter(row => row.day % 30 === 0 || row.day === 365), [
        number('Days', row => count(row.day)),
        number('Still watched', row => count(row.at_risk_count)),
        number('Won', row => row.won_incidence),
        number('Closed', row => row.closed_incidence),
      ]],
      [shown, [
        text('Segment', fullName),
        ...[30, 90, 365].map(day => number(`Won within ${day} days`, one => won(one, day))),
      ]],
    ],
  };
}
