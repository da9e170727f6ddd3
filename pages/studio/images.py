"""Which images a figure takes from each range: pin one, leave one out, bring it back."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import streamlit as st

from lexplain_core import figures
from lexplain_core.figures import print as prints
from pages.ui import links, shell
from pages.ui.text import md

WAITING = 6  # images of each range that are offered beside those shown

_HTML = '<div class="choice"></div>'
_CSS = """
.choice { font: inherit; color: var(--st-text-color); }
.choice section { display: grid; grid-template-columns: 8.5rem 1fr; gap: .2rem 1rem; padding: .45rem 0;
  border-top: 1px solid var(--st-border-color); align-items: start; }
.choice h4 { font-size: .92rem; margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.choice p { margin: .1rem 0 0; font-size: .85rem; opacity: .75; }
.choice .shots { display: flex; flex-wrap: wrap; gap: .4rem .5rem; }
.choice figure { margin: 0; width: 76px; position: relative; }
.choice .waiting { opacity: .5; }
.choice .waiting:focus-within, .choice .waiting:hover { opacity: 1; }
.choice .gap { width: 1px; align-self: stretch; background: var(--st-border-color); margin: 0 .25rem; }
.choice button { font: inherit; color: inherit; background: transparent; cursor: pointer; padding: 0; border: 2px solid transparent;
  border-radius: 5px; }
.choice .pic { display: block; width: 76px; height: 76px; overflow: hidden; }
.choice .pic img { width: 100%; height: 100%; object-fit: cover; display: block; border-radius: 3px; }
.choice .px img { image-rendering: pixelated; }
.choice .pic[aria-pressed=true] { border-color: var(--st-primary-color); }
.choice .pic:focus-visible, .choice .out:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.choice .pic:hover { border-color: var(--st-primary-color); }
.choice .row { display: flex; align-items: center; justify-content: space-between; flex-wrap: wrap; gap: 0 .2rem; font-size: .78rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.choice .out { font-size: .78rem; padding: 0 .3rem; min-height: 1.5rem; min-width: 1.5rem; }
.choice .out:hover { color: var(--st-primary-color); border-color: var(--st-primary-color); }
.choice .mark { font-size: .74rem; color: var(--st-primary-color); font-weight: 600; }
"""
_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector('.choice');
  const focused = root.getRootNode().activeElement;
  const held = focused && root.contains(focused) ? focused : null;
  const pictures = (section) => [...section.querySelectorAll('.pic')];
  const own = (element) => element.closest('figure').querySelector('.pic');
  const at = held ? { bucket: held.closest('section').dataset.bucket,
    place: pictures(held.closest('section')).indexOf(own(held)) } : null;
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
      picture.setAttribute('aria-label', `${shot.pinned ? 'Unpin' : 'Pin'} ${shot.words}${shot.waiting ? ', waiting' : ''}`);
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
  root.replaceChildren(...data.rows.map((row) => {
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
  }));
  // each row is one stop of the Tab key, and the × of its image another; arrows go to the images beside it
  const stop = (picture) => {
    const figures = [...picture.closest('.shots').querySelectorAll('figure')];
    for (const figure of figures) {
      for (const button of figure.querySelectorAll('button')) button.tabIndex = figure.contains(picture) ? 0 : -1;
    }
  };
  for (const section of root.children) {
    if (pictures(section).length) stop(pictures(section)[0]);
  }
  root.onkeydown = (event) => {
    const button = event.target.closest('button');
    if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
    const picture = own(button), row = pictures(picture.closest('section')), place = row.indexOf(picture);
    if (event.key === 'Delete') {
      const out = picture.closest('figure').querySelector('.out');
      if (out) { event.preventDefault(); out.focus(); out.click(); }
      return;
    }
    const rows = [...root.children].filter((section) => pictures(section).length);
    const beside = (step) => {
      const other = rows[rows.indexOf(picture.closest('section')) + step];
      return other ? pictures(other)[Math.min(place, pictures(other).length - 1)] : null;
    };
    const to = {
      ArrowRight: () => row[place + 1], ArrowLeft: () => row[place - 1], Home: () => row[0], End: () => row[row.length - 1],
      ArrowDown: () => beside(1), ArrowUp: () => beside(-1),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    const next = to();
    if (next) { stop(next); next.focus(); }
  };
  if (!held) return;
  // the same button; where its image is gone from the row, that of the image which took its place
  const section = [...root.children].find((row) => row.dataset.bucket === at.bucket);
  const row = section ? pictures(section) : [];
  let again = [...(row.length ? section : root).querySelectorAll('button')].find((b) => b.dataset.id === held.dataset.id);
  if (!again) {
    const last = row.length ? row : [...root.querySelectorAll('.pic')];
    const next = last[Math.min(row.length ? at.place : last.length - 1, last.length - 1)];
    if (!next) return;
    again = (held.className === 'out' && next.closest('figure').querySelector('.out')) || next;
  }
  stop(own(again));
  again.focus();
}
"""
_component = st.components.v2.component("lexplain_studio_images", html=_HTML, css=_CSS, js=_JS)


def show(view: links.Studio, opened: shell.Opened, data: prints.FigureData) -> None:
    """The images of one unit of the figure, range by range, and those that stand by."""
    st.subheader("Choose the images", anchor=False)
    st.markdown(
        "Click an image to **pin** it: it stays, whatever the draw. **×** leaves it out, here and in every other range and "
        f"unit. The pale ones, up to {WAITING} of each range, would come next; a click takes one in. The strongest come first. "
        "By keyboard: Tab goes from range to range, arrows from image to image, Enter pins, Delete leaves out."
    )
    if data.hidden:
        st.caption(f"{figures.plural(data.hidden, 'image')} hidden from this store: never used in figures.")
    place = view.at - 1
    if len(data.panels) > 1:
        st.session_state["studio at"] = view.at
        st.selectbox(
            "Unit whose images are to be chosen",
            range(1, len(data.panels) + 1),
            key="studio at",
            format_func=lambda n: data.panels[n - 1].title,
            width=320,
            on_change=_at,
            args=(view,),
        )
    panel = data.panels[place]
    if panel.edges is None:
        st.info(md(panel.reason or "This unit has no ranges."), icon=":material/info:")
        return
    rows = _rows(panel, opened, data)
    _component(
        data={"rows": rows, "small": _small(opened, panel)},
        key="studio images",
        height="content",
        on_act_change=lambda: _act(view, panel),
    )


def _rows(panel: prints.Panel, opened: shell.Opened, data: prints.FigureData) -> list[dict]:
    """The component's message: a row a range, the highest first, then the images that are left out."""
    ranges = list(zip(panel.shots, panel.waiting, strict=True))
    out = [i for i in data.choice.without if i < data.images]
    ids = [shot.image for shots, more in ranges for shot in [*shots, *more]]
    pictures = opened.store.thumbnails([*ids, *out])
    places, fine = figures.decimals(panel.maximum), figures.decimals(panel.maximum, 50)
    rows = []
    for bucket in reversed(range(len(ranges))):
        shots, more = ranges[bucket]
        low, high = (figures.plain(float(e), places) for e in panel.edges[bucket : bucket + 2])
        rows.append(
            {
                "bucket": bucket,
                "title": f"{low} to {high}",
                "note": f"range {bucket + 1}, {figures.plural(panel.counts[bucket], 'image')}",
                "shots": [
                    {
                        "image": shot.image,
                        "src": _source(pictures[shot.image]),
                        "value": figures.plain(shot.activation, fine),
                        "words": f"image {shot.image}, {shot.label}, activation {figures.plain(shot.activation, fine)}",
                        "title": f"{shot.label}\n{shot.key}\n{shot.split} split",
                        "pinned": shot.pinned,
                        "waiting": waiting,
                    }
                    for waiting, group in ((False, shots), (True, more))
                    for shot in group
                ],
            }
        )
    if out:
        facts = shell.images(opened).loc[out]
        rows.append(
            {
                "bucket": -1,
                "out": True,
                "title": "Left out",
                "note": f"{figures.plural(len(out), 'image')}; a click brings one back",
                "shots": [
                    {
                        "image": image,
                        "src": _source(pictures[image]),
                        "value": f"{image}",
                        "words": f"image {image}, {facts.loc[image, 'label']}",
                        "title": f"{facts.loc[image, 'label']}\n{facts.loc[image, 'key']}",
                    }
                    for image in out
                    if image not in opened.store.hidden
                ],
            }
        )
    return rows


def _source(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def _small(opened: shell.Opened, panel: prints.Panel) -> bool:
    ids = [shot.image for shots in panel.shots for shot in shots]
    return bool(ids) and int(shell.images(opened).loc[ids, ["width", "height"]].max().max()) < 64


def _at(view: links.Studio) -> None:
    shell.change(view, at=int(st.session_state["studio at"]))


def _act(view: links.Studio, panel: prints.Panel) -> None:
    """What a click asks for, into the address."""
    said = (st.session_state.get("studio images") or {}).get("act")
    if not isinstance(said, dict):
        return
    what, image, bucket = said.get("what"), said.get("image"), said.get("bucket")
    if not isinstance(image, int | float) or not isinstance(bucket, int | float):
        return
    asked, _ = prints.read_choice(links.query(shell.now(view), full=True))
    choice = changed(asked, panel, str(what), int(image), int(bucket))
    said_texts = prints.texts(choice)
    shell.change(view, pins=said_texts["pins"], without=said_texts["without"])


def changed(
    choice: prints.FigureChoice, panel: prints.Panel, what: str, image: int, bucket: int
) -> prints.FigureChoice:
    """The choice after a click: 'pin', 'unpin', 'out' (leave out) or 'back'.

    Where every place of a range is pinned, the oldest pin makes room.
    """
    pin = prints.Pin(panel.layer, panel.unit, bucket, image)
    pins, without = [p for p in choice.pins if p != pin], set(choice.without)
    if what == "pin" and 0 <= bucket < len(panel.counts):
        beside = [p for p in pins if p[:3] == pin[:3]]
        for old in beside[: max(0, len(beside) - choice.per + 1)]:
            pins.remove(old)
        pins.append(pin)
    elif what == "out":
        pins = [p for p in pins if p.image != image]
        without.add(image)
    elif what == "back":
        without.discard(image)
    return replace(choice, pins=tuple(pins), without=tuple(sorted(without)))
