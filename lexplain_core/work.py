"""What the stages of one build hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from .concepts import ConceptMatrix
from .config import Build
from .explain import Found
from .probe import ProbingSet
from .progress import Progress
from .simulate import Correlation
from .target import Recording, RecordingRun, TargetModel


@dataclass
class Work:
    """A build in progress; each stage fills in its part.

    folder: temporary, for activations that don't fit in memory. splits: 'train', 'val' or 'test'
    per image, (N,). units: a frame of statistics and status per layer. explanations and scores:
    by (layer number, method), then by unit. seconds: by stage.
    """

    config: Build
    progress: Progress
    folder: Path
    rebuild: str
    probing: ProbingSet | None = None
    splits: np.ndarray | None = None
    model: TargetModel | None = None
    run: RecordingRun | None = None
    class_outputs: list[int | None] = field(default_factory=list)
    layers: list[Recording] = field(default_factory=list)
    units: list[pd.DataFrame] = field(default_factory=list)
    matrices: dict[str, ConceptMatrix] = field(default_factory=dict)
    explanations: dict[tuple[int, str], dict[int, Found]] = field(default_factory=dict)
    scores: dict[tuple[int, str], dict[int, Correlation]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
