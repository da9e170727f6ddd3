"""Importance of units over a layer: the Top Impact table and the scores set against each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..base.numbers import percent, plain, plural, rounded
from ..store import of_units
from .effect import SET_TO
from .markdown import code, md
from .scores import ABLATIONS, seen_by

_NO_RELATION = 0.1  # R² of the fit
BETA = 0.02  # of the scatter
FITS = {name: measure for measure, (name, _) in ABLATIONS.items()}  # how c and d are found, and the measure


def top_impact_words(table: pd.DataFrame, images: int, to: str) -> str:
    """What the table says of the last layer that has impacts, and of the numbers in it."""
    layer = table["layer"].iloc[-1]
    rows = table[table["layer"] == layer].set_index("beta")
    told: list[str] = []
    for beta in (0.002, 0.1):
        row = row_at(rows, beta)
        if row is not None and pd.notna(row["mean"]):
            top = f"the top {beta_words(beta)} ({plural(round(beta * images), 'image')})"
            told.append(f"{top} carry **{percent(row['mean'])}**{'' if told else ' of the unit’s effect'}")
    words = ""
    if told:
        words = f"In {code(layer)}, {' and '.join(told)}, on average over units; images are ranked by the unit’s activation."
    return (
        f"{words} Each cell is the mean over the layer’s units that have an effect, ± its standard deviation over them: the share of "
        f"a unit’s impact, summed over all {images:,} images of the probing set with the unit set to {SET_TO[to]}, that lies in the "
        "images with its highest activation. If every image had the same effect, a cell would be the share at the head of its column."
    )


def beta_words(beta: float) -> str:
    return f"{100 * beta:g}%"


def row_at(rows: pd.DataFrame, beta: float) -> pd.Series | None:
    """The row of a layer's table at a beta, None where it has none."""
    close = [b for b in rows.index if abs(b - beta) < 1e-9]
    return rows.loc[close[0]] if close else None


def counted(rows: pd.DataFrame) -> str:
    """Over how many of a layer's units the means are, what the others are, and how many estimates are rough."""
    row = rows.loc[rows["units"].idxmax()]
    words = of_units(
        row["units"], row["of"], dead=row["dead"], constant=row["constant"], without_effect=row["idle"],
        unknown=row["unknown"],
    )  # fmt: skip
    first, _, others = words.partition("; ")
    if row["rough"]:
        others += ("; " if others else "") + f"{row['rough']:,} rough"
    return f"{first}" + (f'<br><span class="lx-muted">{others}</span>' if others else "")


def mean_cell(row: pd.Series | None) -> str:
    if row is None or pd.isna(row["mean"]):
        return '<td><span class="lx-muted">–</span></td>'
    error = f"; standard error of the mean from sampling: {percent(row['error'])}" if row["sampled"] else ""
    title = f"mean {row['mean']:.6f}, standard deviation over units {row['std']:.6f}{error}"
    return f'<td title="{title}"><b>{percent(row["mean"])}</b> <span class="lx-muted">± {percent(row["std"])}</span></td>'


def not_drawn(frame: pd.DataFrame) -> str:
    """Which units are no points: those without effect, and apart from them those of which less is known."""
    small = frame["total"].gt(0) & frame["value"].isna()
    told = [
        f"{plural(count, 'unit')} {words}"
        for count, words in (
            (int(frame["total"].eq(0).sum()), "without effect"),
            (
                int(small.sum()),
                f"whose Top Impact at {beta_words(BETA)} is undefined, as that is less than one image",
            ),
            (int(frame["total"].isna().sum()), "whose impact is unknown"),
        )
        if count
    ]
    return f"Not drawn: {'; '.join(told)}." if told else ""


def largest_words(frame: pd.DataFrame) -> str:
    """The first of the units by total impact; or that none has an effect, or that nothing is known of it."""
    if not frame["total"].gt(0).any():
        if frame["total"].isna().all():
            return "The impact of these units is unknown; the notes say why."
        return (
            "No unit" + (" whose impact is known" if frame["total"].isna().any() else "") + " has an effect."
        )
    first = frame.iloc[0]
    return f"{code(first['layer'])} · unit {first['unit']} has the largest total impact, {rounded(first['total'])}."


def quadratic(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Least-squares fit y ≈ a·x² + b·x + c: (a, b, c) and R². None with fewer than 4 different x.

    R² = 1 − Σ(y − fit)² / Σ(y − mean)².
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if len(np.unique(x)) < 4 or y.std() == 0:
        return None
    found = np.polyfit(x, y, 2)
    return found, float(1 - np.sum((y - np.polyval(found, x)) ** 2) / np.sum((y - y.mean()) ** 2))


def together_words(frame: pd.DataFrame, fit: str) -> str:
    """How many points, by whom they were scored, and the fit."""
    units = len(frame[["layer", "unit"]].drop_duplicates())
    seen = " and ".join(md(seen_by(name)) for name in sorted(frame["simulator"].unique()))
    words = (
        f"Each point is one of {plural(len(frame), 'explanation')} of {plural(units, 'unit')}; **click one to open its unit.** To the "
        f"right how well its words predict the unit, upwards how well their prediction stands in for it, both on the test split, "
        f"with concepts seen by {seen}, and with c and d by {fit} ({ABLATIONS[FITS[fit]][1].removeprefix('c and d ')})."
    )
    found = quadratic(frame["correlation"], frame["ablation"])
    if found is None:
        return words + " There are too few points for a fit."
    (a, b, c), r2 = found
    if r2 < _NO_RELATION:
        words += f"\n\n**In these points there is hardly a relation between the two** (R² = {plain(r2)} of the fit below)."
    formula = f"{plain(a)}·r² {_sign(b)} {plain(abs(b))}·r {_sign(c)} {plain(abs(c))}"
    return (
        words
        + f"\n\nThe dashed line is the least-squares fit of a quadratic to these {plural(len(frame), 'point')}: "
        f"**ablation ≈ {formula}**, where r is the correlation; it accounts for **{r2:.0%}** of the variance of the ablation scores "
        f"(R² = {plain(r2)})."
    )


def _sign(value: float) -> str:
    return "−" if value < 0 else "+"
