"""The stacked area chart: what the images of each bucket are, from 0 to the unit's maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..base.numbers import decimals, plain, plural
from ..store import OTHER, Buckets
from .base import axis, escape, figure, short
from .impact import strip
from .palette import Style, Theme, concept_styles, theme_of
from .ranges import chosen_range, click_points

_STRIP = 0.24  # of the chart's height, for the bars of the effect
_LABEL_FROM = 0.07  # a band is named in the chart where it is at least so tall (1: the whole chart)


def area_chart(
    composition: pd.DataFrame,
    buckets: Buckets,
    *,
    styles: dict[int, Style] | None = None,
    theme: str = "light",
    height: int = 400,
    quantity: str = "activation",
    effect: pd.DataFrame | None = None,
    chosen: int | None = None,
    clickable: bool = False,
) -> go.Figure:
    """Share of each bucket's images by concept, stacked to 100 % (paper, Figure 3).

    composition: columns bucket, concept, name, count, share, as `Unit.composition` gives them.
    buckets: edges (9,), counts (8,) and negative, as `Unit.buckets` gives them.
    styles: concept id → how it is drawn; its order is the order of the stack from the bottom
    (the composition's own order without it). "other" (concept -1) is grey and on top.
    quantity: what the x axis measures, in words.
    effect: columns bucket, images, share and error as `Impact.buckets` has them: how much of the unit's
    effect on the network lies in each range, as bars below the areas on the same axis.
    chosen: a bucket to point out, the others fade. clickable: a click anywhere selects a point inside the
    bucket that was hit, empty ones included, so that `Buckets.assign` of the point's x gives the bucket.

    Between the middles of neighbouring buckets the area runs straight; a bucket without images
    stays empty. The number of images stands above each bucket.
    """
    look = theme_of(theme)
    concepts = [int(c) for c in pd.unique(composition["concept"]) if c != OTHER]
    if styles is None:
        styles = concept_styles(concepts)
    order = [c for c in styles if c in concepts] + [c for c in concepts if c not in styles]
    shares = composition.pivot(index="concept", columns="bucket", values="share")
    counts = composition.pivot(index="concept", columns="bucket", values="count")
    names = composition.drop_duplicates("concept").set_index("concept")["name"]
    edges = np.asarray(buckets.edges, dtype=float)
    middles = (edges[:-1] + edges[1:]) / 2
    places = decimals(edges[-1])

    data = [click_points(edges)] if clickable else []  # first: of points equally near the first is clicked
    runs = _runs(np.asarray(buckets.counts) > 0)
    for concept in [*order, OTHER]:
        style = look.other if concept == OTHER else styles[concept]
        share, count = shares.loc[concept].to_numpy(float), counts.loc[concept].to_numpy(int)
        for run, (first, last) in enumerate(runs):
            at = [first, *range(first, last + 1), last]  # flat from the outer edges to the outer middles
            data.append(
                {
                    "type": "scatter",
                    "x": [float(edges[first]), *middles[first : last + 1].tolist(), float(edges[last + 1])],
                    "y": [float(share[b]) for b in at],
                    "customdata": [[int(count[b]), int(buckets.counts[b])] for b in at],
                    "name": escape(short(names[concept])),
                    "legendgroup": str(concept),
                    "showlegend": run == 0,
                    "stackgroup": f"run {run}",
                    "mode": "lines",
                    "line": {"width": 0.8, "color": look.page},
                    "fillcolor": style.color,
                    "fillpattern": {
                        "shape": style.pattern,
                        "fgcolor": style.ink,
                        "bgcolor": style.color,
                        "size": 7,
                        "solidity": 0.25,
                    },
                    "hovertemplate": "%{y:.0%} (%{customdata[0]:,} of %{customdata[1]:,} images)",
                    "meta": {"concept": concept, "buckets": at},
                }
            )
    total = int(np.sum(buckets.counts)) + int(buckets.negative)
    below = (
        f"{plural(int(buckets.negative), 'image')} of {total:,} below 0: in no range, not in the chart"
        if buckets.negative
        else f"all {plural(total, 'image')} of the probing set; none is below 0"
    )
    notes = [*_band_names(order, shares, names, edges, styles, look), *_image_counts(buckets, middles, look)]
    floor, below_areas = 0.0, {}
    if effect is not None:
        bars, y2, figures = strip(effect, edges, look, yaxis="y2")
        data, notes, floor = [*data, *bars], [*notes, *figures], _STRIP + 0.06
        below_areas = {"yaxis2": y2 | {"domain": [0, _STRIP], "anchor": "x"}}
    return figure(
        look,
        height,
        data,
        margin={"l": 58, "r": 14, "t": 50, "b": 66},
        hovermode="x unified",
        annotations=notes,
        shapes=[*_empty_boxes(buckets, edges, look), *chosen_range(edges, chosen, look, floor)],
        xaxis=axis(
            look,
            f"{escape(quantity)}, 8 equal ranges from 0 to the largest<br>{below}",
            range=[float(edges[0]), float(edges[-1])],
            tickvals=edges.tolist(),
            ticktext=[plain(e, places) for e in edges],
            anchor="y2" if below_areas else "y",
            unifiedhovertitle={"text": "activation around %{x:.3g}"},  # it knows x, not customdata
        ),
        yaxis=axis(
            look,
            "share of the range’s images",
            domain=[floor, 1],
            range=[0, 1],
            tickvals=[0, 0.25, 0.5, 0.75, 1],
            tickformat=".0%",
        ),
        **below_areas,
        showlegend=True,
        legend={
            "traceorder": "reversed",
            "font": {"size": 12},
            "itemsizing": "constant",
            "x": 1.01,
            "y": 1,
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )


def _runs(filled: np.ndarray) -> list[tuple[int, int]]:
    """First and last bucket of each stretch of neighbouring buckets that hold images."""
    runs, start = [], None
    for bucket, full in enumerate([*filled, False]):
        if full and start is None:
            start = bucket
        elif not full and start is not None:
            runs.append((start, bucket - 1))
            start = None
    return runs


def _band_names(
    order: Sequence[int],
    shares: pd.DataFrame,
    names: Mapping[int, str],
    edges: np.ndarray,
    styles: Mapping[int, Style],
    look: Theme,
) -> list[dict]:
    """Each concept's name in its band, where the band has room for it, so that nobody needs the legend."""
    found = []
    middles = (edges[:-1] + edges[1:]) / 2
    floor = np.zeros(len(middles))
    for concept in [*order, OTHER]:
        share = shares.loc[concept].to_numpy(dtype=float)
        ceiling = floor + np.nan_to_num(share)
        bucket, low, high = _room(floor, ceiling, np.isfinite(share))
        if high - low >= _LABEL_FROM:
            style = look.other if concept == OTHER else styles[concept]
            side = {0: "left", len(middles) - 1: "right"}.get(bucket, "center")  # stay inside the chart
            found.append(
                {
                    "x": float({"left": edges[0], "right": edges[-1]}.get(side, middles[bucket])),
                    "xanchor": side,
                    "xshift": {"left": 5, "right": -5}.get(side, 0),
                    "y": (low + high) / 2,
                    "text": escape(short(names[concept], 16)),
                    "showarrow": False,
                    "font": {"size": 12, "color": style.ink if concept != OTHER else look.text},
                    "bgcolor": style.color if style.pattern else None,
                }
            )
        floor = ceiling
    return found


def _room(floor: np.ndarray, ceiling: np.ndarray, filled: np.ndarray) -> tuple[int, float, float]:
    """The bucket in which a band stays tallest over a label's width, and from where to where there."""
    best = (0, 0.0, 0.0)
    for bucket in np.flatnonzero(filled):
        low, high = floor[bucket], ceiling[bucket]
        for beside in (bucket - 1, bucket + 1):
            if 0 <= beside < len(filled) and filled[beside]:
                low = max(low, (floor[bucket] + floor[beside]) / 2)
                high = min(high, (ceiling[bucket] + ceiling[beside]) / 2)
        if high - low > best[2] - best[1]:
            best = (int(bucket), float(low), float(high))
    return best


def _image_counts(buckets: Buckets, middles: np.ndarray, look: Theme) -> list[dict]:
    """The number of images above each bucket."""
    return [
        {
            "name": f"images in bucket {bucket}",
            "text": f"<b>{count:,}</b><br>{'image' if count == 1 else 'images'}",
            "x": float(middles[bucket]),
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": 4,
            "showarrow": False,
            "font": {"size": 12, "color": look.text if count else look.muted},
        }
        for bucket, count in enumerate(int(c) for c in buckets.counts)
    ]


def _empty_boxes(buckets: Buckets, edges: np.ndarray, look: Theme) -> list[dict]:
    """An outlined, empty box for each bucket without images."""
    return [
        {
            "type": "rect",
            "layer": "below",
            "line": {"color": look.muted, "width": 1, "dash": "dot"},
            "x0": float(edges[bucket]),
            "x1": float(edges[bucket + 1]),
            "y0": 0,
            "y1": 1,
        }
        for bucket, count in enumerate(buckets.counts)
        if count == 0
    ]
