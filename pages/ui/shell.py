"""What every page shares: the stores, the header with its links, the theme, and help in place of errors."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core import figures, notes
from lexplain_core.base.entries import listing, regular, shown, signature
from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.base.pages import Page
from lexplain_core.store import Store, StoreEntry, StoreError
from lexplain_core.store.discover import END, refused, stores_at
from lexplain_core.store.guard import blame
from lexplain_core.store.questions import check_command
from lexplain_core.store.rules import OWN_KINDS
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened, distinct, same_id
from pages.ui import access, go, links
from pages.ui.cache import cached
from pages.ui.copy_link import copy_link
from pages.ui.found import pages, problem
from pages.ui.no_store import no_store
from pages.ui.style import style
from pages.ui.text import message, unusable
from pages.ui.travel import to_share

Offer = Callable[..., None]  # offers the link to a view: view, and by name store and release_focus
_LOG = logging.getLogger("lexplain.pages")
_CHANGED = "changed since the page last ran to its end"  # in the session: (page, names of the view's fields)
_FAILED = "what a callback couldn't read"  # in the session: a sentence, until the page has shown it
_RUN = threading.local()  # of a script's run: `stores`, those that it opened
_MOST_ERRORS = 50
_SAYS_OF_NOTES = {"overview", "neuron", "words"}  # pages that say which notes can't be shown


# -- stores ---------------------------------------------------------------------------------------


def folder() -> Path:
    """Where stores are looked for: LEXPLAIN_STORES, else data/stores."""
    return Path(os.environ.get("LEXPLAIN_STORES") or "data/stores")


def given() -> tuple[str, ...]:
    """Store files named on the command line: `streamlit run app.py -- --store FILE`."""
    return tuple(dict.fromkeys(st.session_state.get("given stores", ())))


def entries() -> list[StoreEntry]:
    """The stores given on the command line, else those of the folder; unreadable ones with their reason."""
    if given():
        return [_entry(Path(path)) for path in given()]
    return _found(tuple(listing(folder(), END)))


def stores() -> dict[str, StoreEntry]:
    """The stores that can be shown, by id, the newest first."""
    return {entry.id or "": entry for entry in distinct(entries())[0]}


@cached("Looking for stores …", most=4)
def _found(paths: tuple[Path, ...]) -> list[StoreEntry]:
    return stores_at(paths)


def _entry(path: Path) -> StoreEntry:
    try:
        facts = regular(path, "a store")
        store = _open(path)
    except FileNotFoundError:
        return refused(path, StoreError(f"There is no store at {shown(path)}."))
    except Exception as error:
        return refused(path, error)
    return StoreEntry(path, store.id, store.name, None, facts.st_mtime)


@cached("Opening the store …")
def _open(path: Path) -> Store:
    return Store.open(path)


def _opened(path: Path) -> Opened:
    """A store with its notes as they are now; `StoreError` where it isn't known which images are hidden."""
    key = signature(path)  # before it is opened: what is kept under an old key is never asked for again
    noted = notes.with_notes(_open(path))
    _RUN.__dict__.setdefault("stores", {})[noted.store.path] = noted.store
    return Opened(noted.store, (*key, noted.version), noted.problems)


@cached("Reading the images …", most=4)
def images(opened: Opened) -> pd.DataFrame:
    """`Store.images()` of every image."""
    return opened.store.images()


@cached("Reading the units …")
def units(opened: Opened) -> pd.DataFrame:
    """`Store.unit_table` of every layer, by the store's own method."""
    return opened.store.unit_table()


@cached()
def info(opened: Opened) -> dict:
    """`Store.info()`."""
    return opened.store.info()


@cached()
def layers(opened: Opened, method: str = "") -> pd.DataFrame:
    """`Store.layers()`; without a method by the store's own."""
    return opened.store.layers(method or None)


def last_layer(opened: Opened) -> str:
    """The last layer of the network by its own units, or of all where none has such."""
    found = layers(opened)
    own = found[found["kind"].isin(OWN_KINDS)]
    return str((own if len(own) else found)["layer"].iloc[-1])


@cached()
def methods(opened: Opened) -> list[str]:
    """`Store.methods()`."""
    return opened.store.methods()


