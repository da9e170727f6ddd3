"""The trials of the Try it page: drawn from a store by the address alone, so that a link brings the same ones."""

from __future__ import annotations

from dataclasses import replace

from lexplain_core.config.study import StudySettings
from lexplain_core.stimuli.base import Picture
from lexplain_core.store import StoreError
from lexplain_core.studies.plan.pictures import stored_pictures
from lexplain_core.views.opened import Opened
from lexplain_core.views.trials import Drawn, of_layer, of_unit
from pages.ui import links, shell
from pages.ui.cache import cached


def draw(view: links.TryIt, opened: Opened) -> Drawn:
    """The trials that an address asks for: of its unit, or each of another unit of its layer."""
    try:
        return _draw(opened, view)
    except StoreError as error:
        return Drawn(problem=str(error))


@cached("Choosing images …", most=32)
def _draw(opened: Opened, view: links.TryIt) -> Drawn:
    how = (view.difficulty, view.count, view.seed)
    if view.unit is not None:
        return of_unit(opened.store.unit(view.layer, view.unit), *how)
    table = shell.units(opened)
    asked = table[(table["layer"] == view.layer) & ~table["status"].isin(["dead", "constant"])]
    return of_layer(opened.store, view.layer, asked["unit"].to_numpy(), *how)


@cached(most=32)
def pictures(opened: Opened, images: tuple[int, ...]) -> dict[int, Picture]:
    """Images by id as people in a study see them, without their names; from thumbnails, which all are alike:
    crops are larger of images that are some unit's examples."""
    load = stored_pictures(opened.store, StudySettings())
    return {image: replace(load(image), key="") for image in images}
