"""The demo's dual encoders: where they lie, and how well they know the demo world's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from ..base import places
from ..concepts import DualEncoder, encoder_folders
from .scene import Scene
from .truth import truth_of

FOLDER = places.data() / "demo"
for _role in ("explainer", "simulator"):
    encoder_folders.register(f"demo/{_role}")(FOLDER / _role)


def average_precision(present: np.ndarray, score: np.ndarray) -> float:
    """Mean over the positives of the precision at their rank; NaN without a positive. Both (n,)."""
    hits = np.asarray(present, bool)[np.argsort(-score, kind="stable")]
    if not hits.any():
        return float("nan")
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def precision_by_concept(
    encoder: DualEncoder, images: np.ndarray, scenes: Sequence[Scene]
) -> dict[str, float]:
    """Concept name -> average precision of the bare name as the query, over `images` (n, 96, 96, 3) uint8."""
    truth = truth_of(scenes).concepts()
    text = encoder.embed_texts(list(truth))
    batches = np.array_split(images, max(1, len(images) // 100))
    embedded = [
        encoder.embed_batch(torch.stack([encoder.preprocess(Image.fromarray(image)) for image in batch]))
        for batch in batches
    ]
    scores = torch.cat(embedded).numpy() @ text.T
    return {name: average_precision(present, scores[:, j]) for j, (name, present) in enumerate(truth.items())}
