"""What a network does on a picture: its activations, where its units fire, and the images that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.live import picture
from lexplain_core.store.pictured import recorded
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import Answer, Taken, whole
from pages.ui import look, shell
from pages.ui.cache import cached

if TYPE_CHECKING:
    from lexplain_core.live import Looker

NEAREST = 10


def ask(opened: Opened, layer: pd.Series, taken: Taken) -> Answer:
    """Ask the store for its own images, and the network for all others. layer: a row of `Store.layers`."""
    looker, why = None, None
    try:
        looker = look.network(opened)
    except UserError as error:
        why = str(error)
    shown = _seen(opened, taken, looker) if looker else taken.image
    if taken.number is not None:
        values = _recorded(opened, layer["layer"], taken.number)
        return Answer(values, shown, looker, why, looker is None)
    if looker is None:
        return Answer(None, shown, None, why, True)
    try:
        values = _activations(opened, layer["layer"], layer["pooling"], taken)
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
    return picture.seen(taken.image, looker, _usual(opened))


@cached()
def _usual(opened: Opened) -> tuple[int, int]:
    return picture.usual_size(shell.images(opened))


@cached("Running the network on the picture …", most=32)
def _activations(opened: Opened, layer: str, pooling: str, taken: Taken) -> np.ndarray:
    looker = look.network(opened)
    return looker.activations(_seen(opened, taken, looker), layer, pooling, cropped=True)


@cached(most=32)
def _recorded(opened: Opened, layer: str, image: int) -> np.ndarray:
    return recorded(opened.store, layer, image)


@cached("Comparing with the probing set …", most=64)
def _ranks(opened: Opened, layer: str, values: np.ndarray) -> pd.DataFrame:
    return opened.store.ranks(layer, values)


def found(opened: Opened, layer: str, values: np.ndarray) -> picture.Unusual:
    """The units of a layer that the picture excites unusually."""
    table = shell.units(opened)
    status = table[table["layer"] == layer].set_index("unit")["status"]
    return picture.unusual(values, _ranks(opened, layer, values), status)


@cached(most=32)
def _maps(opened: Opened, layer: str, taken: Taken, units: tuple[int, ...]) -> dict[int, Any]:
    looker = look.network(opened)
    return looker.maps(_seen(opened, taken, looker), layer, units, cropped=True)


def maps(opened: Opened, layer: str, taken: Taken, answer: Answer, units: list[int]) -> dict:
    """Where units fire in the picture, by unit: by the network, else those that the store keeps of its image."""
    if answer.looker is not None:
        try:
            return _maps(opened, layer, taken, tuple(units))
        except UserError:
            pass
    if taken.number is None:
        return {}
    kept = {unit: opened.store.unit(layer, unit).maps([taken.number]) for unit in units}
    return {unit: maps[taken.number] for unit, maps in kept.items() if taken.number in maps}


@cached("Looking for images that are alike …", most=32)
def _neighbours(opened: Opened, layer: str, values: np.ndarray) -> pd.DataFrame:
    return opened.store.layer_neighbours(layer, values, NEAREST + 1)


@cached("Looking for images that are alike …", most=32)
def _by_colour(opened: Opened, taken: Taken) -> pd.DataFrame:
    return opened.store.nearest(whole(opened.store, taken), NEAREST + 1)


def neighbours(opened: Opened, layer: str, taken: Taken, values: np.ndarray) -> pd.DataFrame:
    """The stored images on which the layer does most nearly the same: image, similarity; without itself."""
    frame = _neighbours(opened, layer, values)
    return frame[frame["image"] != taken.number].head(NEAREST)


def by_colour(opened: Opened, taken: Taken) -> pd.DataFrame:
    """The stored images with the most similar colours in the same places: image, distance; without itself."""
    frame = _by_colour(opened, taken)
    return frame[frame["image"] != taken.number].head(NEAREST)
