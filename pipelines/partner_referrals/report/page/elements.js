// Elements of the page, made from values.

const find = selector => document.querySelector(selector);

// Names come from outside: they are text here, never markup.
function make(tag, { className = '', ...properties } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, content] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'scope') node.setAttribute(name, content);
    else node[name] = content;
  }
  node.append(...children.flat().filter(child => child !== null && child !== false));
  return node;
}

function drawn(tag, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, content] of Object.entries(attributes)) node.setAttribute(name, content);
  node.append(...children);
  return node;
}

// A number that leads to its referrals or deals; 0 leads nowhere.
function leading(number, conditions, text = count(number), population = 'referrals') {
  if (!number) return text;
  return make('button', { className: 'lead', type: 'button',
    'data-show': JSON.stringify({ population, ...conditions }) }, text);
}

// Names may run from right to left; each does so by itself.
const name = text => make('bdi', {}, isNone(text) ? NONE : text);

// Cells are texts or nodes. Columns: title, isNumber, isWide (a bar).
function table(caption, columns, rows) {
  const cell = (content, place) => {
    const { isNumber, isWide } = columns[place];
    const className = isNumber ? 'number' : isWide ? 'wide' : '';
    const shown = isNone(content) ? NONE : content;
    return place === 0
      ? make('th', { scope: 'row', className }, shown)
      : make('td', { className }, shown);
  };
  return make('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': caption },
    make('table', {},
      make('caption', { className: 'unseen' }, caption),
      make('thead', {}, make('tr', {}, columns.map(({ title, isNumber, isWide }) =>
        make('th', { scope: 'col', className: isNumber ? 'number' : isWide ? 'wide' : '' }, title)))),
      make('tbody', {}, rows.map(row => make('tr', {}, row.map(cell))))));
}
const text = title => ({ title });
const number = title => ({ title, isNumber: true });
const wide = title => ({ title, isWide: true });

// A bar of parts: each a share of the whole width and a class. It repeats the row's numbers.
function bar(parts, marks = []) {
  return make('span', { className: 'bar', 'aria-hidden': 'true' },
    parts.map(([share, className = '']) => sized('span', className, { width: share })),
    marks.map(([place, className, width = 0]) => sized('i', className, { left: place, width })));
}
function sized(tag, className, shares) {
  const node = make(tag, { className });
  for (const [side, share] of Object.entries(shares)) {
    if (share || side === 'left') node.style[side] = `${Math.max(0, Math.min(1, share)) * 100}%`;
  }
  return node;
}

const key = items => make('p', { className: 'key' }, items.map(([className, label]) =>
  make('span', {}, make('i', { className, 'aria-hidden': 'true' }), label)));
const paragraph = (...content) => make('p', {}, content);
const heading = title => make('h3', {}, title);
const behind = (summary, ...content) => make('details', {}, make('summary', {}, summary), content);
