"""Which images a figure takes from each range: pin one, leave one out, bring it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from lexplain_core.base.numbers import decimals, plain, plural
from lexplain_core.base.pictures import data_url
from lexplain_core.figures import print as prints
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.bound import bind
from pages.ui.front import component

WAITING = 6  # images of each range that are offered beside those shown

_component = component("studio_images")


def show(view: links.Studio, opened: Opened, data: prints.FigureData) -> None:
    """The images of one unit of the figure, range by range, and those that stand by."""
    st.subheader("Choose the images", anchor=False)
    st.markdown(
        "Click an image to **pin** it: it stays, whatever the draw. **×** leaves it out, here and in every other range and "
        f"unit. The pale ones, up to {WAITING} of each range, would come next; a click takes one in. The strongest come first. "
        "By keyboard: Tab goes from range to range, arrows from image to image, Enter pins, Delete leaves out."
    )
    if data.hidden:
        st.caption(f"{plural(data.hidden, 'image')} hidden from this store: never used in figures.")
    place = view.at - 1
    if len(data.panels) > 1:
        st.selectbox(
            "Unit whose images are to be chosen",
            range(1, len(data.panels) + 1),
            format_func=lambda n: data.panels[n - 1].title,
            width=320,
            **bind(view, "at"),
        )
    panel = data.panels[place]
    if panel.edges is None:
        st.info(md(panel.reason or "This unit has no ranges."), icon=":material/info:")
        return
    rows = _rows(panel, panel.edges, opened, data)
    _component(
        data={"rows": rows, "small": _small(opened, panel)},
        key="studio images",
        height="content",
        on_act_change=lambda: _act(view, panel),
    )


def _rows(
    panel: prints.Panel, edges: np.ndarray, opened: Opened, data: prints.FigureData
) -> list[dict[str, Any]]:
    """The component's message: a row a range, the highest first, then the images that are left out."""
    ranges = list(zip(panel.shots, panel.waiting, strict=True))
    out = [i for i in data.choice.without if i < data.images]
    ids = [shot.image for shots, more in ranges for shot in [*shots, *more]]
    pictures = opened.store.thumbnails([*ids, *out])
    places, fine = decimals(panel.maximum), decimals(panel.maximum, 50)
    rows = []
    for bucket in reversed(range(len(ranges))):
        shots, more = ranges[bucket]
        low, high = (plain(float(e), places) for e in edges[bucket : bucket + 2])
        rows.append(
            {
                "bucket": bucket,
                "title": f"{low} to {high}",
                "note": f"range {bucket + 1}, {plural(panel.counts[bucket], 'image')}",
                "shots": [
                    {
                        "image": shot.image,
                        "src": data_url(pictures[shot.image]),
                        "value": plain(shot.activation, fine),
                        "words": f"image {shot.image}, {shot.label}, activation {plain(shot.activation, fine)}",
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
                "note": f"{plural(len(out), 'image')}; a click brings one back",
                "shots": [
                    {
                        "image": image,
                        "src": data_url(pictures[image]),
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


def _small(opened: Opened, panel: prints.Panel) -> bool:
    ids = [shot.image for shots in panel.shots for shot in shots]
    return bool(ids) and int(shell.images(opened).loc[ids, ["width", "height"]].max().max()) < 64


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
