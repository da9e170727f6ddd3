"""The trials of the Try it page: drawn from a store by the address alone, so that a link brings the same ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from lexplain_core.config.study import StudySettings
from lexplain_core.stimuli.base import Picture
from lexplain_core.stimuli.drawing import generator, place, uppers
from lexplain_core.stimuli.ranks import Indistinguishable, Refused, batch_size, stimuli
from lexplain_core.store import Store, StoreError, Unit
from lexplain_core.studies.plan.pictures import stored_pictures
from lexplain_core.views.opened import Opened
from lexplain_core.views.trials import Asked, Drawn
from pages.ui import links, shell

_LOOKED_AT = 200  # units of a layer that are tried at most, where many can't be asked about


def draw(view: links.TryIt, opened: Opened) -> Drawn:
    """The trials that an address asks for: of its unit, or each of another unit of its layer."""
    try:
        return _draw(opened.key, view, opened)
    except StoreError as error:
        return Drawn(problem=str(error))


@st.cache_resource(max_entries=32, show_spinner="Choosing images …")
def _draw(key: tuple, view: links.TryIt, _opened: Opened) -> Drawn:
    how = (view.difficulty, view.count, view.seed)
    if view.unit is not None:
        return _one(_opened.store.unit(view.layer, view.unit), *how)
    table = shell.units(_opened)
    asked = table[(table["layer"] == view.layer) & ~table["status"].isin(["dead", "constant"])]
    return _any(_opened.store, view.layer, asked["unit"].to_numpy(), *how)


@st.cache_resource(max_entries=32, show_spinner=False)
def pictures(key: tuple, images: tuple[int, ...], _opened: Opened) -> dict[int, Picture]:
    """Images by id as people in a study see them, without their names; from thumbnails, which all are alike:
    crops are larger of images that are some unit's examples."""
    load = stored_pictures(_opened.store, StudySettings())
    return {image: replace(load(image), key="") for image in images}


def _one(unit: Unit, difficulty: str, count: int, seed: int) -> Drawn:
    """Trials about one unit."""
    try:
        sides = _sides(unit, difficulty, seed, count)
    except Refused as error:
        return Drawn(problem=str(error), refused=True)
    except Indistinguishable as error:
        return Drawn(problem=str(error.reason))
    rng = _rng(seed, unit.layer, unit.unit)
    trials = tuple(_asked(unit, sides, batch, rng) for batch in range(min(count, len(sides.low))))
    short = ""
    if len(trials) < count:
        short = (
            f"This unit brings {len(trials)} of the {count} trials: at this difficulty there are no more "
            f"images for others, with {len(unit.activations):,} in the probing set."
        )
    return Drawn(trials, short=short)


def _sides(unit: Unit, difficulty: str, seed: int, trials: int = 1):
    """Stimuli with as many batches as there are to be trials, where the ranks allow it, else with IMI's number."""
    hidden = unit.store.hidden
    usual = batch_size(len(unit.activations) - len(hidden))
    if trials > usual:
        try:
            return stimuli(unit.activations, difficulty, seed, batches=trials, hidden=hidden)
        except Refused:
            pass
    return stimuli(unit.activations, difficulty, seed, hidden=hidden)


def _any(store: Store, layer: str, units: np.ndarray, difficulty: str, count: int, seed: int) -> Drawn:
    """Trials each about another one of a layer's units."""
    rng = _rng(seed, layer)
    trials, reason = [], "None of this layer’s units answers to the images."
    for number in rng.permutation(units)[:_LOOKED_AT]:
        unit = store.unit(layer, int(number))
        try:
            sides = _sides(unit, difficulty, seed)
        except Refused as error:
            return Drawn(problem=str(error), refused=True)
        except Indistinguishable as error:
            reason = str(error.reason)
            continue
        trials.append(_asked(unit, sides, int(rng.integers(len(sides.low))), rng))
        if len(trials) == count:
            break
    if not trials:
        return Drawn(problem=reason)
    short = ""
    if len(trials) < count:
        short = f"Only {len(trials)} of this layer’s units can be asked about, so there are no more trials."
    return Drawn(tuple(trials), short=short)


def _rng(seed: int, layer: str, *more: int) -> np.random.Generator:
    return generator(seed, "try it", layer, *more)


def _asked(unit: Unit, sides, batch: int, rng: np.random.Generator) -> Asked:
    low, high = (tuple(int(i) for i in side[batch]) for side in (sides.low, sides.high))
    placed = place(0, uppers(1, rng)[0], rng)
    return Asked(
        unit.layer, unit.unit, low, high, int(sides.low_ranks[batch, 9]), int(sides.high_ranks[batch, 9]),
        placed.upper, placed.left, placed.right,
    )  # fmt: skip
