"""Scores and their nulls in plain words, as pieces of HTML."""

from __future__ import annotations

from html import escape

import pandas as pd

from ..base.numbers import plural, rounded, two
from ..store import Explanation, Score, Unit
from .markdown import md

ABLATIONS = {
    "ablation-norm": (
        "norm",
        "c and d in closed form: the straight line from prediction to activation that fits best on val",
    ),
    "ablation-optim": (
        "optim",
        "c and d by gradient descent on val, begun at those of norm, towards where the network’s loss changes least (not promised to be the least); on test it can do worse than norm, "
        "most of all where few val images decide",
    ),
}
_SCALE = "1: the words can stand in for the unit unnoticed; 0: they do no better than its mean."


def seen_by(matrix: str) -> str:
    """Who says which concepts an image shows: 'the images’ labels', or the encoder's name."""
    return "the images’ labels" if matrix == "label" else matrix


def score_words(unit: Unit, explanation: Explanation, main_only: bool = False) -> str:
    """Each score with its interval, split, number of images and simulator, and what chance gives; or
    why there is none (HTML). main_only: the headline's alone."""
    scores = tuple(score for score in explanation.scores if score.kind == "correlation")
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


def ablation_words(unit: Unit, explanation: Explanation, main_only: bool = False) -> str:
    """How well the words' prediction stands in for the unit, or why nobody knows (HTML); empty where the
    store has no ablation scores and gives no reason."""
    scores = [score for score in explanation.scores if score.kind in ABLATIONS]
    if not scores:
        why = unit.effect_reason
        return f"<b>No test ablation score:</b> {escape(why)}" if why else ""
    simulators = list(dict.fromkeys(score.simulator for score in scores))
    if main_only and explanation.simulator in simulators:
        simulators = [explanation.simulator]
    lines = [_ablated([s for s in scores if s.simulator == name]) for name in simulators]
    if any(score.value is not None for score in scores if score.simulator in simulators):
        lines[-1] += f'. <span class="lx-muted">{_SCALE}</span>'
    return "<br>".join(lines)


def _ablated(scores: list[Score]) -> str:
    """The ablation scores by one simulator."""
    how = f'<span class="lx-muted">(concepts seen by {escape(seen_by(scores[0].simulator))})</span>'
    known = [(score, score.value) for score in scores if score.value is not None]
    if not known:
        reason = scores[0].reason or "it is undefined."
        return f"<b>No test ablation score</b> {how}<b>:</b> {escape(reason)}"
    told = "; ".join(
        f'<span title="{escape(ablation_title(score), quote=True)}"><b>{two(value)}</b> by {ABLATIONS[score.kind][0]}'
        f"{_interval(score, ', 95% interval {}')}</span>"
        for score, value in known
    )
    return f"Test ablation score {told}, {_images(known[0][0])} {how}"


def _images(score: Score) -> str:
    return plural(score.n, "image") + (" (an estimate from a random sample)" if score.sampled else "")


def ablation_title(score: Score) -> str:
    """What an ablation score was computed with, for a tooltip."""
    name, meaning = ABLATIONS[score.kind]
    fitted = "" if score.c is None or score.d is None else f" c = {rounded(score.c)}, d = {rounded(score.d)}."
    return f"{name}: the unit is replaced by c·prediction + d, {meaning}.{fitted} {_images(score)}. {_SCALE}"


def ablation_cell(scores: list[Score | None]) -> str:
    """The ablation scores by one simulator as a cell of a table (HTML)."""
    found = [score for score in scores if score is not None]
    if not found:
        return '<span class="lx-muted">not scored</span>'
    if all(score.value is None for score in found):
        reason = escape(found[0].reason or "it is undefined.")
        return f'<span class="lx-muted">none: {reason}</span>'
    parts = []
    for score in found:
        name = ABLATIONS[score.kind][0]
        if score.value is None:
            parts.append(f'<span class="lx-muted">{name}: none, {escape(score.reason or "undefined")}</span>')
            continue
        estimate = ", estimate" if score.sampled else ""
        fitted = (
            ""
            if score.c is None or score.d is None
            else f"c {rounded(score.c)}, d {rounded(score.d)}{estimate}"
        )
        parts.append(
            f'<span class="lx-one" title="{escape(ablation_title(score), quote=True)}">{name} <b>{two(score.value)}</b>'
            f'{_interval(score, " ({})")}<br><span class="lx-muted">{fitted}</span></span>'
        )
    return "<br>".join(parts)


def _interval(score: Score, pattern: str) -> str:
    if score.low is None or score.high is None:
        return ""
    return pattern.format(f"{two(score.low)} to {two(score.high)}")


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


def score_cell(unit: Unit, score: Score | None) -> str:
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


def simulated_score(unit: Unit, explanation: Explanation, matrix: str) -> str:
    """The score of what is shown, as Markdown."""
    score = explanation.score(simulator=matrix)
    if score is None:
        if matrix == explanation.matrix:
            return "The explanation was found with these values, so they are not used to score it."
        return "It was not scored with these values."
    if score.value is None:
        return f"It has no score: {md(score.reason or 'it is undefined.')}"
    return f"Test correlation **{two(score.value)}** over {plural(score.n, 'image')}. {md(null_words(unit, score))}"


def residuals_note(frame: pd.DataFrame, side: str) -> str:
    if frame.empty:
        return f"no image is {side} its simulated activation"
    test = int((frame["split"] == "test").sum())
    return (
        f"{plural(len(frame), 'image')} farthest {side} the simulated activation; "
        f"{test} of them in the test split"
    )


def ablated_by(found: list[Explanation], simulators: list[str]) -> list[str]:
    """The simulators that have a column of ablation scores; none where all are missing for one reason,
    which the headline says."""
    scores = [score for one in found for score in one.scores if score.kind in ABLATIONS]
    if all(score.value is None for score in scores) and len({score.reason for score in scores}) < 2:
        return []
    return [name for name in simulators if any(score.simulator == name for score in scores)]


def simulators_of(found: list[Explanation]) -> list[str]:
    """All that scored one of the explanations, labels first."""
    names = {score.simulator for one in found for score in one.scores}
    return sorted(names, key=lambda name: (name != "label", name))


def methods_table(unit: Unit) -> pd.DataFrame:
    """A row per method and simulator."""
    rows = []
    for one in unit.explanations:
        facts = {
            "method": one.method, "explanation": one.text, "length": one.length, "matrix": one.matrix,
            "val_correlation": one.val_correlation, "violation": one.violation, "reason": one.reason,
        }  # fmt: skip
        for score in one.scores or (None,):
            more = {} if score is None else vars(score) | {"score_reason": score.reason}
            more.pop("reason", None)
            rows.append(facts | more)
    return pd.DataFrame(rows)
