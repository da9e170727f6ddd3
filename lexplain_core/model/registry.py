"""Target models by name: a model that lexplain brings along is one file and one decorator."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..base.registry import Registry
from ..config import Target
from .base import TargetModel

# name -> function(config.Target) -> TargetModel; `load.load_target` looks here first
target_models: Registry[Callable[[Target], TargetModel]] = Registry("target model")

# Models that come with lexplain register themselves when their module is imported, which nobody need
# have done before a name is looked up. By name, as entry points are: this room knows nothing of theirs.
_HOMES = {"demo": "lexplain_core.demo.target"}


def registered(name: str) -> Callable[[Target], TargetModel] | None:
    """The registered target model of that name, or None."""
    if name in _HOMES:
        import_module(_HOMES[name])
    return target_models[name] if name in target_models else None
