"""Trials to try: what is asked, and what the answer shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..base.numbers import percent, plural, rounded
from ..stimuli.drawing import generator, place, uppers
from ..stimuli.ranks import Indistinguishable, Refused, Sides, batch_size, stimuli
from ..store import Explanation, Store, StoreError, Unit
from .markdown import md
from .scores import seen_by
from .unit import quantity, unit_name

_LOOKED_AT = 200  # units of a layer that are tried at most, where many can't be asked about
_SURE = ("a guess", "fairly sure", "very sure")


@dataclass(frozen=True, eq=False)
class Asked:
    """One trial: a unit, the images of its two sides and their places.

    low, high: ten image ids each, references from the least to the most extreme, then the query. low_rank, high_rank:
    of the queries, 0 the smallest activation. upper: 'min' or 'max', the side of the upper query. left, right: for
    each of the 9 cells which reference lies there; the most extreme one lies in the first (IMI).
    """

    layer: str
    unit: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    low_rank: int
    high_rank: int
    upper: str
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def queries(self) -> tuple[int, int]:
        """Image ids of the upper and the lower query."""
        return (self.high[9], self.low[9]) if self.upper == "max" else (self.low[9], self.high[9])

    def correct(self, button: int) -> bool:
        """Whether an answer (0 to 2: the upper image, 3 to 5: the lower one) names the max query."""
        return (button < 3) == (self.upper == "max")


@dataclass(frozen=True)
class Drawn:
    """The trials of a view. problem: why there are none, a sentence; short: why there are fewer than asked for."""

    trials: tuple[Asked, ...] = ()
    problem: str = ""
    short: str = ""
    refused: bool = False  # by the difficulty


@dataclass
class Round:
    """Where someone stands in a view's trials; it lives in the browser's session only.

    view: its fields. number: of the rounds in this session, so that no two trials have the same nonce. buttons: the
    answers, by the trial's place.
    """

    view: tuple
    number: int
    at: int = 0
    buttons: dict[int, int] = field(default_factory=dict)

    def nonce(self, at: int) -> str:
        """What the browser calls a trial; it tells nothing."""
        return f"{self.number}.{at}"


def verdict(unit: Unit, asked: Asked, button: int) -> str:
    chosen = "upper" if button < 3 else "lower"
    wanted = asked.upper == "max"
    right = asked.correct(button)
    upper, lower = (float(unit.activations[image]) for image in asked.queries)
    ranks = (asked.high_rank, asked.low_rank) if wanted else (asked.low_rank, asked.high_rank)
    count = len(unit.activations)
    places = [f"place {count - rank:,} of {count:,} from the top" for rank in ranks]
    return (
        f"**{'✓ Right' if right else '✗ Not right'}**: you chose the {chosen} image ({_SURE[button % 3]}), and the "
        f"**{'upper' if wanted else 'lower'}** one belongs to the right examples. Those on the right excite "
        f"**{md(unit_name(unit))}** most, those on the left least.\n\n"
        f"Its {md(quantity(unit))} is **{rounded(upper)}** for the upper image ({places[0]}) and **{rounded(lower)}** "
        f"for the lower one ({places[1]}); over all images it goes from {rounded(unit.minimum)} to {rounded(unit.maximum)}."
    )


def words_answer(unit: Unit, asked: Asked) -> str:
    """What the explanation says, and whether it alone would have answered right."""
    if not unit.explanations:
        return "Nobody has put this unit in words."
    explanation = _first(unit)
    if explanation.reason:
        return f"**{md(explanation.method)}** has no explanation of it: {md(explanation.reason)}"
    said = f"**In words** (by {md(explanation.method)}): {md(explanation.text)}"
    try:
        known = unit.matrices(explanation)
        if not known:
            return f"{said}\n\nWhat these words predict for the two images is unknown: nobody has looked for them there."
        matrix = explanation.simulator if explanation.simulator in known else known[0]
        simulated = unit.simulated(explanation, matrix)
    except StoreError as error:
        return f"{said}\n\n{md(error)}"
    upper, lower = (float(simulated[image]) for image in asked.queries)
    if upper == lower:
        would = "they **can’t tell** the two images apart"
    else:
        right = (upper > lower) == (asked.upper == "max")
        would = f"they alone would have answered **{'right' if right else 'wrong'}**"
    return (
        f"{said}\n\nWith concepts seen by {md(seen_by(matrix))} these words predict **{rounded(upper)}** for the upper "
        f"image and **{rounded(lower)}** for the lower one: {would}."
    )


def _first(unit: Unit) -> Explanation:
    """The explanation by the store's default method, or by the first that the unit has."""
    method = unit.store.default_method
    return next((e for e in unit.explanations if e.method == method), unit.explanations[0])