@cached()
def matrices(opened: Opened) -> dict[str, dict]:
    """The concept matrices by name, as `Store.info` describes them, with their config."""
    configs = opened.store.matrices().set_index("matrix")["config"]
    return {row["matrix"]: row | {"config": configs[row["matrix"]]} for row in info(opened)["matrices"]}


# -- the frame of a page --------------------------------------------------------------------------


def dress() -> None:
    """The looks of every page, and what visitors may do."""
    access.apply()
    style(figures.theme_of(theme()))


def theme() -> str:
    """'light' or 'dark', as the browser shows the page."""
    return st.context.theme.type or "light"


def start(page: Page) -> tuple[Any, Opened | None, Offer]:
    """The view that the address asks for, its store, and a function that offers the link to the whole view.

    Where there is no such store the page says what to do, and ends; a page that needs none goes on with None.
    """
    _mend_history(page.name)
    view, problems = links.parse(page.name, st.query_params)
    found = entries()
    good, hidden = distinct(found)
    wanted = next((e for e in good if e.id == view.store), None) if view.store else next(iter(good), None)
    if wanted is None and good and not page.stores:
        wanted, view = good[0], replace(view, store=good[0].id)
    offer = _header(page, found, good, wanted, picker=page.stores)
    if wanted is None and page.stores:
        no_store(view.store, found, folder(), bool(given()))
    if problem():
        st.error(message(problem()), icon=":material/extension_off:")
    if problems:
        unusable(" ".join(map(md, problems)))
    if twins := [same_id(entry, shown) for entry, shown in hidden if shown is wanted]:
        st.warning(" ".join(twins), icon=":material/file_copy:")
    if wanted is None:
        st.session_state[f"{page.name} of {view.store}"] = links.query(view)
        return view, None, offer
    if not view.store:
        view = replace(view, store=wanted.id or "")
        st.query_params["store"] = view.store
    try:
        opened = _opened(wanted.path)
    except StoreError as error:
        st.error(message(error))
        if page.stores:
            st.stop()
        opened = None
    if opened and opened.problems and page.name in _SAYS_OF_NOTES:
        st.warning(" ".join(message(problem) for problem in opened.problems), icon=":material/edit_note:")
    st.session_state[f"{page.name} of {wanted.id}"] = links.query(view)
    return view, opened, partial(offer, store=opened.store if opened else None)


def run(page: Page) -> None:
    """Draw a page; what is wrong with a store or a note is one sentence."""
    _RUN.stores = {}
    if failed := st.session_state.pop(_FAILED, None):
        st.error(failed, icon=":material/error:")
    try:
        page.render(*start(page))
    except StoreError as error:
        st.error(message(error), icon=":material/error:")
    except Exception as error:
        if damage := _damage(error):
            st.error(message(damage), icon=":material/error:")
        elif not access.readonly():
            raise
        else:
            _LOG.exception("The page failed")
            st.error("This page failed; the server’s log says why.", icon=":material/error:")
    for store in _RUN.stores.values():
        _lost_pictures(store)
    st.session_state.pop(_CHANGED, None)


def _damage(error: Exception) -> StoreError | None:
    """What is wrong with a store whose damage made a page fail; None where none is damaged."""
    try:
        for store in _RUN.stores.values():
            blame(store, error)
    except StoreError as damage:
        return damage
    return None


def _lost_pictures(store: Store) -> None:
    """Say below the page which pictures are grey squares, and why."""
    if lost := sorted(store.unreadable.items()):
        shown = "; ".join(f"image {image}, {reason}" for image, reason in lost[:3])
        st.warning(
            message(
                f"{plural(len(lost), 'picture')} of {store.path.name} can't be read, so grey squares stand in "
                f"their places: {shown}{'; …' if len(lost) > 3 else ''}. "
            )
            + f"{code(check_command(store.path))} says what else is wrong.",
            icon=":material/broken_image:",
        )


def told(callback: Callable[..., Any]) -> Callable[..., None]:
    """A callback that reads a store or notes: what can't be read is a sentence on the page, which stays as it was."""

    @wraps(callback)
    def asked(*args: Any, **kwargs: Any) -> None:
        try:
            callback(*args, **kwargs)
        except UserError as error:
            st.session_state[_FAILED] = message(error)

    return asked


def show(view: Any) -> None:
    """Put a whole view into the address bar (in callbacks: the page runs again by itself)."""
    _note_changed(view.page, {field.name for field in fields(view)})
    st.query_params.from_dict(links.query(view))


