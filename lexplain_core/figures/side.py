"""Charts of several units beside each other: shared axes, a mark for one image, weights row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..base.numbers import decimals, plain, plural, signed
from ..store import Buckets, Explanation
from .base import axis, escape, figure, hatch, short
from .palette import Style, Theme, theme_of

SCALES = ("same", "relative", "own")
_ACROSS = 1180  # pixels that charts side by side share on a small screen
_LEVEL, _UPRIGHT = 44, 12  # pixels that the number of images takes, lying and standing
_NAMED = 18  # so many pixels wide, a range has room for names of the areas
_PER_ROW = 30  # pixels of a row of weights


def beside(
    chart: go.Figure,
    buckets: Buckets,
    *,
    scale: str = "same",
    reach: float | None = None,
    mark: float | None = None,
    charts: int = 2,
    theme: str = "light",
) -> go.Figure:
    """An area chart as one of several beside each other: without its legend and long titles.

    chart: of `area_chart`, its buckets likewise. scale: 'same' for an axis from 0 to `reach` (largest activation of
    all the units; the unit's own without), 'relative' for one in percent of the unit's largest activation, 'own' for
    one from 0 to that. mark: one image's activation, for a line across the chart. charts: how many share the page.
    """
    look = theme_of(theme)
    edges = np.asarray(buckets.edges, dtype=float)
    top = float(edges[-1])
    end = max(top, reach or top) if scale == "same" else top
    data, layout = (chart.to_plotly_json()[part] for part in ("data", "layout"))
    room = (_ACROSS / charts - 70) * top / end / (len(edges) - 1)
    notes = [_narrowed(note, room) for note in layout.get("annotations") or ()]
    shapes = [*(layout.get("shapes") or ())]
    if scale == "same" and end > top:  # where this unit ends
        shapes.append(_line(top, look, dash="dot"))
    if mark is not None:
        shapes += [_line(mark, look)] if mark >= 0 else []
        notes.append(_flag(mark, end, look, decimals(top, 50)))
    steps = edges[::2]
    title = "activation"
    ticks = {"tickvals": steps.tolist(), "ticktext": [plain(e, decimals(top)) for e in steps]}
    if scale == "relative":
        ticks["ticktext"] = [f"{step / top:.0%}" for step in steps]
        title = f"activation, in percent of the largest ({plain(top, decimals(top, 50))})"
    elif scale == "same":
        ticks = {"tickvals": None, "ticktext": None, "nticks": 6}
    below = (
        f"<br>{plural(int(buckets.negative), 'image')} below 0: not in the chart" if buckets.negative else ""
    )
    layout |= {
        "annotations": [note for note in notes if note],
        "shapes": shapes,
        "showlegend": False,
        "margin": {"l": 46, "r": 18, "t": 44, "b": 58 if below else 44},
        "xaxis": layout["xaxis"] | ticks | axis(look, title + below, range=[0.0, end]),
        "yaxis": layout["yaxis"] | {"title": {"text": ""}},
    }
    return go.Figure(data, layout)


def marked(chart: go.Figure, mark: float, *, theme: str = "light") -> go.Figure:
    """The same histogram with a line at one image's activation."""
    look = theme_of(theme)
    chart.add_shape(_line(mark, look))
    chart.add_annotation(_flag(mark, None, look, decimals(abs(mark), 50)))
    return chart


def _narrowed(note: dict, room: float) -> dict | None:
    """A note of the area chart where a range is `room` pixels wide; None where there is none for it."""
    if not str(note.get("name", "")).startswith("images in bucket"):
        return note if room >= _NAMED else None
    if room < _UPRIGHT:
        return None
    if room >= _LEVEL:
        return note
    number = note["text"].split("<br>")[0]
    return note | {"text": number, "textangle": -90, "font": note["font"] | {"size": 11}}


def _line(at: float, look: Theme, dash: str = "solid") -> dict:
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": look.text if dash == "solid" else look.muted, "width": 2.5 if dash == "solid" else 1, "dash": dash},
    }  # fmt: skip


def _flag(mark: float, end: float | None, look: Theme, places: int) -> dict:
    """The activation of the marked image in figures, at the foot of its line. end: of an axis that starts at 0, at whose left
    the figures stand for an image below 0; None for an axis that holds every activation."""
    outside = end is not None and mark < 0
    return {
        "name": "marked image",
        "x": mark if end is None else min(max(mark, 0.0), end),
        "y": 0,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "center" if end is None else "right" if mark > end / 2 else "left",
        "text": f"<b>{'◂ ' if outside else ''}{plain(mark, places)}</b>",
        "showarrow": False,
        "bgcolor": look.text,
        "borderpad": 2,
        "font": {"size": 13, "color": look.page},
    }


