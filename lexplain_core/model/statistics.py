"""Which units are alive, and the range of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

CONSTANT_BELOW = 1e-8
_PIECE = 4_000_000  # activations looked at at a time, so that a memmap stays one


def describe_units(values: np.ndarray, dead_threshold: float) -> pd.DataFrame:
    """Statistics and status of each unit of a layer, from activations float32 (K, N).

    Columns minimum, maximum, mean, std, status, reason. Status 'dead': largest activation in
    [0, `dead_threshold`) (paper, appendix C.2); 'constant': max − min < 1e-8; 'negative': no activation
    above 0, so there is no positive range; else 'alive'. `reason` says it in words, None if alive.
    """
    frames = []
    step = max(1, _PIECE // max(values.shape[1], 1))
    for start in range(0, len(values), step):
        piece = values[start : start + step].astype(np.float64)
        columns = {
            "minimum": piece.min(1),
            "maximum": piece.max(1),
            "mean": piece.mean(1),
            "std": piece.std(1),
        }
        frames.append(pd.DataFrame(columns))
    frame = pd.concat(frames, ignore_index=True)
    verdicts = [
        _status(low, high, dead_threshold) for low, high in zip(frame.minimum, frame.maximum, strict=True)
    ]
    frame["status"] = [status for status, _ in verdicts]
    frame["reason"] = pd.Series([reason for _, reason in verdicts], dtype=object)
    return frame


def _status(low: float, high: float, dead_threshold: float) -> tuple[str, str | None]:
    if high - low < CONSTANT_BELOW and not 0 <= high < dead_threshold:
        return "constant", f"Its activation is {high:.4g} on every image."
    if high <= 0 and low < 0:
        return (
            "negative",
            f"Its activation is never above 0 (at most {high:z.4g}), so it has no positive range.",
        )
    if high < dead_threshold:
        return "dead", f"Its largest activation is {high:.4g}, below the threshold of {dead_threshold:g}."
    return "alive", None
