"""What a figure shows, read from a store: units with their areas, their words and the images of their ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...base.errors import UserError, few, quote
from ...store import Explanation, Score, Store, StoreError, Unit
from .choice import RANGES, FigureChoice, Pin, command

if TYPE_CHECKING:
    from pathlib import Path

_DRAW = 0xF16  # draws of figures have a stream of random numbers of their own
OTHER = -1


@dataclass(frozen=True)
class Shot:
    """An image in a range of a unit. pinned: chosen by hand."""

    image: int
    activation: float
    label: str
    class_key: str
    key: str
    split: str
    pinned: bool


@dataclass(frozen=True, eq=False)
class Panel:
    """One unit of a figure.

    edges: float64 (9,), counts: int (8,), images per range, and negative, images below 0; edges is None of a unit
    without ranges. composition: columns bucket, concept, name, count, share, None where there is none, and
    `reason` says why. shots: images of each of the 8 ranges, strongest first; waiting: those that a draw would
    take next.
    """

    layer: str
    unit: int
    name: str | None
    maximum: float
    total: int
    edges: np.ndarray | None
    counts: tuple[int, ...]
    negative: int
    explanation: Explanation | None
    score: Score | None
    matrix: str
    composition: pd.DataFrame | None
    reason: str | None
    shots: tuple[tuple[Shot, ...], ...] = ()
    waiting: tuple[tuple[Shot, ...], ...] = ()

    @property
    def title(self) -> str:
        """`layer4 · unit 12`, and a computed unit's name."""
        return f"{self.layer} · unit {self.unit}" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True, eq=False)
class FigureData:
    """Everything that a figure and its caption are drawn from.

    choice: what is shown of what was asked for: the method filled in, without units, pins and methods that the store
    can't give, so that its command runs. pictures: JPEGs of the shots by image id. problems: sentences about what
    was left out of it. hidden: how many images of the store are hidden.
    """

    choice: FigureChoice
    panels: tuple[Panel, ...]
    pictures: dict[int, bytes]
    problems: tuple[str, ...]
    store: str
    store_id: str
    path: Path
    probing_set: str
    target: str
    images: int
    hidden: int

    def command(self, *outs: str) -> str:
        """The command that makes the same figure; a PDF without `outs`."""
        return command(self.choice, self.path, outs or (f"{self.choice.figure}.pdf",))


def gather(store: Store, choice: FigureChoice, waiting: int = 0) -> FigureData:
    """Read what a figure shows. waiting: how many more images of each range are named beside those shown.

    Units that the store doesn't have and pins that don't hold are left out, with a sentence each in `problems`;
    `UserError` where no unit is left. Hidden images of the store are never used.
    """
    choice, unknown = _method(store, choice)
    units, problems = _units(store, choice)
    problems += unknown
    hidden = frozenset(getattr(store, "hidden", frozenset()))
    left_out = hidden | set(choice.without)
    pins, problems = _pins(units, choice, left_out, problems)
    held = {pin for some in pins.values() for pin in some}
    choice = replace(
        choice,
        units=tuple((unit.layer, unit.unit) for unit in units),
        pins=tuple(pin for pin in choice.pins if pin in held),
    )
    panels = [_panel(unit, choice) for unit in units]
    pictures: dict[int, bytes] = {}
    if choice.figure == "ranges":
        chosen = [_chosen(u, choice, pins.get((u.layer, u.unit), []), left_out, waiting) for u in units]
        ids = sorted({int(i) for ranges in chosen for shown, more, _ in ranges for i in [*shown, *more]})
        facts = store.images(ids)[["label", "class_key", "key", "split"]].to_dict("index")
        panels = [
            replace(panel, shots=_shots(unit, ranges, facts, 0), waiting=_shots(unit, ranges, facts, 1))
            for panel, unit, ranges in zip(panels, units, chosen, strict=True)
        ]
        pictures = store.crops([s.image for panel in panels for shots in panel.shots for s in shots])
    meta = store.meta
    return FigureData(
        choice=choice,
        panels=tuple(panels),
        pictures=pictures,
        problems=tuple(few(problems)),
        store=store.name,
        store_id=store.id,
        path=store.path,
        probing_set=str((meta.get("probing_set") or {}).get("name", "the probing set")),
        target=str((meta.get("target") or {}).get("name", "the target model")),
        images=len(units[0].activations),
        hidden=len(hidden),
    )


# -- units ----------------------------------------------------------------------------------------


def _units(store: Store, choice: FigureChoice) -> tuple[list[Unit], list[str]]:
    if not choice.units:
        raise UserError("A figure needs units: name some as `layer:unit,layer:unit`.")
    found, problems = [], []
    for layer, unit in choice.units:
        try:
            found.append(store.unit(layer, unit))
        except StoreError as error:
            problems.append(str(error))
    if not found:
        raise UserError(problems[0])
    return found, problems


