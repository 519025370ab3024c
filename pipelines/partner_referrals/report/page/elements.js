// Elements of the page, made from values.

const find = selector => document.querySelector(selector);

// Names come from outside: they are text here, never markup.
function make(tag, { className = '', ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function shown(value) {
  if (value === null || value === undefined) return '–';
  return typeof value === 'number' ? percent(value) : value;
}

function makeTable(rows, columns) {
  const cell = (tag, { isNumber, className = '' }, content) =>
    make(tag, { className: `${isNumber ? 'number ' : ''}${className}` }, content);
  const line = (tag, content) =>
    make('tr', {}, ...columns.map(each => cell(tag, each, content(each))));
  return make('table', {},
    make('thead', {}, line('th', each => each.title)),
    make('tbody', {}, ...rows.map(row => line('td', each => shown(each.of(row))))));
}

// Columns of a table; a number is a rate unless it is already words.
const number = (title, of) => ({ title, of, isNumber: true });
const text = (title, of) => ({ title, of, isNumber: false });