def observer_answer(unit: Unit) -> str:
    """How often the main machine observer is right about the unit, '' where the store has none."""
    score = next((s for s in unit.scores if s.measure == "observer" and s.value is not None), None)
    if score is None or score.value is None:
        return ""
    eyes = "by the network’s own features" if score.by == "target" else f"as {md(score.by)} sees them"
    return (
        f"**The machine observer**, which compares images {eyes}, is right in **{percent(score.value)}** of "
        f"{plural(score.n, 'such trial')} about this unit (chance: 50%)."
    )


def of_unit(unit: Unit, difficulty: str, count: int, seed: int) -> Drawn:
    """Trials about one unit."""
    try:
        sides = _sides(unit, difficulty, seed, count)
    except Refused as error:
        return Drawn(problem=str(error), refused=True)
    except Indistinguishable as error:
        return Drawn(problem=str(error.reason))
    rng = _rng(seed, unit.layer, unit.unit)
    trials = tuple(_asked(unit, sides, batch, rng) for batch in range(min(count, len(sides.low))))
    short = ""
    if len(trials) < count:
        short = (
            f"This unit brings {len(trials)} of the {count} trials: at this difficulty there are no more "
            f"images for others, with {len(unit.activations):,} in the probing set."
        )
    return Drawn(trials, short=short)


def of_layer(store: Store, layer: str, units: np.ndarray, difficulty: str, count: int, seed: int) -> Drawn:
    """Trials each about another one of a layer's units."""
    rng = _rng(seed, layer)
    trials, reason = [], "None of this layer’s units answers to the images."
    for number in rng.permutation(units)[:_LOOKED_AT]:
        unit = store.unit(layer, int(number))
        try:
            sides = _sides(unit, difficulty, seed)
        except Refused as error:
            return Drawn(problem=str(error), refused=True)
        except Indistinguishable as error:
            reason = str(error.reason)
            continue
        trials.append(_asked(unit, sides, int(rng.integers(len(sides.low))), rng))
        if len(trials) == count:
            break
    if not trials:
        return Drawn(problem=reason)
    short = ""
    if len(trials) < count:
        short = f"Only {len(trials)} of this layer’s units can be asked about, so there are no more trials."
    return Drawn(tuple(trials), short=short)


def _sides(unit: Unit, difficulty: str, seed: int, trials: int = 1) -> Sides:
    """Stimuli with as many batches as there are to be trials, where the ranks allow it, else with IMI's number."""
    hidden = unit.store.hidden
    usual = batch_size(len(unit.activations) - len(hidden))
    if trials > usual:
        try:
            return stimuli(unit.activations, difficulty, seed, batches=trials, hidden=hidden)
        except Refused:
            pass
    return stimuli(unit.activations, difficulty, seed, hidden=hidden)


def _rng(seed: int, layer: str, *more: int) -> np.random.Generator:
    return generator(seed, "try it", layer, *more)


def _asked(unit: Unit, sides: Sides, batch: int, rng: np.random.Generator) -> Asked:
    low, high = (tuple(int(i) for i in side[batch]) for side in (sides.low, sides.high))
    placed = place(0, uppers(1, rng)[0], rng)
    return Asked(
        unit.layer, unit.unit, low, high, int(sides.low_ranks[batch, 9]), int(sides.high_ranks[batch, 9]),
        placed.upper, placed.left, placed.right,
    )  # fmt: skip
