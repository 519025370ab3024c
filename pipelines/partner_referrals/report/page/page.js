// Puts the page together, and again for each choice.

const SECTIONS = {
  today: todaySection,
  standing: standingSection,
  ends: endsSection,
  funnel: funnelSection,
  wins: winsSection,
  value: (table_, rows, deals) => valueSection(deals),
  forecast: forecastSection,
  curve: curveSection,
  cohorts: cohortsSection,
  respond: respondSection,
  steps: stepsSection,
  open: openSection,
  trust: trustSection,
};

let populations = null;
let drawnFor = null;

function drawSection(id, table_, rows) {
  const section = document.getElementById(id);
  const { answer = [], body = [], isHidden = false } = SECTIONS[id](table_, rows, populations.deals);
  section.hidden = isHidden;
  section.querySelector('.answer').replaceChildren(...[answer].flat());
  section.querySelector('.body').replaceChildren(...[body].flat().filter(Boolean));
}

function drawBanners(referrals, rows) {
  const banners = [
    !rows.length && (referrals.row_count ? say('banner.none.chosen') : say('banner.none')),
    rows.length > 0 && rows.length < FEW && say('banner.few', { n: rows.length }),
    facts.is_reconciled === false && say('banner.unreconciled'),
  ].filter(Boolean);
  find('#banners').replaceChildren(...banners.map(each => make('p', { className: 'banner' }, each)));
}

function draw() {
  const { show, ...chosen } = readAddress();
  const filter = String(new URLSearchParams(chosen));
  if (filter !== drawnFor) {
    for (const each of Object.values(populations)) each.rows = chosenRows(each.table);
    const { table: referrals, rows } = populations.referrals;
    showFilters();
    find('#chosen').textContent = say('count.referrals', { n: rows.length });
    drawBanners(referrals, rows);
    find('main').hidden = !rows.length;
    if (rows.length) for (const id of Object.keys(SECTIONS)) drawSection(id, referrals, rows);
    drawnFor = filter;
    document.documentElement.dataset.drawn = filter || 'all';
  }
  if (show) openListing(readShown(show), populations);
  else if (find('#listing').open) find('#listing').close();
}

function readShown(show) {
  try {
    return JSON.parse(show) ?? {};
  } catch {
    return {};
  }
}

function onAddress() {
  draw();
}

async function start() {
  const [referrals, deals] = await Promise.all([report.referrals, report.deals].map(unpack));
  prepare(referrals, referrals.furthest_stage);
  prepare(deals, deals.current_stage);
  populations = {
    referrals: { table: referrals, rows: null, columns: referralColumns, cap: referrals.referral_id.length },
    deals: { table: deals, rows: null, columns: dealColumns, cap: deals.deal_id.length },
  };
  readyListing();
  if (referrals.row_count) {
    fillFilters(referrals);
    find('#filters').hidden = false;
  } else find('#filters form').append(make('output', { id: 'chosen' }));
  addEventListener('popstate', onAddress);
  addEventListener('hashchange', onAddress);
  draw();
}

start();
