"""Scores and their nulls in plain words, as pieces of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import pandas as pd

from ..base.measures import Description
from ..base.numbers import plural, rounded, two
from ..store import Explanation, Score, Unit
from ..store.catalog import Catalog
from .markdown import md

ABLATIONS = {
    "ablation": (
        "norm",
        "c and d in closed form: the straight line from prediction to activation that fits best on val",
    ),
    "ablation_optim": (
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
    scores = tuple(score for score in explanation.scores if score.measure == "correlation")
    if main_only and (main := explanation.score()):
        scores = (main,)
    return "<br>".join(_words(unit, score) for score in scores) or "This explanation has no score."


def _words(unit: Unit, score: Score) -> str:
    name = escape(f"{score.split.capitalize()} correlation")
    how = f'<span class="lx-muted">(concepts seen by {escape(seen_by(score.by))})</span>'
    if score.value is None:
        return f"<b>No {name.lower()}</b> {how}<b>:</b> {escape(score.reason or 'it is undefined.')}"
    value = f"{name} <b>{two(score.value)}</b>{_interval(score, ', 95% interval {}')}, {plural(score.n, 'image')} {how}"
    chance = f'. <span class="lx-muted">{escape(null_words(unit, score))}</span>'
    doubt = doubt_words(unit, score)
    return value + chance + (f' <span class="lx-doubt">{escape(doubt)}</span>' if doubt else "")


def ablation_words(unit: Unit, explanation: Explanation, main_only: bool = False) -> str:
    """How well the words' prediction stands in for the unit, or why nobody knows (HTML); empty where the
    store has no ablation scores and gives no reason."""
    scores = [score for score in explanation.scores if score.measure in ABLATIONS]
    if not scores:
        why = unit.effect_reason
        return f"<b>No test ablation score:</b> {escape(why)}" if why else ""
    simulators = list(dict.fromkeys(score.by for score in scores))
    if main_only and explanation.simulator in simulators:
        simulators = [explanation.simulator]
    lines = [_ablated([s for s in scores if s.by == name]) for name in simulators]
    if any(score.value is not None for score in scores if score.by in simulators):
        lines[-1] += f'. <span class="lx-muted">{_SCALE}</span>'
    return "<br>".join(lines)


def _ablated(scores: list[Score]) -> str:
    """The ablation scores by one simulator."""
    how = f'<span class="lx-muted">(concepts seen by {escape(seen_by(scores[0].by))})</span>'
    known = [(score, score.value) for score in scores if score.value is not None]
    if not known:
        reason = scores[0].reason or "it is undefined."
        return f"<b>No test ablation score</b> {how}<b>:</b> {escape(reason)}"
    told = "; ".join(
        f'<span title="{escape(ablation_title(score), quote=True)}"><b>{two(value)}</b> by {ABLATIONS[score.measure][0]}'
        f"{_interval(score, ', 95% interval {}')}</span>"
        for score, value in known
    )
    return f"Test ablation score {told}, {_images(known[0][0])} {how}"


def _images(score: Score) -> str:
    return plural(score.n, "image") + (" (an estimate from a random sample)" if score.sampled else "")


def ablation_title(score: Score) -> str:
    """What an ablation score was computed with, for a tooltip."""
    name, meaning = ABLATIONS[score.measure]
    c, d = _fitted(score)
    fitted = f" c = {c}, d = {d}." if c else ""
    return f"{name}: the unit is replaced by c·prediction + d, {meaning}.{fitted} {_images(score)}. {_SCALE}"


def _fitted(score: Score) -> tuple[str, str]:
    """The factor and the shift of an ablation, as text; '' where they aren't known."""
    c, d = score.details.get("c"), score.details.get("d")
    return ("", "") if c is None or d is None else (rounded(c), rounded(d))


def _interval(score: Score, pattern: str) -> str:
    if score.low is None or score.high is None:
        return ""
    return pattern.format(f"{two(score.low)} to {two(score.high)}")


def null_words(unit: Unit, score: Score) -> str:
    """What chance gives: how well the same words predict the layer's other units."""
    if score.chance is None:
        return f"Chance: unknown. {score.details.get('null_reason') or 'No null was computed.'}"
    count, above = score.details.get("null_units"), score.details.get("null_above")
    if count is None or above is None:
        return f"Chance: 95% of what is meaningless scores below {two(score.chance)}."
    none = "none scores" if above == 0 else "1 scores" if above == 1 else f"{above:,} score"
    return (
        f"Chance: these words score below {two(score.chance)} on 95% of the layer’s other {count:,} units; "
        f"{none} as high as unit {unit.unit}."
    )


def doubt_words(unit: Unit, score: Score) -> str:
    """Why a score is no better than chance; empty where it is better."""
    description = unit.store.measures.get(score.measure)
    doubt = score.doubt(description) if description else None
    if description is None or doubt is None:
        return ""
    if doubt == "null":
        return "⚠ No better than chance: these words fit other units of the layer as well."
    chance = description.chance or 0
    inside = (score.low is None or score.low <= chance) and (score.high is None or score.high >= chance)
    side = (
        f"holds {chance:g}"
        if inside
        else f"lies {'below' if description.best == 'high' else 'above'} {chance:g}"
    )
    return f"⚠ No better than chance: the interval {side}."


