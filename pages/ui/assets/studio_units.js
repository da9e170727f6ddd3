export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const list = parentElement.querySelector('.units');
  const focused = list.getRootNode().activeElement;
  const held = focused && list.contains(focused) ? focused : null;
  const was = held ? [...list.children].indexOf(held.closest('li')) : -1;
  list.replaceChildren(
    ...data.units.map((unit, place) => {
      const row = document.createElement('li');
      const name = document.createElement('span');
      name.className = 'name';
      name.textContent = name.title = unit;
      row.append(name);
      for (const [move, sign, words, off] of [
        ['up', '↑', 'Move up', place === 0],
        ['down', '↓', 'Move down', place === data.units.length - 1],
        ['remove', '×', 'Remove', false],
      ]) {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = sign;
        button.disabled = off;
        button.dataset.move = move;
        button.dataset.unit = unit;
        button.title = words;
        button.setAttribute('aria-label', `${words}: ${unit}`);
        button.onclick = () => setTriggerValue('move', { move, place, unit });
        row.append(button);
      }
      return row;
    }),
  );
  if (!held || !list.children.length) return;
  // the same button; where it is off now, one beside it; where its unit is gone, that of the next unit
  const same = [...list.children].find((row) => row.lastChild.dataset.unit === held.dataset.unit);
  const row = same || list.children[Math.min(was, list.children.length - 1)];
  const buttons = [...row.querySelectorAll('button:not(:disabled)')];
  (buttons.find((b) => b.dataset.move === held.dataset.move) || buttons[0]).focus();
}
