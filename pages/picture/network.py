"""What a network does on a picture: its activations, where its units fire, and the images that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.live import picture
from lexplain_core.store import Store
from lexplain_core.store.pictured import recorded
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import Answer, Taken, whole
from pages.ui import look, shell

if TYPE_CHECKING:
    from lexplain_core.live import Looker

NEAREST = 10


def ask(opened: Opened, layer: pd.Series, taken: Taken) -> Answer:
    """Ask the store for its own images, and the network for all others. layer: a row of `Store.layers`."""
    looker, why = None, None
    try:
        looker = look.network(opened.key, opened.store)
    except UserError as error:
        why = str(error)
    shown = _seen(opened, taken, looker) if looker else taken.image
    if taken.number is not None:
        values = _recorded(opened.key, layer["layer"], taken.number, opened.store)
        return Answer(values, shown, looker, why, looker is None)
    if looker is None:
        return Answer(None, shown, None, why, True)
    try:
        values = _activations(opened.key, layer["layer"], layer["pooling"], taken.token, looker, shown)
    except UserError as error:
        return Answer(None, shown, looker, str(error))
    if len(values) != layer["units"]:
        why = (
            f"The network at hand is another one than the store was built with: its layer {layer['layer']!r} has "
            f"{len(values)} units, the store's has {layer['units']}."
        )
        return Answer(None, shown, looker, why)
    if not np.isfinite(values).all():
        return Answer(None, shown, looker, "The network gives values on this picture that are not finite.")
    return Answer(values, shown, looker)


def _seen(opened: Opened, taken: Taken, looker: Looker) -> Image.Image:
    if taken.cropped:
        return taken.image
    return picture.seen(taken.image, looker, _usual(opened.key, opened.store))


@st.cache_resource(max_entries=8, show_spinner=False)
def _usual(key: tuple, _store: Store) -> tuple[int, int]:  # noqa: ARG001 - the cache goes by it
    return picture.usual_size(_store.images())


@st.cache_resource(max_entries=32, show_spinner="Running the network on the picture …")
def _activations(
    key: tuple,  # noqa: ARG001 - the cache goes by it
    layer: str,
    pooling: str,
    token: tuple,  # noqa: ARG001 - the cache goes by it
    _looker: Looker,
    _seen: Image.Image,
) -> np.ndarray:
    return _looker.activations(_seen, layer, pooling, cropped=True)


@st.cache_resource(max_entries=32, show_spinner=False)
def _recorded(key: tuple, layer: str, image: int, _store: Store) -> np.ndarray:  # noqa: ARG001 - the cache goes by it
    return recorded(_store, layer, image)


@st.cache_resource(max_entries=64, show_spinner="Comparing with the probing set …")
def _ranks(key: tuple, layer: str, token: tuple, _store: Store, _values: np.ndarray) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.ranks(layer, _values)


def found(opened: Opened, layer: str, taken: Taken, values: np.ndarray) -> picture.Unusual:
    """The units of a layer that the picture excites unusually."""
    table = shell.units(opened)
    status = table[table["layer"] == layer].set_index("unit")["status"]
    return picture.unusual(values, _ranks(opened.key, layer, taken.token, opened.store, values), status)


@st.cache_resource(max_entries=32, show_spinner=False)
def _maps(
    key: tuple,  # noqa: ARG001 - the cache goes by it
    layer: str,
    token: tuple,  # noqa: ARG001 - the cache goes by it
    units: tuple[int, ...],
    _looker: Looker,
    _seen: Image.Image,
) -> dict:
    return _looker.maps(_seen, layer, units, cropped=True)


def maps(opened: Opened, layer: str, taken: Taken, answer: Answer, units: list[int]) -> dict:
    """Where units fire in the picture, by unit: by the network, else those that the store keeps of its image."""
    if answer.looker is not None:
        try:
            return _maps(opened.key, layer, taken.token, tuple(units), answer.looker, answer.seen)
        except UserError:
            pass
    if taken.number is None:
        return {}
    kept = {unit: opened.store.unit(layer, unit).maps([taken.number]) for unit in units}
    return {unit: maps[taken.number] for unit, maps in kept.items() if taken.number in maps}


@st.cache_resource(max_entries=32, show_spinner="Looking for images that are alike …")
def _neighbours(key: tuple, layer: str, token: tuple, _store: Store, _values: np.ndarray) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.layer_neighbours(layer, _values, NEAREST + 1)


@st.cache_resource(max_entries=32, show_spinner="Looking for images that are alike …")
def _by_colour(key: tuple, token: tuple, _store: Store, _taken: Taken) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.nearest(whole(_store, _taken), NEAREST + 1)


def neighbours(opened: Opened, layer: str, taken: Taken, values: np.ndarray) -> pd.DataFrame:
    """The stored images on which the layer does most nearly the same: image, similarity; without itself."""
    frame = _neighbours(opened.key, layer, taken.token, opened.store, values)
    return frame[frame["image"] != taken.number].head(NEAREST)


def by_colour(opened: Opened, taken: Taken) -> pd.DataFrame:
    """The stored images with the most similar colours in the same places: image, distance; without itself."""
    frame = _by_colour(opened.key, taken.token, opened.store, taken)
    return frame[frame["image"] != taken.number].head(NEAREST)
