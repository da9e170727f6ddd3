"""What replacing units gave, into the store: impacts, pushes, ablation scores, maps, observers."""

from __future__ import annotations

import pandas as pd

from ..store import Score, StoreWriter
from .work import Work

_FACTS = (
    "total", "total_error", "accuracy", "accuracy_error", "loss", "loss_error", "half", "images", "sampled", "reason"
)  # fmt: skip


def write_effects(work: Work, store: StoreWriter) -> None:
    """Fill `impacts`, `top_impacts`, `bucket_impacts`, `pushes`, `maps` and `observer_scores`."""
    impacts, tops, buckets, pushes = [], [], [], []
    for (number, to), found in sorted(work.impacts.items()):
        for unit, impact in found.items():
            where = {"layer_id": number, "unit": unit, "to_value": to}
            impacts.append(where | {name: getattr(impact, name) for name in _FACTS})
            tops.append(impact.top.assign(**where))
            buckets.append(impact.buckets.assign(**where))
    for number, found in sorted(work.pushes.items()):
        for unit, frame in found.items():
            pushes.append(frame.rename(columns={"output": "output_id"}).assign(layer_id=number, unit=unit))
    store.rows("impacts", impacts)
    for table, frames in (("top_impacts", tops), ("bucket_impacts", buckets), ("pushes", pushes)):
        if frames := [frame for frame in frames if len(frame)]:
            store.rows(table, pd.concat(frames))
    for frame in work.maps:
        store.maps(frame)
    for frame in work.observers:
        store.rows("observer_scores", frame)


def ablation_scores(
    work: Work, number: int, method: str, unit: int, simulator: str, n: int, unexplained: str | None
) -> list[Score]:
    """The ablation scores of an explanation, or the reason why it has none. n: images of the test split. unexplained: why
    there is no explanation."""
    if not work.config.ablation.run:
        return []
    why = work.ways.get(number, (None, None))[1]
    if unexplained is not None:
        why = f"There is no explanation to score: {unexplained}"
    if why is not None:
        return [Score(simulator, "ablation-norm", "test", n, None, None, None, why)]
    by_mode = work.ablations.get((number, method), {}).get(simulator, {}).get(unit, {})
    return [
        Score(simulator, f"ablation-{mode}", "test", a.n, a.value, a.low, a.high, a.reason,
              c=a.c, d=a.d, sampled=a.sampled)
        for mode, a in by_mode.items()
    ]  # fmt: skip
