"""The units that a picture excites unusually, and where in it."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st
from PIL import Image

from lexplain_core.base.pictures import jpeg_url
from lexplain_core.live import overlay, picture
from lexplain_core.store import StoreError
from lexplain_core.views.examples import Shot
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import SHARP, Answer, Taken, enlarged, unit_facts, unit_words
from pages.ui import go, links, shell, thumbs
from pages.ui.bound import press
from pages.ui.cache import cached

_OPACITY = 0.7
_SIDE = 176  # CSS pixels of the picture
_SMALL = 72  # of the picture beside a unit
_LINE = (
    '<div class="lx-facts lx-muted" role="separator" style="display:flex;align-items:center;gap:.6rem">below 99% of the '
    'probing images: not unusual<span style="flex:1;border-top:2px dashed currentColor"></span></div>'
)  # at the 99 % mark


def chosen(view: links.Picture, found: picture.Unusual) -> int | None:
    """The unit whose map is shown: the one that the address asks for, else the most unusual."""
    if view.unit is not None:
        return view.unit
    return int(found.high["unit"].iloc[0]) if len(found.high) else None


def shots(taken: Taken, answer: Answer, map: object | None, unit: str) -> None:
    """The picture, and the map of a unit over it."""
    seen = "What the network sees of it" if answer.looker or taken.cropped else "The picture"
    pictures = [(seen, answer.seen)]
    if map is not None:
        pictures.append((f"Where {unit} fires", overlay(enlarged(answer.seen, 2 * _SIDE), map, _OPACITY)))
    thumbs.strip(
        [
            Shot(_source(shot), escape(words), words, small=max(shot.size) < SHARP, look="lx-look")
            for words, shot in pictures
        ],
        _SIDE,
    )


def rows(
    view: links.Picture,
    opened: Opened,
    taken: Taken,
    answer: Answer,
    frame: pd.DataFrame,
    maps: dict,
    now: int | None,
    key: str,
) -> None:
    """A row a unit: where it fires, how unusual that is, and its words."""
    images = len(shell.images(opened))
    table = shell.units(opened)
    words = table[table["layer"] == view.layer].set_index("unit")
    said = _simulated(opened, view.layer, tuple(frame["unit"]), taken.number)
    above = (frame["below"] > 1 - picture.TAIL).tolist()
    for place, row in enumerate(frame.itertuples()):
        unit = int(row.unit)
        if place and above[place - 1] and not above[place]:
            st.html(_LINE)
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"lx_unit_{key}_{unit}"
        ):
            small = enlarged(answer.seen, 2 * _SMALL)
            if unit in maps:
                small = overlay(small, maps[unit], _OPACITY)
            st.html(
                f'<img class="lx-look" src="{_source(small)}" alt="" '
                f'style="width:{_SMALL}px;height:{_SMALL}px;object-fit:contain;border-radius:4px;display:block">',
                width=_SMALL,
            )
            with st.container(gap=None):
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    go.link(
                        md(f"{view.layer} · unit {unit}"),
                        links.Neuron(store=view.store, layer=view.layer, unit=unit, image=taken.number),
                        icon=":material/stacked_line_chart:",
                    )
                    if unit in maps:
                        st.button(
                            "Map",
                            icon=":material/visibility:" if unit == now else ":material/search:",
                            key=f"map of {unit}",
                            type="tertiary",
                            disabled=unit == now,
                            help=f"Show large where unit {unit} fires",
                            **press(view, unit=unit),
                        )
                st.html(unit_facts(row, images, said.get(unit)) + unit_words(words.loc[unit]))


@cached(most=64)
def _simulated(opened: Opened, layer: str, units: tuple[int, ...], image: int | None) -> dict[int, float]:
    """What the explanations of the store's own method predict for one of its images, by unit."""
    if image is None:
        return {}
    found = {}
    for number in units:
        unit = opened.store.unit(layer, int(number))
        try:
            found[int(number)] = float(unit.simulated(unit.explanation())[image])
        except StoreError:
            continue
    return found


def _source(image: Image.Image) -> str:
    if max(image.size) > 2 * _SIDE:
        image = enlarged(image, 2 * _SIDE)
    return jpeg_url(image, 88)
