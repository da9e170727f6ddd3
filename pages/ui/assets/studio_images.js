export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector('.choice');
  const focused = root.getRootNode().activeElement;
  const held = focused && root.contains(focused) ? focused : null;
  const pictures = (section) => [...section.querySelectorAll('.pic')];
  const own = (element) => element.closest('figure').querySelector('.pic');
  const at = held
    ? {
        bucket: held.closest('section').dataset.bucket,
        place: pictures(held.closest('section')).indexOf(own(held)),
      }
    : null;
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  const say = (what, row, shot) => setTriggerValue('act', { what, bucket: row.bucket, image: shot.image });
  const figure = (row, shot) => {
    const place = make('figure', shot.waiting ? 'waiting' : '');
    const picture = make('button', data.small ? 'pic px' : 'pic');
    picture.type = 'button';
    picture.dataset.id = `pic ${shot.image}`;
    picture.tabIndex = -1;
    picture.title = shot.title;
    const image = make('img');
    image.src = shot.src;
    image.alt = '';
    picture.append(image);
    const caption = make('div', 'row');
    if (row.out) {
      picture.setAttribute('aria-label', `Bring back ${shot.words}`);
      picture.onclick = () => say('back', row, shot);
      caption.append(make('span', '', shot.value));
    } else {
      picture.setAttribute('aria-pressed', shot.pinned ? 'true' : 'false');
      picture.setAttribute(
        'aria-label',
        `${shot.pinned ? 'Unpin' : 'Pin'} ${shot.words}${shot.waiting ? ', waiting' : ''}`,
      );
      picture.onclick = () => say(shot.pinned ? 'unpin' : 'pin', row, shot);
      caption.append(make('span', '', shot.value));
      if (shot.pinned) caption.append(make('span', 'mark', 'pin'));
      if (!shot.waiting) {
        const out = make('button', 'out', '×');
        out.type = 'button';
        out.dataset.id = `out ${shot.image}`;
        out.tabIndex = -1;
        out.title = 'Leave this image out';
        out.setAttribute('aria-label', `Leave out ${shot.words}`);
        out.onclick = () => say('out', row, shot);
        caption.append(out);
      }
    }
    place.append(picture, caption);
    return place;
  };
  root.replaceChildren(
    ...data.rows.map((row) => {
      const section = make('section');
      section.dataset.bucket = row.bucket;
      section.setAttribute('role', 'group');
      section.setAttribute('aria-label', `${row.title}, ${row.note}`);
      const head = make('div');
      head.append(make('h4', '', row.title), make('p', '', row.note));
      const shots = make('div', 'shots');
      row.shots.forEach((shot, n) => {
        if (shot.waiting && (!n || !row.shots[n - 1].waiting)) shots.append(make('div', 'gap'));
        shots.append(figure(row, shot));
      });
      section.append(head, shots);
      return section;
    }),
  );
  // each row is one stop of the Tab key, and the × of its image another; arrows go to the images beside it
  const stop = (picture) => {
    const figures = [...picture.closest('.shots').querySelectorAll('figure')];
    for (const figure of figures) {
      for (const button of figure.querySelectorAll('button'))
        button.tabIndex = figure.contains(picture) ? 0 : -1;
    }
  };
  for (const section of root.children) {
    if (pictures(section).length) stop(pictures(section)[0]);
  }
  root.onkeydown = (event) => {
    const button = event.target.closest('button');
    if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
    const picture = own(button),
      row = pictures(picture.closest('section')),
      place = row.indexOf(picture);
    if (event.key === 'Delete') {
      const out = picture.closest('figure').querySelector('.out');
      if (out) {
        event.preventDefault();
        out.focus();
        out.click();
      }
      return;
    }
    const rows = [...root.children].filter((section) => pictures(section).length);
    const beside = (step) => {
      const other = rows[rows.indexOf(picture.closest('section')) + step];
      return other ? pictures(other)[Math.min(place, pictures(other).length - 1)] : null;
    };
    const to = {
      ArrowRight: () => row[place + 1],
      ArrowLeft: () => row[place - 1],
      Home: () => row[0],
      End: () => row[row.length - 1],
      ArrowDown: () => beside(1),
      ArrowUp: () => beside(-1),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    const next = to();
    if (next) {
      stop(next);
      next.focus();
    }
  };
  if (!held) return;
  // the same button; where its image is gone from the row, that of the image which took its place
  const section = [...root.children].find((row) => row.dataset.bucket === at.bucket);
  const row = section ? pictures(section) : [];
  let again = [...(row.length ? section : root).querySelectorAll('button')].find(
    (b) => b.dataset.id === held.dataset.id,
  );
  if (!again) {
    const last = row.length ? row : [...root.querySelectorAll('.pic')];
    const next = last[Math.min(row.length ? at.place : last.length - 1, last.length - 1)];
    if (!next) return;
    again = (held.className === 'out' && next.closest('figure').querySelector('.out')) || next;
  }
  stop(own(again));
  again.focus();
}
