"""What the stages of one build hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..base.progress import Progress
from ..concepts import Concept, ConceptMatrix
from ..config import Build
from ..explain import Found
from ..model import Recording, RecordingRun, TargetModel
from ..probe import ProbingSet

if TYPE_CHECKING:
    from ..concepts import EncoderView
    from ..measures.ablation import Ablated
    from ..measures.impact import Impact
    from ..measures.scoring import Scored

EXPLAINABLE = ("alive", "negative")  # status of units that are put in words, and replaced


@dataclass
class Work:
    """A build in progress; each stage fills in its part.

    folder: temporary, for activations that don't fit in memory. splits: 'train', 'val' or 'test'
    per image, (N,). units: a frame of statistics and status per layer.

    matrices: concept matrices by name. matrices_of: the name of the one that each method reads.
    concepts: the build's concept set.
    kept: by method, which of that matrix's concepts pass the concept filter and stand for themselves, boolean (M,).
    same: by matrix and number of a concept that passes the filter but has the values of an earlier one, which.
    views: encoders by role, 'explainer' and 'simulator'. same_encoder: whether they are one model.

    explanations: by (layer number, method), then by unit; their concepts are positions in the
    method's whole matrix. scores: by (layer number, method), then by simulator, then by unit; a
    simulator that was run has an entry for every explained unit.

    map_reasons: by layer name, why its units have no activation maps.
    ways: by layer number, how its units are replaced (None where they are not), and why there are no
    impacts and ablation scores, if so. temperature: of the losses, fitted on val. impacts: by (layer number, what
    units are set to), then by unit. pushes: by layer number, then by unit; push_reasons: why a layer has none. ablations: as scores, and
    then by mode. similar, maps, observers: rows of the store's tables.
    two_faced: by layer number, method and unit, and why it is None. seconds: by stage.
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
    map_reasons: dict[str, str] = field(default_factory=dict)
    units: list[pd.DataFrame] = field(default_factory=list)
    matrices: dict[str, ConceptMatrix] = field(default_factory=dict)
    matrices_of: dict[str, str] = field(default_factory=dict)
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    same: dict[str, dict[int, int]] = field(default_factory=dict)
    concepts: tuple[Concept, ...] = ()
    views: dict[str, EncoderView] = field(default_factory=dict)
    same_encoder: bool = False
    explanations: dict[tuple[int, str], dict[int, Found]] = field(default_factory=dict)
    scores: dict[tuple[int, str], dict[str, dict[int, Scored]]] = field(default_factory=dict)
    ways: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    temperature: float | None = None
    impacts: dict[tuple[int, str], dict[int, Impact]] = field(default_factory=dict)
    pushes: dict[int, dict[int, pd.DataFrame]] = field(default_factory=dict)
    push_reasons: dict[int, str] = field(default_factory=dict)
    ablations: dict[tuple[int, str], dict[str, dict[int, dict[str, Ablated]]]] = field(default_factory=dict)
    similar: list[pd.DataFrame] = field(default_factory=list)
    two_faced: dict[tuple[int, str, int], tuple[float | None, str | None]] = field(default_factory=dict)
    maps: list[pd.DataFrame] = field(default_factory=list)
    observers: list[pd.DataFrame] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
