"""The configuration of a build: typed options, their paths, and the generated reference."""

from .explaining import Explain, Linear, method_options
from .options import (
    Ablation,
    Build,
    Concepts,
    Encoder,
    Importance,
    LayerSpec,
    Maps,
    Observer,
    Preprocess,
    Probe,
    Record,
    Simulate,
    Target,
    apply_overrides,
    load_config,
    parse_config,
)
from .section import Section
from .units import UnitSpec, unit_options

__all__ = [
    "Ablation",
    "Build",
    "Concepts",
    "Encoder",
    "Explain",
    "Importance",
    "LayerSpec",
    "Linear",
    "Maps",
    "Observer",
    "Preprocess",
    "Probe",
    "Record",
    "Section",
    "Simulate",
    "Target",
    "UnitSpec",
    "apply_overrides",
    "load_config",
    "method_options",
    "parse_config",
    "unit_options",
]
