"""The stacked area chart: what the images of each bucket are, from 0 to the unit's maximum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from .base import decimals, escape, figure, plain, plural, short
from .palette import Style, concept_styles, theme_of

OTHER = -1
_LABEL_FROM = 0.12  # a band is named in the chart where it takes at least this share of a bucket


def area_chart(
    composition: pd.DataFrame,
    buckets,
    *,
    styles: dict[int, Style] | None = None,
    theme: str = "light",
    height: int = 400,
    quantity: str = "activation",
) -> go.Figure:
    """Share of each bucket's images by concept, stacked to 100 % (paper, Figure 3).

    composition: columns bucket, concept, name, count, share, as `Unit.composition` gives them.
    buckets: edges (9,), counts (8,) and negative, as `Unit.buckets` gives them.
    styles: concept id → how it is drawn; its order is the order of the stack from the bottom
    (the composition's own order without it). "other" (concept -1) is grey and on top.
    quantity: what the x axis measures, in words.

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

    fig = figure(look, height, margin={"l": 58, "r": 14, "t": 50, "b": 66}, hovermode="x unified")
    runs = _runs(np.asarray(buckets.counts) > 0)
    for concept in [*order, OTHER]:
        style = look.other if concept == OTHER else styles[concept]
        for run, (first, last) in enumerate(runs):
            inside = list(range(first, last + 1))
            at = [first, *inside, last]  # flat from the outer edges to the first and last middle
            fig.add_trace(
                go.Scatter(
                    x=[edges[first], *middles[first : last + 1], edges[last + 1]],
                    y=[float(shares.loc[concept, b]) for b in at],
                    customdata=[
                        [int(counts.loc[concept, b]), int(buckets.counts[b]), plain(edges[b], places),
                         plain(edges[b + 1], places)]
                        for b in at
                    ],
                    name=escape(short(names[concept])),
                    legendgroup=str(concept),
                    showlegend=run == 0,
                    stackgroup=f"run {run}",
                    mode="lines",
                    line={"width": 0.8, "color": look.page},
                    fillcolor=style.color,
                    fillpattern={"shape": style.pattern, "fgcolor": style.ink, "bgcolor": style.color,
                                 "size": 7, "solidity": 0.25},
                    hovertemplate="%{y:.0%} (%{customdata[0]:,} of %{customdata[1]:,} images)",
                    meta={"concept": concept, "buckets": at},
                )
            )
    _name_bands(fig, order, shares, names, middles, styles, look)
    _count_images(fig, buckets, edges, middles, look)
    total = int(np.sum(buckets.counts)) + int(buckets.negative)
    below = (
        f"{plural(int(buckets.negative), 'image')} of {total:,} below 0: in no range, not in the chart"
        if buckets.negative
        else f"all {plural(total, 'image')} of the probing set; none is below 0"
    )
    fig.update_xaxes(
        range=[edges[0], edges[-1]],
        tickvals=list(edges),
        ticktext=[plain(e, places) for e in edges],
        title_text=f"{escape(quantity)}, 8 equal ranges from 0 to the largest<br>{below}",
        showgrid=True,
        unifiedhovertitle_text="%{customdata[2]} to %{customdata[3]}",
    )
    fig.update_yaxes(
        range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%", title_text="share of the range’s images"
    )
    fig.update_layout(
        showlegend=True,
        legend={"traceorder": "reversed", "font": {"size": 12}, "itemsizing": "constant", "x": 1.01, "y": 1,
                "itemclick": False, "itemdoubleclick": False},
    )
    return fig


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


def _name_bands(fig, order, shares, names, middles, styles, look) -> None:
    """Write each concept's name into its band where that is tallest, so the legend is not needed."""
    floor = np.zeros(len(middles))
    for concept in [*order, OTHER]:
        share = shares.loc[concept].to_numpy(dtype=float)
        tall = np.nan_to_num(share)
        bucket = int(np.argmax(tall))
        if tall[bucket] >= _LABEL_FROM:
            style = look.other if concept == OTHER else styles[concept]
            edge = bucket in (0, len(middles) - 1)
            fig.add_annotation(
                x=middles[bucket],
                y=floor[bucket] + tall[bucket] / 2,
                text=escape(short(names[concept], 11 if edge else 16)),
                showarrow=False,
                font={"size": 12, "color": style.ink if concept != OTHER else look.text},
                bgcolor=style.color if style.pattern else None,
            )
        floor += tall


def _count_images(fig, buckets, edges, middles, look) -> None:
    """The number of images above each bucket; an empty bucket is an outlined, empty box."""
    for bucket, count in enumerate(int(c) for c in buckets.counts):
        words = f"<b>{count:,}</b><br>{'image' if count == 1 else 'images'}"
        fig.add_annotation(
            x=middles[bucket], y=1, yref="paper", yanchor="bottom", yshift=4, text=words, showarrow=False,
            font={"size": 12, "color": look.text if count else look.muted}, name=f"images in bucket {bucket}",
        )
        if count == 0:
            fig.add_shape(
                type="rect", x0=edges[bucket], x1=edges[bucket + 1], y0=0, y1=1, layer="below",
                line={"color": look.muted, "width": 1, "dash": "dot"},
            )
