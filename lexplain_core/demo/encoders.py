"""The demo's dual encoders: where they lie, and how well they know the demo world's words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .scene import Scene
from .truth import truth_of

FOLDER = Path(__file__).resolve().parents[2] / "data" / "demo"


def average_precision(present: np.ndarray, score: np.ndarray) -> float:
    """Mean over the positives of the precision at their rank; NaN without a positive. Both (n,)."""
    hits = np.asarray(present, bool)[np.argsort(-score, kind="stable")]
    if not hits.any():
        return float("nan")
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


@torch.inference_mode()
def precision_by_concept(
    model: nn.Module, tokenizer, images: np.ndarray, scenes: Sequence[Scene]
) -> dict[str, float]:
    """Concept name -> average precision of the bare name as the query, over `images` (n, 96, 96, 3) uint8."""
    truth = truth_of(scenes).concepts()
    text = model.encode_text(tokenizer(list(truth)), normalize=True)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    image = torch.cat(
        [model.encode_image(part.float() / 127.5 - 1, normalize=True) for part in x.split(100)]
    )
    scores = (image @ text.T).numpy()
    return {name: average_precision(present, scores[:, j]) for j, (name, present) in enumerate(truth.items())}
