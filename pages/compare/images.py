"""The images of the Compare page: the same ones in every column, and the one that is highlighted in all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core.base.pictures import data_url
from lexplain_core.views.compare import Chosen, Selection, Slot, brought, images_column
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.cache import cached
from pages.ui.front import component

_component = component("compare")
# Images that each unit brings in from each of its ranges, by how many units there are.
_PER_RANGE = {1: 6, 2: 3, 3: 2, 4: 1}
_SMALL = 64  # images narrower than this keep hard pixel edges when enlarged


# -- the same image in several stores -------------------------------------------------------------


@cached()
def _places(opened: Opened) -> pd.Series:
    """Image id by key."""
    images = shell.images(opened)
    ids = pd.Series(images.index, index=images["key"])
    return ids[~ids.index.duplicated()]


def ids_of(
    opened: Opened, keys: Sequence[str], sizes: Sequence[tuple[int, int]] | None = None
) -> list[int | None]:
    """The ids that images have in a store, by their keys; None for those that it hasn't.

    sizes: their widths and heights; an image of another size is another one that has the same name.
    """
    images = shell.images(opened)
    found = _places(opened).reindex(list(keys))
    ids = [None if pd.isna(i) else int(i) for i in found]
    if sizes is None:
        return ids
    width, height = images["width"].to_numpy(), images["height"].to_numpy()
    return [
        i if i is None or (int(width[i]), int(height[i])) == size else None
        for i, size in zip(ids, sizes, strict=True)
    ]


def chosen_of(view: links.Compare, shown: Sequence[Slot]) -> Chosen | None:
    """The image that the view highlights; None where it names none, or one that no store here has."""
    if not view.key:
        return None
    size = None
    for one in shown:
        (i,) = ids_of(one.opened, [view.key])
        if i is not None:
            row = shell.images(one.opened).loc[i]
            size = (int(row["width"]), int(row["height"]))
            break
    if size is None:
        return None
    ids = [ids_of(one.opened, [view.key], [size])[0] for one in shown]
    hidden = {
        one.opened.store.name: None
        for one, i in zip(shown, ids, strict=True)
        if i is not None and i in one.opened.store.hidden
    }
    return Chosen(view.key, ids, list(hidden))


def selection(view: links.Compare, shown: Sequence[Slot], chosen: Chosen | None) -> Selection:
    """Images from every range of every unit, and the highlighted one, each in all the stores that have it.

    Images that are hidden in one of the stores are left out.
    """
    units = {(one.place.store, one.place.layer, one.place.unit): one for one in shown}
    count = _PER_RANGE[len(units)]
    found: dict[str, tuple[int, int]] = {}
    for one in units.values():
        images = shell.images(one.opened)
        keys, widths, heights = (images[name] for name in ("key", "width", "height"))
        for i in brought(one, count, view.draw, view.pick == "top"):
            found.setdefault(keys[i], (int(widths[i]), int(heights[i])))
    if chosen is not None and chosen.key not in found:
        one, i = next((one, i) for one, i in zip(shown, chosen.ids, strict=True) if i is not None)
        row = shell.images(one.opened).loc[i]
        found[chosen.key] = (int(row["width"]), int(row["height"]))
    keys, sizes = list(found), list(found.values())
    ids = [ids_of(one.opened, keys, sizes) for one in shown]
    stays = [
        not any(
            own[n] is not None and own[n] in one.opened.store.hidden
            for one, own in zip(shown, ids, strict=True)
        )
        for n in range(len(keys))
    ]
    return Selection(
        [key for key, stay in zip(keys, stays, strict=True) if stay],
        [[i for i, stay in zip(own, stays, strict=True) if stay] for own in ids],
    )


# -- the columns of images -------------------------------------------------------------------------


def columns(view: links.Compare, shown: Sequence[Slot], chosen: Chosen | None) -> None:
    """The images, in a column for each unit; a click or a key on one highlights it in all."""
    picked = selection(view, shown, chosen)
    layout = [images_column(one, ids) for one, ids in zip(shown, picked.ids, strict=True)]
    labels = [_label(shown, [own[n] for own in picked.ids]) for n in range(len(picked.keys))]
    rows = {cell["row"] for column in layout for cell in column["cells"]} - {None}
    data: dict[str, Any] = {
        "columns": layout,
        "keys": picked.keys,
        "labels": labels,
        "rows": sorted(rows, reverse=True),
    }
    token = hashlib.sha256(json.dumps([data, [one.place.text for one in shown]]).encode()).hexdigest()[:16]
    state, wanted, sent = st.session_state, "compare images wanted", "compare images sent"
    if state.get(sent) == token and state.get(wanted) != token:
        data = {}  # the browser has them
    else:
        data |= _pictures(shown, picked)
        state[sent], state[wanted] = token, None

    def choose() -> None:
        key = _event("chosen")
        if isinstance(key, str) and (key == "" or key in picked.keys):
            shell.change(view, key=key)

    def send() -> None:
        state[wanted] = _event("need")

    _component(
        data=data | {"token": token, "chosen": view.key},
        key="compare images",
        width="stretch",
        height="content",
        on_chosen_change=choose,
        on_need_change=send,
    )


def _event(name: str) -> Any:
    return (st.session_state.get("compare images") or {}).get(name)


def _pictures(shown: Sequence[Slot], picked: Selection) -> dict[str, Any]:
    """The images as data, each from the first store that has it, and which of them are small."""
    stores = {one.place.store: one.opened for one in shown}
    from_store: dict[str, list[tuple[int, int]]] = {store: [] for store in stores}
    for n in range(len(picked.keys)):
        one, i = next(
            (one, i) for one, own in zip(shown, picked.ids, strict=True) if (i := own[n]) is not None
        )
        from_store[one.place.store].append((n, i))
    sources, small = [""] * len(picked.keys), [False] * len(picked.keys)
    for store, found in from_store.items():
        opened = stores[store]
        jpegs = opened.store.thumbnails([i for _, i in found])
        sizes = shell.images(opened)[["width", "height"]].max(axis=1)
        for n, i in found:
            sources[n] = data_url(jpegs[i])
            small[n] = bool(sizes[i] < _SMALL)
    return {"images": sources, "small": small}


def _label(shown: Sequence[Slot], ids: Sequence[int | None]) -> str:
    """What is written below an image: its class, in the first store that has it."""
    one, i = next((one, i) for one, i in zip(shown, ids, strict=True) if i is not None)
    return str(shell.images(one.opened)["label"][i])
