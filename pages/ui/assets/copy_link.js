// navigator.clipboard exists on https and on localhost only; the old way serves plain http elsewhere.
// Focus left in a picker or a number would swallow the arrow keys, so a page may ask to release it.
export default function (component) {
  const { data, parentElement } = component;
  const button = parentElement.querySelector('.copy');
  const words = parentElement.querySelector('.words');
  const target = new URL(data.link, window.location.href).href;
  if (data.release && button.dataset.link && button.dataset.link !== target) {
    const active = document.activeElement;
    // a slider that keys move stays theirs; one that was dragged doesn't
    const keyed = active?.closest('[data-testid="stSlider"]') && button.dataset.keyed;
    if (active && active !== document.body && !keyed && !active.closest('[data-testid="stDataFrame"]'))
      active.blur();
  }
  button.dataset.link = target;
  const note = (event) => {
    button.dataset.keyed = event.type === 'keydown' ? 'yes' : '';
  };
  for (const kind of ['keydown', 'pointerdown']) document.addEventListener(kind, note, true);
  const told = parentElement.querySelector('.told');
  told.hidden = true;
  told.textContent = data.note;
  button.title = ['Copy a link to everything that this page shows.', data.note].filter(Boolean).join(' ');
  let timer = null;
  const say = (text) => {
    words.textContent = text;
    clearTimeout(timer);
    told.hidden = !data.note;
    timer = setTimeout(
      () => {
        words.textContent = 'Copy link';
        told.hidden = true;
      },
      data.note ? 9000 : 2500,
    );
  };
  const oldWay = () => {
    const area = document.createElement('textarea');
    area.value = target;
    document.body.appendChild(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  };
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(target);
      say('Link copied');
    } catch (_error) {
      say(oldWay() ? 'Link copied' : 'Copying is blocked');
    }
  };
  return () => {
    clearTimeout(timer);
    button.onclick = null;
    for (const kind of ['keydown', 'pointerdown']) document.removeEventListener(kind, note, true);
  };
}
