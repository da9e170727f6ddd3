"""Scores and their nulls in plain words, as pieces of HTML."""

from __future__ import annotations

from html import escape

from lexplain_core.figures import plural
from lexplain_core.store import Explanation, Score, Unit

from .words import two


def seen_by(matrix: str) -> str:
    """Who says which concepts an image shows: 'the images’ labels', or the encoder's name."""
    return "the images’ labels" if matrix == "label" else matrix


def score_words(unit: Unit, explanation: Explanation, main_only: bool = False) -> str:
    """Each score with its interval, split, number of images and simulator, and what chance gives; or
    why there is none (HTML). main_only: the headline's alone."""
    scores = explanation.scores
    if main_only and (main := explanation.score()):
        scores = (main,)
    return "<br>".join(_words(unit, score) for score in scores) or "This explanation has no score."


def _words(unit: Unit, score: Score) -> str:
    name = escape(f"{score.split.capitalize()} {score.kind}")
    how = f'<span class="lx-muted">(concepts seen by {escape(seen_by(score.simulator))})</span>'
    if score.value is None:
        return f"<b>No {name.lower()}</b> {how}<b>:</b> {escape(score.reason or 'it is undefined.')}"
    value = f"{name} <b>{two(score.value)}</b>{_interval(score, ', 95% interval {}')}, {plural(score.n, 'image')} {how}"
    chance = f'. <span class="lx-muted">{escape(null_words(unit, score))}</span>'
    doubt = f' <span class="lx-doubt">{escape(doubt_words(score))}</span>' if score.doubt else ""
    return value + chance + doubt


def _interval(score: Score, pattern: str) -> str:
    return "" if score.low is None else pattern.format(f"{two(score.low)} to {two(score.high)}")


def null_words(unit: Unit, score: Score) -> str:
    """What chance gives: how well the same words predict the layer's other units."""
    if score.null_high is None:
        return f"Chance: unknown. {score.null_reason or 'No null was computed.'}"
    count, above = score.null_units, score.null_above
    none = "none scores" if above == 0 else "1 scores" if above == 1 else f"{above:,} score"
    return (
        f"Chance: these words score below {two(score.null_high)} on 95% of the layer’s other {count:,} units; "
        f"{none} as high as unit {unit.unit}."
    )


def doubt_words(score: Score) -> str:
    """Why a score is no better than chance; empty where it is better."""
    if score.doubt == "interval":
        side = "holds 0" if score.high is None or score.high >= 0 else "lies below 0"
        return f"⚠ No better than chance: the interval {side}."
    if score.doubt == "null":
        return "⚠ No better than chance: these words fit other units of the layer as well."
    return ""


def cell(unit: Unit, score: Score | None) -> str:
    """A score as a cell of a table (HTML): value, interval and chance."""
    if score is None:
        return '<span class="lx-muted">not scored</span>'
    if score.value is None:
        return f'<span class="lx-muted" title="{escape(score.reason or "", quote=True)}">none: {escape(score.reason or "")}</span>'
    chance = ""
    if score.null_high is not None:
        chance = f"chance {two(score.null_high)}; {score.null_above:,} of {score.null_units:,} others as high"
    title = escape(f"{null_words(unit, score)} {doubt_words(score)}", quote=True)
    doubt = '<br><span class="lx-doubt">⚠ no better than chance</span>' if score.doubt else ""
    return (
        f'<span title="{title}"><b>{two(score.value)}</b>{_interval(score, " ({})")}<br>'
        f'<span class="lx-muted">{escape(chance)}</span></span>{doubt}'
    )