def _method(store: Store, choice: FigureChoice) -> tuple[FigureChoice, list[str]]:
    """The choice with a method that the store has, its default where it hasn't the one asked for."""
    known, default = store.methods(), store.default_method
    if choice.method in ("", default, *known):
        return replace(choice, method=choice.method or default), []
    instead = f"; those by {default} are shown" if known else ""
    return replace(choice, method=default), [
        f"The store has no explanations by {quote(choice.method)}; it has {', '.join(known) or 'none'}{instead}."
    ]


def _panel(unit: Unit, choice: FigureChoice) -> Panel:
    found = next((e for e in unit.explanations if e.method == choice.method), None)
    explanation = found if found is not None and found.reason is None else None
    matrix, composition, reason = "", None, None
    if unit.buckets is None:
        reason = unit.reason or "No activation of this unit is above 0, so it has no ranges."
    elif choice.level == "concepts" and explanation is None:
        reason = (found.reason if found else unit.reason) or f"It has no explanation by {choice.method}."
    else:
        if explanation is not None:
            matrix = next(iter(unit.matrices(explanation)), "")
        if choice.level != "concepts":
            composition = unit.composition(found, matrix or None, level=choice.level)
        elif matrix:
            composition = unit.composition(explanation, matrix)
        else:
            reason = "No concept matrix of the store knows which images show these concepts."
    buckets = unit.buckets
    return Panel(
        layer=unit.layer,
        unit=unit.unit,
        name=unit.name,
        maximum=float(unit.maximum),
        total=len(unit.activations),
        edges=None if buckets is None else buckets.edges,
        counts=(0,) * RANGES if buckets is None else tuple(int(n) for n in buckets.counts),
        negative=0 if buckets is None else int(buckets.negative),
        explanation=explanation,
        score=explanation.score() if explanation else None,
        matrix=matrix,
        composition=composition,
        reason=reason,
    )


# -- images ---------------------------------------------------------------------------------------


def _pins(
    units: list[Unit], choice: FigureChoice, left_out: frozenset | set, problems: list[str]
) -> tuple[dict[tuple[str, int], list[Pin]], list[str]]:
    """The pins that hold, by unit; and a sentence for each that doesn't."""
    by_unit = {(unit.layer, unit.unit): unit for unit in units}
    found: dict[tuple[str, int], list[Pin]] = {}
    for pin in choice.pins if choice.figure == "ranges" else ():
        unit = by_unit.get((pin.layer, pin.unit))
        what = (
            f"Image {pin.image} is pinned to range {pin.bucket + 1} of unit {pin.unit} of {quote(pin.layer)}"
        )
        if unit is None:
            problems.append(f"{what}, which is not in the figure.")
        elif unit.buckets is None or pin.image >= len(unit.activations):
            problems.append(f"{what}, but the store has no such image there.")
        elif pin.image in left_out:
            problems.append(f"{what}, but it is hidden or left out.")
        elif int(unit.buckets.assign(unit.activations[[pin.image]])[0]) != pin.bucket:
            problems.append(f"{what}, but its activation {unit.activations[pin.image]:.3g} lies elsewhere.")
        elif sum(p.bucket == pin.bucket for p in found.get((pin.layer, pin.unit), [])) >= choice.per:
            problems.append(f"{what}, where {choice.per} others are pinned already.")
        else:
            found.setdefault((pin.layer, pin.unit), []).append(pin)
    return found, problems


def _chosen(
    unit: Unit, choice: FigureChoice, pins: list[Pin], left_out: frozenset | set, waiting: int
) -> list[tuple]:
    """For each range: ids of its images, ids of those that come next, and which are pinned.

    The order in which images come is one shuffle a range, so that leaving one out replaces it by the next
    and moves no other.
    """
    if unit.buckets is None:
        return [(np.array([], int), np.array([], int), set())] * RANGES
    where, found = unit.buckets.assign(unit.activations), []
    for bucket in range(RANGES):
        shuffle = np.random.default_rng([_DRAW, choice.draw, unit.layer_id, unit.unit, bucket])
        inside = shuffle.permutation(np.flatnonzero(where == bucket))
        pinned = [pin.image for pin in pins if pin.bucket == bucket]
        free = inside[~np.isin(inside, [*left_out, *pinned])]
        order = np.array([*pinned, *free[: choice.per + waiting]], dtype=int)
        ids, more = order[: choice.per], order[choice.per : choice.per + waiting]
        found.append((_strongest_first(unit, ids), _strongest_first(unit, more), set(pinned)))
    return found


def _strongest_first(unit: Unit, ids: np.ndarray) -> np.ndarray:
    return ids[np.lexsort((ids, -unit.activations[ids]))] if len(ids) else ids


def _shots(
    unit: Unit, ranges: list[tuple], facts: dict[int, dict], which: int
) -> tuple[tuple[Shot, ...], ...]:
    return tuple(
        tuple(
            Shot(
                image=int(image),
                activation=float(unit.activations[image]),
                pinned=int(image) in chosen[2],
                **facts[int(image)],
            )
            for image in chosen[which]
        )
        for chosen in ranges
    )
