// Puts the page together, and again for each segment that is chosen.

const SECTIONS = {
  funnel: funnelSection,
  trend: trendSection,
  cohorts: cohortsSection,
  wins: winsSection,
  curves: curvesSection,
  respond: segment => durationSection('responded', 'responded to', segment),
  accept: segment => durationSection('accepted', 'accepted', segment),
  open: openSection,
};

const VEGA_OPTIONS = {
  mode: 'vega-lite',
  actions: false,
  // Interpreted: compiling expressions needs eval, which the content security policy forbids.
  ast: true,
  defaultStyle: false,
  renderer: 'svg',
  tooltip: { theme: 'plain' },
};
const views = [];

async function drawCharts(holder, charts, label) {
  const drawn = charts.map(({ caption, isChosen, spec }) => {
    const place = make('div', { role: 'img', ariaLabel: caption ?? label });
    const figure = make('figure', { className: isChosen ? 'is-chosen' : '' }, place);
    if (caption) figure.prepend(make('figcaption', { title: caption }, caption));
    return { figure, place, spec };
  });
  holder.replaceChildren(...drawn.map(({ figure }) => figure));
  views.push(...await Promise.all(
    drawn.map(({ place, spec }) => vegaEmbed(place, spec, VEGA_OPTIONS))));
}

async function drawSection(id, segment) {
  const { answer = '', charts = [], groups = [], tables = [], nothing } = SECTIONS[id](segment);
  const section = document.getElementById(id);
  const holder = section.querySelector('.charts');
  section.querySelector('.answer').textContent = answer;
  await drawCharts(holder, charts, `${section.querySelector('h2').textContent} ${answer}`);
  if (nothing) holder.replaceChildren(make('p', { className: 'nothing' }, nothing));
  const smalls = groups.map(() => make('div', { className: 'charts small' }));
  section.querySelector('.groups')?.replaceChildren(
    ...groups.flatMap(([title], place) => [make('h3', {}, title), smalls[place]]));
  for (const [place, [title, group]] of groups.entries()) {
    await drawCharts(smalls[place], group, title);
  }
  for (const part of section.querySelectorAll('.note, details')) part.hidden = Boolean(nothing);
  section.querySelector('details').replaceChildren(
    make('summary', {}, 'As a table'),
    ...tables.map(table => make('div', {}, makeTable(...table))));
}

function drawTiles(segment) {
  find('#tiles').replaceChildren(...tilesOf(segment).map(({ title, figure, note, difference }) =>
    make('div', { className: 'tile' },
      make('h2', {}, title),
      make('strong', {}, figure),
      make('p', {}, make('b', {}, difference), difference ? ' ' : '', note))));
}

const asOf = report.as_of ? ` as of ${dateAndTime(report.as_of)}` : '';

function bannersOf(segment) {
  const few = segment.created_count;
  return [
    !few && `There are no referrals${asOf}, so there is nothing to draw.`,
    few > 0 && isFew(segment) &&
      `There ${few === 1 ? 'is only one referral' : `are only ${few} referrals`} here. ` +
      'Shares and rates of so few say nothing, so only counts are shown.',
    fresh.is_reconciled === false && 'At the last load Partner Center’s own counts differed from ' +
      'these. Load again before you rely on small differences.',
  ].filter(Boolean);
}

async function draw(segment) {
  const size = plural(segment.created_count, 'referral', 'referrals');
  find('#chosen').textContent =
    segment === all ? size : `${SEGMENTS[segment.segment]} ${segmentName(segment)}: ${size}`;
  find('#banners').replaceChildren(
    ...bannersOf(segment).map(banner => make('p', { className: 'banner' }, banner)));
  drawTrust(segment);
  if (all.created_count) {
    drawTiles(segment);
    drawFirst(segment);
    for (const view of views.splice(0)) view.finalize();
    for (const id of Object.keys(SECTIONS)) await drawSection(id, segment);
  }
  document.documentElement.dataset.drawn = segment.segment_id;
}

function fillChooser() {
  const chooser = find('#segment');
  for (const [kind, name] of Object.entries(SEGMENTS)) {
    const them = segments.filter(one => one.segment === kind);
    const options = them.map(one => make('option', { value: one.segment_id },
      `${segmentName(one)} (${count(one.created_count)})`));
    const isCut = them[0]?.value_count > them.length;
    const label = isCut ? `${name} (${them.length} largest of ${them[0].value_count})` : name;
    if (kind === 'all') chooser.append(...options);
    else if (options.length) chooser.append(make('optgroup', { label }, ...options));
  }
  // One after the other, so that a quick second choice cannot mix with the first.
  let drawing = draw(all);
  chooser.addEventListener('change', () => {
    drawing = drawing.then(() => draw(segments[chooser.value]));
  });
}

document.title = `Partner referrals${asOf}`;
find('#scope').textContent = `${plural(all.created_count, 'referral', 'referrals')}${asOf}.` +
  (report.is_anonymous ? ' Customers appear by number.' : '');
find('#figures').hidden = find('#chooser').hidden = !all.created_count;
fillChooser();
