// Texts of the store are set as text, never as HTML.
const make = (kind, words, name) => {
  const element = document.createElement(kind);
  if (words) element.textContent = words;
  if (name) element.className = name;
  return element;
};

const head = (column, sort) => {
  const cell = make('th', '', column.number ? 'number' : '');
  cell.scope = 'col';
  if (column.order) cell.setAttribute('aria-sort', column.order);
  if (column.width) cell.style.width = column.width;
  const arrow = { ascending: ' ↑', descending: ' ↓' }[column.order] || '';
  const button = make('button', column.title + arrow);
  button.type = 'button';
  button.title =
    column.help + (column.order ? `. Sorted: ${column.words}` : '. A click sorts all units by it');
  button.dataset.stop = `head ${column.name}`;
  button.onclick = () => sort(column.name);
  cell.append(button);
  return cell;
};

const fill = (cell, column, what, row) => {
  if (column.name === 'unit') {
    const link = make('a', `${row.layer} · ${row.unit}`);
    link.href = new URL(row.link, window.location.href).href;
    link.dataset.stop = `row ${row.layer} ${row.unit}`;
    cell.append(link);
    if (row.name) cell.append(make('span', row.name, 'small'));
  } else if (column.name === 'explanation') {
    const line = make('span', what.text || what.why, what.text ? 'line' : 'line why');
    line.title = what.text || what.why;
    cell.append(line);
    if (row.elsewhere) cell.append(make('span', row.elsewhere, 'small'));
  } else {
    if (what.below) cell.append(make('span', what.below, 'small'));
    cell.append(make('span', what.text || '–'));
    if (what.why) cell.title = what.why;
    if (what.share !== undefined) {
      const bar = make('div', '', 'bar'),
        part = make('i');
      part.style.width = `${Math.max(0, Math.min(1, what.share)) * 100}%`;
      bar.append(part);
      cell.append(bar);
    }
  }
};

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const box = parentElement.querySelector('.box');
  const table = box.querySelector('table');
  const root = box.getRootNode();
  const stop = root.activeElement?.dataset ? root.activeElement.dataset.stop : null;
  box.style.setProperty('--accent', data.accent);
  table.setAttribute('aria-label', data.label);
  const heads = make('tr');
  for (const column of data.columns) heads.append(head(column, (name) => setTriggerValue('sort', name)));
  table.querySelector('thead').replaceChildren(heads);
  const rows = data.rows.map((row) => {
    const line = make('tr');
    data.columns.forEach((column, place) => {
      const cell = make('td', '', column.number ? 'number' : '');
      fill(cell, column, row.cells[place], row);
      line.append(cell);
    });
    const link = line.querySelector('a');
    const open = () => setTriggerValue('open', { layer: row.layer, unit: row.unit });
    link.onclick = (event) => {
      event.stopPropagation();
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open();
    };
    line.onclick = (event) => {
      if (event.ctrlKey || event.metaKey) window.open(link.href);
      else if (!String(window.getSelection())) open();
    };
    return line;
  });
  table.querySelector('tbody').replaceChildren(...rows);
  if (box.dataset.page !== data.page) box.scrollTop = 0;
  box.dataset.page = data.page;

  // one stop for the tab key; arrows go from row to row
  const linksOf = [...table.querySelectorAll('tbody a')];
  const rest = (at) =>
    linksOf.forEach((link, place) => {
      link.tabIndex = place === at ? 0 : -1;
    });
  rest(0);
  table.querySelector('tbody').onkeydown = (event) => {
    const at = linksOf.indexOf(event.target);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: linksOf.length - 1,
      PageDown: at + 10,
      PageUp: at - 10,
    }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = Math.max(0, Math.min(linksOf.length - 1, to));
    rest(next);
    linksOf[next].focus();
    linksOf[next].scrollIntoView({ block: 'nearest' });
  };
  if (stop) {
    const again = [...table.querySelectorAll('[data-stop]')].find((element) => element.dataset.stop === stop);
    if (again) {
      if (again.tagName === 'A') rest(linksOf.indexOf(again));
      again.focus({ preventScroll: true });
    }
  }
}
