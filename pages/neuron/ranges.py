"""The one range of a unit that the page shows the images of: chosen in a chart, or in a list."""

from __future__ import annotations

from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lexplain_core.base.numbers import plural
from lexplain_core.store import Unit
from lexplain_core.views.ranges import images_in, numbered, ranges_of
from pages.ui import links, plots, shell
from pages.ui.bound import Changes, bind, press

_ALL = "all"
_WITH_IMAGES = ("examples", "values")  # tabs that show the images of the chosen range


def chosen(view: links.Neuron, unit: Unit) -> int | None:
    """The range that the address names; None for all, and for a unit without ranges."""
    return view.only if unit.buckets is not None else None


def with_only(view: links.Neuron, bucket: int | None) -> Changes:
    """The fields of a view that shows the images of one range, or of all; in a tab that shows images."""
    tab = view.tab if view.tab in _WITH_IMAGES else "examples"
    return {"only": bucket, "above": None, "below": None, "tab": tab}


def chart(view: links.Neuron, unit: Unit, figure: go.Figure, key: str, alt: str) -> None:
    """A chart over the unit's ranges that was made `clickable`: a click shows the images of the range that was
    hit, a click on the one that is shown those of all. By keyboard: `picker`."""
    if unit.buckets is None:
        plots.chart(figure, key, alt)
        return
    # what is chosen is drawn in the figure, so it is another widget after each click, without a selection
    st.plotly_chart(
        figure,
        key=key,
        **plots.LOOK,
        alt=alt,
        on_select=partial(_clicked, view, unit, key),
        selection_mode="points",
    )


def _clicked(view: links.Neuron, unit: Unit, key: str) -> None:
    points = st.session_state[key].selection.points
    if not points or unit.buckets is None:
        return
    bucket = int(unit.buckets.assign(np.array([float(points[0]["x"])]))[0])
    shell.change(view, **with_only(view, None if bucket == view.only else bucket))


def picker(view: links.Neuron, unit: Unit) -> None:
    """A list of the ranges, and a button that leads back to all."""
    only = chosen(view, unit)
    options = ranges_of(unit)
    if view.only == -1 and -1 not in options:
        options.append(-1)
    st.selectbox(
        "Which range",
        [_ALL, *options],
        width=250,
        label_visibility="collapsed",
        format_func=lambda b: (
            "All ranges" if b == _ALL else f"Only {numbered(unit, b)} ({plural(images_in(unit, b), 'image')})"
        ),
        help="The images of one range; a click on a range in a chart does the same",
        **bind(
            view,
            "only",
            lambda picked: with_only(view, None if picked == _ALL else picked),
            shows=_ALL if only is None else only,
        ),
    )
    if view.only is not None:
        st.button(
            "Show all ranges",
            icon=":material/select_all:",
            shortcut="A",
            key="all ranges",
            **press(view, **with_only(view, None)),
        )