def change(view: Any, **to: Any) -> None:
    """Put some fields of a view into the address bar (in callbacks), and leave what was changed in the same moment.

    Several widgets may have changed when the page runs again, such as a field that is typed into and the button
    whose click ends that; each has a callback, and all of these know the view as it was before.
    """
    found = replace(now(view), **to)
    _note_changed(view.page, set(to))
    st.query_params.from_dict(links.query(found))


def now(view: Any) -> Any:
    """A view of the last run with what callbacks have changed since."""
    page, names = st.session_state.get(_CHANGED, ("", frozenset()))
    if page != view.page:
        return view
    here, _ = links.parse(page, st.query_params)
    return replace(view, **{name: getattr(here, name) for name in names})


def _note_changed(page: str, names: set[str]) -> None:
    before, known = st.session_state.get(_CHANGED, ("", frozenset()))
    st.session_state[_CHANGED] = (page, names | (known if before == page else frozenset()))


def _mend_history(page: str) -> None:
    """Put back the view that was left, where the Back button leads to a half-way address.

    When it goes to another page, Streamlit enters two addresses into the browser's history: this
    page's with the other's parameters, then the other's. Back leads to the first of them.
    """
    params = st.query_params.to_dict()
    bare = page == "neuron" and set(params) == {"store"}
    if links.strays(page, params) or bare:
        left = st.session_state.get(f"{page} of {params.get('store')}")
        if left:
            st.query_params.from_dict(left)


def _header(
    page: Page, found: list[StoreEntry], good: list[StoreEntry], wanted: StoreEntry | None, picker: bool
) -> Offer:
    places = {}
    with st.container(horizontal=True, vertical_alignment="center", key="lx_header"):
        st.html('<div class="lx-brand">lexplain</div>', width="content")
        for name, other in pages().items():
            if not other.listed and name != page.name:
                continue
            here = {"store": wanted.id or ""} if wanted else {}
            there = st.session_state.get(f"{name} of {here['store']}", here) if wanted else here
            places[name] = st.empty()
            places[name].page_link(go.page(name), label=other.title, query_params=there)
        st.space("stretch")
        if wanted and len(good) > 1 and picker:
            names = {entry.id: entry.name for entry in good}
            st.session_state["store picker"] = wanted.id
            st.selectbox(
                "Store",
                list(names),
                format_func=names.__getitem__,
                key="store picker",
                label_visibility="collapsed",
                width=180,
                on_change=_switch_store,
                help="The store that the page shows",
            )
        if (bad := [entry.error for entry in found if entry.error]) and good:
            _refused(bad)
        place = st.empty()

    def offer(view: Any, release_focus: bool = False, store: Store | None = None) -> None:
        if page.name == "neuron":  # that unit is what one may want to try
            unit = links.TryIt(store=view.store, layer=view.layer, unit=view.unit)
            with places["try_it"]:
                go.link(pages()["try_it"].title, unit)
        if named := links.named(view):
            st.set_page_config(page_title=f"{named} · {page.title} · lexplain")
        with place:
            shared, left = to_share(view, store)
            copy_link(links.link(shared), release_focus, note=" ".join(left))

    return offer


def _refused(errors: list[str]) -> None:
    """Files beside the stores that can't be opened, each with its reason."""
    with st.popover(
        f"{plural(len(errors), 'file')} left out",
        icon=":material/error:",
        type="tertiary",
        key="left out",
    ):
        for error in errors[:_MOST_ERRORS]:
            st.markdown(message(error))
        if len(errors) > _MOST_ERRORS:
            st.caption(f"… and {len(errors) - _MOST_ERRORS:,} more.")


def opened_by_id(identity: str) -> Opened | None:
    """The store with an id among those that can be shown; None where there is none. `StoreError` as pages stop with."""
    entry = stores().get(identity)
    return _opened(entry.path) if entry else None


def _switch_store() -> None:
    st.query_params.from_dict({"store": st.session_state["store picker"]})


def no_unit(error: StoreError, store: str) -> None:
    """Say why there is no unit to show, where that isn't said yet, and lead to the units that there are."""
    if str(error):
        st.error(message(error), icon=":material/error:")
    go.link("Choose a unit in the overview", links.Overview(store=store), icon=":material/table_rows:")
