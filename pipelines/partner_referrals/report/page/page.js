// Puts the page together, and again for each choice.

const SECTIONS = {
  today: todaySection,
  standing: standingSection,
  ends: endsSection,
  funnel: funnelSection,
  wins: winsSection,
  curve: curveSection,
  cohorts: cohortsSection,
  respond: respondSection,
  steps: stepsSection,
  open: openSection,
  trust: trustSection,
};

let referrals = null;
let populations = null;
let drawnFor = null;

function drawSection(id, table_, rows) {
  const section = document.getElementById(id);
  const { answer = [], body = [], isHidden = false } = SECTIONS[id](table_, rows);
  section.hidden = isHidden;
  section.querySelector('.answer').replaceChildren(...[answer].flat());
  section.querySelector('.body').replaceChildren(...[body].flat().filter(Boolean));
}

function drawBanners(rows) {
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
    const rows = chosenRows(referrals);
    populations.referrals.rows = rows;
    showFilters();
    find('#chosen').textContent = say('count.referrals', { n: rows.length });
    drawBanners(rows);
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
    return JSON.parse(show);
  } catch {
    return { population: 'referrals' };
  }
}

function onAddress() {
  draw();
}

async function start() {
  referrals = prepare(await unpack(report.referrals));
  populations = { referrals: { table: referrals, rows: null, columns: listedColumns,
    cap: referrals.referral_id.length } };
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
