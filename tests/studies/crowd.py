"""Simulated people: answers of known ability, in frames like those of StudyFile."""

from __future__ import annotations

import numpy as np
import pandas as pd


def crowd(
    seed: int = 0,
    units: int = 12,
    people: int = 9,
    each: int = 8,
    layers: int = 3,
    ability=None,
    spread: float = 0.0,
    conditions=(("net", "natural", "easy"),),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(responses, units): each of `people` answers `each` real trials, no unit twice, and one catch trial.

    ability: P(right) of a unit, (units,), drawn from Beta(8, 3) if None. spread: standard deviation of what a
    person adds to it. Unit ids run on over the conditions (model, mode, difficulty).
    """
    rng = np.random.default_rng(seed)
    rows, listed = [], []
    session = 0
    for c, (model, mode, difficulty) in enumerate(conditions):
        p = rng.beta(8, 3, units) if ability is None else np.asarray(ability, float)
        for u in range(units):
            layer = u % layers
            listed.append(
                dict(
                    unit_id=c * 1000 + u + 1, model=model, layer=f"layer{layer}", unit=u, name=None, use="real",
                    depth=layer / max(layers - 1, 1), explanation="2·thing", method="greedy",
                    correlation=float(np.clip(p[u] + rng.normal(0, 0.1), -1, 1)),
                    ablation=None, observer=float(rng.random()) if u % 4 else None,
                )
            )  # fmt: skip
        for _ in range(people):
            session += 1
            skill = rng.normal(0, spread)
            drawn = rng.choice(units, min(each, units), replace=False)
            for position, u in enumerate([*drawn, -1]):
                real = u >= 0
                right = bool(rng.random() < (np.clip(p[u] + skill, 0, 1) if real else 0.95))
                upper, confidence = ("min", "max")[rng.integers(2)], int(rng.integers(1, 4))
                button = confidence - 1 + (0 if (upper == "max") == right else 3)
                unit = (
                    listed[c * units + u] if real else dict(unit_id=9999, layer="catch", unit=0, depth=None)
                )
                rows.append(
                    dict(
                        session_id=session, participant=f"session {session}", task=f"task-{session}",
                        phase="main", round=1, position=position, trial_id=c * 1000 + u + 2,
                        kind="real" if real else "catch", obvious=not real, unit_id=unit["unit_id"],
                        model=model, layer=unit["layer"], unit=unit["unit"], unit_name=None,
                        depth=unit["depth"], mode=mode, difficulty=difficulty if real else None, batch=0,
                        upper=upper, button=button, choice="max" if right else "min",
                        confidence=confidence, correct=right,
                        rt_ms=float(1500 + rng.exponential(2000)) if rng.random() > 0.1 else None,
                        lock_ms=1500.0, load_ms=20.0, hidden=False, shown_times=1, shown_at=None, answered_at=None,
                    )
                )  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(listed)
