"""A button that copies the link to the whole view."""

from __future__ import annotations

import streamlit as st

_HTML = """<button type="button" class="copy" title="Copy a link to everything that this page shows">
<span class="words" aria-live="polite">Copy link</span></button>
<p class="told" role="status" hidden></p>"""

_CSS = """
.copy { font: inherit; font-size: .95rem; color: var(--st-text-color); background: transparent; cursor: pointer;
        border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); padding: .36rem .8rem;
        min-width: 7.2rem; }
.copy:hover, .copy:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color);
        outline: none; }
.told { position: absolute; z-index: 10; right: 0; margin: .3rem 0 0; padding: .5rem .7rem; width: 19rem; font-size: .88rem;
        line-height: 1.4; color: var(--st-text-color); background: var(--st-secondary-background-color);
        border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
.copy:focus-visible { box-shadow: 0 0 0 2px var(--st-primary-color); }
"""

# navigator.clipboard exists on https and on localhost only; the old way serves plain http elsewhere.
# Focus left in a picker or a number would swallow the arrow keys, so a page may ask to release it.
_JS = """
export default function (component) {
  const { data, parentElement } = component;
  const button = parentElement.querySelector('.copy');
  const words = parentElement.querySelector('.words');
  const target = new URL(data.link, window.location.href).href;
  if (data.release && button.dataset.link && button.dataset.link !== target) {
    const active = document.activeElement;
    // a slider that keys move stays theirs; one that was dragged doesn't
    const keyed = active && active.closest('[data-testid="stSlider"]') && button.dataset.keyed;
    if (active && active !== document.body && !keyed && !active.closest('[data-testid="stDataFrame"]')) active.blur();
  }
  button.dataset.link = target;
  const note = (event) => { button.dataset.keyed = event.type === 'keydown' ? 'yes' : ''; };
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
    timer = setTimeout(() => { words.textContent = 'Copy link'; told.hidden = true; }, data.note ? 9000 : 2500);
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
    } catch (error) {
      say(oldWay() ? 'Link copied' : 'Copying is blocked');
    }
  };
  return () => {
    clearTimeout(timer);
    button.onclick = null;
    for (const kind of ['keydown', 'pointerdown']) document.removeEventListener(kind, note, true);
  };
}
"""

_component = st.components.v2.component("lexplain_copy_link", html=_HTML, css=_CSS, js=_JS)


def copy_link(link: str, release_focus: bool = False, key: str = "copy link", note: str = "") -> None:
    """Show the button. link: an address relative to the dashboard's pages, as `links.link` makes it.

    release_focus: when the view has changed, take the keyboard's focus from the widget that
    changed it, so that the page's keys work again. note: what the link does not take along; stands
    below the button once it is copied.
    """
    _component(
        data={"link": link, "release": release_focus, "note": note},
        key=key,
        width="content",
        height="content",
    )