def weights_beside(
    units: Sequence[tuple[str, Explanation | None, float]],
    styles: Mapping[str, Style],
    *,
    scale: str = "same",
    theme: str = "light",
) -> go.Figure:
    """Weights of several explanations: a row for each concept, a panel for each unit.

    units: (title, explanation or None, the unit's largest activation). styles: concept name → how it is drawn; its order is that of
    the rows. scale: 'same' for one axis, 'relative' for weights in percent of the unit's largest activation (of units without a
    positive one nothing is drawn), 'own' for an axis each. The bias is the last row; where an explanation hasn't a concept, there is a dash.
    """
    look = theme_of(theme)
    panels = [_panel(explanation, top, scale) for _, explanation, top in units]
    used = {name for panel in panels for name in panel}
    names = [name for name in styles if name in used] + (
        [_BIAS] if any(_BIAS in panel for panel in panels) else []
    )
    ends = [_ends(panel) for panel in panels]
    if scale != "own":
        ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(ends)
    gap = 0.03
    width = (1 - gap * (len(units) - 1)) / len(units)
    data, notes, axes = [], [], {}
    for number, ((title, explanation, _), panel, (low, high)) in enumerate(
        zip(units, panels, ends, strict=True)
    ):
        suffix = str(number + 1) if number else ""
        start = number * (width + gap)
        data.append(_bars(panel, names, styles, look, scale, f"x{suffix}"))
        axes[f"xaxis{suffix}"] = axis(
            look,
            domain=[start, min(1.0, start + width)],
            range=[low, high],
            nticks=5,
            zeroline=True,
            zerolinecolor=look.muted,
            ticksuffix="%" if scale == "relative" else "",
            anchor="y",
        )
        notes.append(
            {
                "text": f"<b>{escape(short(title, 60 // len(units) + 12))}</b>",
                "xref": "paper",
                "yref": "paper",
                "x": start,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 4,
                "showarrow": False,
            }
        )  # fmt: skip
        notes += [
            {
                "text": "–",
                "x": 0,
                "y": row,
                "xref": f"x{suffix}",
                "yref": "y",
                "showarrow": False,
                "xshift": 8,
                "font": {"color": look.muted},
            }
            for row, name in enumerate(names)
            if panel and name not in panel
        ]
        if not panel:
            notes.append(_nothing(look, f"x{suffix}", explanation))
    rows = list(range(len(names)))
    return figure(
        look,
        _PER_ROW * max(3, len(names)) + 70,
        data,
        margin={"l": 20, "r": 16, "t": 34, "b": 36},
        annotations=notes,
        yaxis=axis(
            look,
            tickvals=rows,
            ticktext=[escape(short(name)) + "  " for name in names],
            range=[len(names) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
        **axes,
    )


_BIAS = "bias (no concept)"


def _nothing(look: Theme, xaxis: str, explanation: Explanation | None) -> dict:
    """Why a panel is empty."""
    unknown = explanation is None or explanation.bias is None
    return {
        "text": "no explanation" if unknown else "no activation above 0<br>to take a part of",
        "x": 0,
        "y": 0,
        "xref": xaxis,
        "yref": "y",
        "xanchor": "left",
        "xshift": 8,
        "showarrow": False,
        "font": {"color": look.muted},
    }


def _panel(explanation: Explanation | None, top: float, scale: str) -> dict[str, float]:
    """The values of a panel's bars by the names of their rows."""
    if explanation is None or explanation.bias is None or (scale == "relative" and not top > 0):
        return {}
    factor = 100 / top if scale == "relative" else 1.0
    return {term.name: term.weight * factor for term in explanation.terms} | {
        _BIAS: explanation.bias * factor
    }


def _ends(panel: dict[str, float]) -> tuple[float, float]:
    """From where to where an axis goes, with room for the figures at the bars' ends."""
    low, high = min(0.0, *panel.values(), 0.0), max(0.0, *panel.values(), 0.0)
    room = 0.34 * ((high - low) or 1.0)
    return low - (room if low < 0 else 0), high + room


def _bars(
    panel: dict[str, float],
    names: list[str],
    styles: Mapping[str, Style],
    look: Theme,
    scale: str,
    xaxis: str,
) -> dict:
    places = max(
        0 if scale == "relative" else 1, decimals(max(map(abs, panel.values()), default=1.0) or 1.0, 10)
    )
    found = [(row, name, panel[name]) for row, name in enumerate(names) if name in panel]
    unit = "%" if scale == "relative" else ""
    drawn = [look.other if name == _BIAS else styles[name] for _, name, _ in found]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [value for *_, value in found],
        "y": [row for row, *_ in found],
        "xaxis": xaxis,
        "width": 0.62,
        "text": [signed(value, places) + unit for *_, value in found],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"color": look.text, "size": 13},
        "customdata": [[escape(name)] for _, name, _ in found],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{text}<extra></extra>",
        "marker": {
            "color": [style.color for style in drawn],
            "line": {"color": look.text, "width": [1.2 if value < 0 else 0 for *_, value in found]},
            "pattern": hatch(
                ["\\" if value < 0 else style.pattern for style, (*_, value) in zip(drawn, found, strict=True)], look.page
            ),
        },
    }  # fmt: skip
