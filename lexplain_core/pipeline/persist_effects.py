"""What replacing units gave, into the store: impacts, pushes, ablation scores, maps, observers."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from ..store import StoreWriter
from .work import Work

_NUMBERS = ("total", "total_error", "accuracy", "accuracy_error", "loss", "loss_error")


def write_effects(work: Work, store: StoreWriter) -> None:
    """Fill `impacts`, `top_impacts`, `bucket_impacts`, `pushes`, `maps` and `observer_scores`."""
    impacts, tops, buckets, pushes = [], [], [], []
    for (number, to), found in sorted(work.impacts.items()):
        for unit, impact in found.items():
            where = {"layer_id": number, "unit": unit, "to_value": to}
            impacts.append(
                where
                | {name: getattr(impact, name) for name in ("half", "images", "sampled", "reason", *_NUMBERS)}
            )
            tops.append(impact.top.assign(**where))
            buckets.append(impact.buckets.assign(**where))
    for number, found in sorted(work.pushes.items()):
        for unit, frame in found.items():
            pushes.append(frame.rename(columns={"output": "output_id"}).assign(layer_id=number, unit=unit))
    frame = pd.DataFrame(impacts)
    if len(frame):
        store.rows("impacts", frame.astype({name: "float64" for name in _NUMBERS} | {"half": "Int32"}))
    for table, frames in (("top_impacts", tops), ("bucket_impacts", buckets), ("pushes", pushes)):
        if frames := [frame for frame in frames if len(frame)]:
            # through Arrow, where NaN (undefined) is NULL
            store.rows(table, pa.Table.from_pandas(pd.concat(frames), preserve_index=False))
    for frame in work.maps:
        store.maps(frame)
    for frame in work.observers:
        store.rows("observer_scores", pa.Table.from_pandas(frame, preserve_index=False))


def ablation_scores(work: Work, number: int, method: str, unit: int, simulator: str) -> list[tuple]:
    """(kind, n, value, low, high, reason, c, d, sampled) of the ablation scores of an explanation."""
    by_mode = work.ablations.get((number, method), {}).get(simulator, {}).get(unit, {})
    return [
        (f"ablation-{mode}", a.n, a.value, a.low, a.high, a.reason, a.c, a.d, a.sampled)
        for mode, a in by_mode.items()
    ]


def missing_ablation(work: Work, number: int, explained: str | None) -> str | None:
    """Why an explanation has no ablation score; None where it has one, or none was asked for."""
    if not work.config.ablation.run:
        return None
    if explained is not None:
        return f"There is no explanation to score: {explained}"
    return work.ways.get(number, (None, None))[1]
