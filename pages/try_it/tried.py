"""The trials of the Try it page: drawn from a store by the address alone, so that a link brings the same ones."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.config.study import StudySettings
from lexplain_core.stimuli.base import Picture
from lexplain_core.store import StoreError
from lexplain_core.studies.plan.pictures import stored_pictures
from lexplain_core.views.opened import Opened
from lexplain_core.views.trials import Drawn, of_layer, of_unit
from pages.ui import links, shell


def draw(view: links.TryIt, opened: Opened) -> Drawn:
    """The trials that an address asks for: of its unit, or each of another unit of its layer."""
    try:
        return _draw(opened.key, view, opened)
    except StoreError as error:
        return Drawn(problem=str(error))


@st.cache_resource(max_entries=32, show_spinner="Choosing images …")
def _draw(key: tuple, view: links.TryIt, _opened: Opened) -> Drawn:  # noqa: ARG001 - the cache goes by it
    how = (view.difficulty, view.count, view.seed)
    if view.unit is not None:
        return of_unit(_opened.store.unit(view.layer, view.unit), *how)
    table = shell.units(_opened)
    asked = table[(table["layer"] == view.layer) & ~table["status"].isin(["dead", "constant"])]
    return of_layer(_opened.store, view.layer, asked["unit"].to_numpy(), *how)


@st.cache_resource(max_entries=32, show_spinner=False)
def pictures(key: tuple, images: tuple[int, ...], _opened: Opened) -> dict[int, Picture]:  # noqa: ARG001 - the cache goes by it
    """Images by id as people in a study see them, without their names; from thumbnails, which all are alike:
    crops are larger of images that are some unit's examples."""
    load = stored_pictures(_opened.store, StudySettings())
    return {image: replace(load(image), key="") for image in images}
