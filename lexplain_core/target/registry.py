"""Target models by name: a model that lexplain brings along is one file and one decorator."""

from __future__ import annotations

from collections.abc import Callable

from ..config import Target
from ..registry import Registry
from .base import TargetModel

# name -> function(config.Target) -> TargetModel; `load.load_target` looks here first
target_models: Registry[Callable[[Target], TargetModel]] = Registry("target model")
