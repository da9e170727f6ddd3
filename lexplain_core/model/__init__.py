"""The network under study: load it, list its layers, record what its units do."""

from .base import LayerInfo, Recording, RecordingRun, TargetModel
from .effects import Curves, Effects, Measured
from .layers import list_layers, resolve_layers
from .load import load_target
from .recording import choose_device, record
from .registry import target_models
from .ways import fit_temperature, open_effects

__all__ = [
    "Curves",
    "Effects",
    "LayerInfo",
    "Measured",
    "Recording",
    "RecordingRun",
    "TargetModel",
    "choose_device",
    "fit_temperature",
    "list_layers",
    "load_target",
    "open_effects",
    "record",
    "resolve_layers",
    "target_models",
]