def score_cell(unit: Unit, score: Score | None) -> str:
    """A score as a cell of a table (HTML): value, interval and chance."""
    if score is None:
        return '<span class="lx-muted">not scored</span>'
    if score.value is None:
        return f'<span class="lx-muted" title="{escape(score.reason or "", quote=True)}">none: {escape(score.reason or "")}</span>'
    doubt, chance, about = doubt_words(unit, score), "", ""
    if score.chance is not None:
        above, count = score.details.get("null_above"), score.details.get("null_units")
        others = "" if above is None or count is None else f"; {above:,} of {count:,} others as high"
        chance, about = f"chance {two(score.chance)}{others}", null_words(unit, score)
    mark = '<br><span class="lx-doubt">⚠ no better than chance</span>' if doubt else ""
    return (
        f'<span title="{escape(f"{about} {doubt}".strip(), quote=True)}"><b>{two(score.value)}</b>{_interval(score, " ({})")}'
        + (f'<br><span class="lx-muted">{escape(chance)}</span>' if chance else "")
        + f"</span>{mark}"
    )


def judge_line(unit: Unit, description: Description, scores: Sequence[Score]) -> str:
    """What a measure says of a unit or its explanation, in a line (HTML): the headline, and beside it those by others."""
    known = [score for score in scores if score.value is not None]
    title = f'<span title="{escape(description.help, quote=True)}">{escape(description.title.capitalize())}</span>'
    if not known:
        return f"<b>No {escape(description.title)}:</b> {escape(scores[0].reason or 'it is undefined.')}"
    parts = [
        f"<b>{two(score.value)}</b>{_interval(score, ', 95% interval {}')}"
        f"{f' by {escape(scorer(score.by))}' if score.by else ''}"
        for score in known
        if score.value is not None
    ]
    chance = "" if description.chance is None else f" Chance is {description.chance:g}."
    doubt = doubt_words(unit, known[0])
    return f'{title} {"; ".join(parts)}, n = {known[0].n:,}.<span class="lx-muted">{chance}</span>' + (
        f' <span class="lx-doubt">{escape(doubt)}</span>' if doubt else ""
    )


def scorer(by: str) -> str:
    """Who scored, in words."""
    return {"label": "the images’ labels", "target": "the network’s own last layer"}.get(by, by)


_OWN_WORDS = (
    "correlation",
    "ablation",
    "ablation_optim",
    "margin",
    "human",
)  # judges with words of their own


def other_judges(unit: Unit, explanation: Explanation | None) -> Iterator[tuple[str, str]]:
    """(name, line) of the judges that have no words of their own (HTML)."""
    for name, one in unit.store.measures.items():
        whole = unit.scores if one.of == "unit" else explanation.scores if explanation else ()
        scores = [score for score in whole if score.measure == name]
        if one.judge and scores and name not in _OWN_WORDS:
            yield name, judge_line(unit, one, scores)


def simulated_score(unit: Unit, explanation: Explanation, matrix: str) -> str:
    """The score of what is shown, as Markdown."""
    score = explanation.score(by=matrix)
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


def scored_columns(store: Catalog, found: Sequence[Explanation]) -> list[tuple[Description, str]]:
    """The columns of scores of explanations: each measure with each of its scorers, labels first; those that say nothing of
    any explanation are left out, but for the correlation."""
    columns = []
    for name, one in store.measures.items():
        scores = [score for explanation in found for score in explanation.scores if score.measure == name]
        reasons = {score.reason for score in scores if score.value is None}
        silent = all(score.value is None for score in scores) and len(reasons) < 2
        if one.of == "explanation" and one.listed and scores and (name == "correlation" or not silent):
            scorers = {score.by for score in scores if score.by} or {""}
            columns += [(one, by) for by in sorted(scorers, key=lambda by: (by != "label", by))]
    return columns


def column_title(measure: Description, by: str) -> str:
    """'Test corr. by labels'."""
    return measure.short + (f" by {'labels' if by == 'label' else by}" if by else "")


def measure_cell(unit: Unit, explanation: Explanation, measure: Description, by: str) -> str:
    """A score of an explanation as a cell of a table (HTML)."""
    score = explanation.score(measure.name, by)
    fitted = _fitted(score) if score is not None and score.value is not None else ("", "")
    estimate = ", estimate" if score is not None and score.sampled else ""
    more = f'<br><span class="lx-muted">c {fitted[0]}, d {fitted[1]}{estimate}</span>' if fitted[0] else ""
    return score_cell(unit, score) + more


def unit_cell(unit: Unit, measure: Description) -> str:
    """The headline of a measure of units as a cell of a table (HTML)."""
    score = unit.score(measure.name)
    n = "" if score is None or score.value is None else f'<br><span class="lx-muted">n = {score.n:,}</span>'
    return score_cell(unit, score) + n


def score_facts(score: Score) -> dict[str, Any]:
    """A score as a row of a table: its fields, and its details beside them."""
    return {name: value for name, value in vars(score).items() if name != "details"} | dict(score.details)


def methods_table(unit: Unit) -> pd.DataFrame:
    """A row per method and simulator."""
    rows = []
    for one in unit.explanations:
        facts = {
            "method": one.method, "explanation": one.text, "length": one.length, "matrix": one.matrix,
            "val_correlation": one.val_correlation, "kkt_violation": one.kkt_violation, "reason": one.reason,
        }  # fmt: skip
        for score in one.scores or (None,):
            more = {} if score is None else score_facts(score) | {"score_reason": score.reason}
            more.pop("reason", None)
            rows.append(facts | more)
    return pd.DataFrame(rows)
