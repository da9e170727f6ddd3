// The DOM is made anew only where the images are others (another token); a choice changes marks alone,
// and shows at once in all columns, before the server knows of it. Each column is one stop of the Tab
// key.
class Columns {
  constructor(root) {
    this.grid = root.querySelector('.columns');
    this.said = root.querySelector('.said');
    this.token = null;
    this.grid.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (button) this.choose(button.dataset.key === this.chosen ? '' : button.dataset.key, button);
    });
    this.grid.addEventListener('keydown', (event) => this.key(event));
  }

  update(data, setTriggerValue) {
    this.send = setTriggerValue;
    if (data.token !== this.token) {
      if (!data.images) {
        setTriggerValue('need', data.token);
        return;
      }
      this.draw(data);
      this.token = data.token;
    }
    this.chosen = data.chosen;
    this.mark();
  }

  draw(data) {
    const make = (kind, className, text) => {
      const element = document.createElement(kind);
      if (className) element.className = className;
      if (text) element.textContent = text;
      return element;
    };
    this.grid.replaceChildren();
    this.grid.style.gridTemplateColumns = `repeat(${Math.max(2, data.columns.length)}, minmax(0, 1fr))`;
    this.grid.style.setProperty('--w', data.columns.length > 2 ? '48px' : '54px');
    data.columns.forEach((column, number) => {
      const place = (element, row) => {
        element.style.gridColumn = number + 1;
        element.style.gridRow = row;
        this.grid.append(element);
      };
      const head = make('div', 'head', `${column.title} `);
      head.append(make('small', '', [column.method, column.note].filter(Boolean).join('; ')));
      place(head, '1');
      for (const cell of column.cells) {
        const section = make('section', 'cell');
        section.dataset.column = number;
        section.setAttribute('aria-label', `${column.title}, ${cell.title}`);
        const title = make('h4', '', `${cell.title} `);
        title.append(make('small', '', cell.note));
        const shots = make('div', 'shots');
        for (const [index, value] of cell.items) {
          const button = make('button'),
            image = make('img', data.small[index] ? 'px' : '');
          button.type = 'button';
          button.tabIndex = -1;
          button.dataset.key = data.keys[index];
          button.dataset.column = number;
          button.title = `${data.labels[index]}, activation ${value}\n${data.keys[index]}`;
          image.src = data.images[index];
          image.alt = `${data.labels[index]}, activation ${value}, ${column.title}`;
          button.append(image, make('span', '', value));
          shots.append(button);
        }
        section.append(title, shots);
        const at = data.rows.indexOf(cell.row);
        place(section, at < 0 ? `2 / span ${Math.max(1, data.rows.length)}` : String(at + 2));
      }
    });
  }

  in(column) {
    return [...this.grid.querySelectorAll(`button[data-column="${column}"]`)];
  }

  mark() {
    const columns = new Set();
    for (const button of this.grid.querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(this.chosen !== '' && button.dataset.key === this.chosen));
      button.tabIndex = -1;
      columns.add(button.dataset.column);
    }
    const focused = this.grid.getRootNode().activeElement;
    for (const column of columns) {
      const own = this.in(column);
      (
        own.find((b) => b === focused) ||
        own.find((b) => b.getAttribute('aria-pressed') === 'true') ||
        own[0]
      ).tabIndex = 0;
    }
  }

  choose(key, button) {
    this.chosen = key;
    this.mark();
    this.said.textContent = key
      ? `Highlighted in every column: ${button ? button.title : key}`
      : 'Nothing is highlighted';
    this.send('chosen', key);
  }

  key(event) {
    const button = event.target.closest('button');
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Escape' && this.chosen) {
      this.choose('');
      event.stopPropagation();
      return;
    }
    if (!button) return;
    const to = this.beside(button, event.key);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (to) {
      button.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    }
  }

  beside(button, key) {
    const own = this.in(button.dataset.column),
      at = own.indexOf(button);
    const box = button.getBoundingClientRect();
    if (key === 'ArrowRight') return own[at + 1] || null;
    if (key === 'ArrowLeft') return own[at - 1] || null;
    if (key === 'Home') return own[0];
    if (key === 'End') return own[own.length - 1];
    if (key !== 'ArrowDown' && key !== 'ArrowUp') return undefined;
    const far = (b) => {
      const r = b.getBoundingClientRect();
      return [Math.abs(r.top - box.top), Math.abs(r.left - box.left)];
    };
    const side = own.filter((b) => {
      const top = b.getBoundingClientRect().top;
      return key === 'ArrowDown' ? top > box.top + 8 : top < box.top - 8;
    });
    return (
      side.sort((a, b) => {
        const x = far(a),
          y = far(b);
        return x[0] - y[0] || x[1] - y[1];
      })[0] || null
    );
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const grid = parentElement.querySelector('.columns');
  grid.owner = grid.owner || new Columns(parentElement);
  grid.owner.update(data, setTriggerValue);
}
