"""What charts over a unit's 8 ranges share: where to click, and how one range is pointed out."""

from __future__ import annotations

import numpy as np

from .palette import Theme

_PER_RANGE = 9  # odd: one lies in the middle, where the areas have their points


def click_points(edges: np.ndarray) -> dict:
    """A trace that nobody sees: points along the axis, all inside a range, for plotly's selection to find.

    A filled line has nothing to select, and `hovermode="x"` hands the nearest point to the click, wherever
    in the column it falls. edges: (9,), of the ranges.
    """
    edges = np.asarray(edges, float)
    inside = (np.arange(_PER_RANGE) + 0.5) / _PER_RANGE
    x = (edges[:-1, None] + np.diff(edges)[:, None] * inside).ravel()
    unseen = {"marker": {"opacity": 0}}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x.tolist(),
        "y": [0.5] * len(x),
        "marker": {"opacity": 0, "size": 4},
        "selected": unseen,
        "unselected": unseen,
        "hoverinfo": "none",  # "skip" would take the clicks away, too
        "showlegend": False,
        "meta": {"ranges": len(edges) - 1},
    }


def chosen_range(edges: np.ndarray, chosen: int | None, look: Theme, floor: float = 0.0) -> list[dict]:
    """Shapes that point out a range: a frame round it, and a veil over the others.

    edges: (9,). chosen: 0 to 7; nothing is drawn for None, nor for -1, which is not on the axis. floor: where
    the frame begins, as a share of the chart's height.
    """
    if chosen is None or not 0 <= chosen < len(edges) - 1:
        return []
    low, high = float(edges[chosen]), float(edges[chosen + 1])
    veil = {
        "type": "rect", "xref": "x", "yref": "paper", "y0": floor, "y1": 1, "layer": "above",
        "fillcolor": look.page, "opacity": 0.5, "line": {"width": 0},
    }  # fmt: skip
    sides = [(float(edges[0]), low), (high, float(edges[-1]))]
    return [
        *(veil | {"x0": a, "x1": b} for a, b in sides if b > a),
        veil
        | {
            "name": "chosen",
            "x0": low,
            "x1": high,
            "fillcolor": "rgba(0,0,0,0)",
            "opacity": 1,
            "line": {"width": 2.5, "color": look.text},
        },
    ]
