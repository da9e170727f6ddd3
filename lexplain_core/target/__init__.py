"""The network under study: load it, list its layers, record what its units do."""

from .base import LayerInfo, Recording, RecordingRun, TargetModel
from .layers import list_layers, resolve_layers
from .load import load_target
from .recording import choose_device, record
from .registry import target_models

__all__ = [
    "LayerInfo",
    "Recording",
    "RecordingRun",
    "TargetModel",
    "choose_device",
    "list_layers",
    "load_target",
    "record",
    "resolve_layers",
    "target_models",
]
