"""Where a unit matters: impact, Top Impact, and what a unit pushes the output towards."""

from .impact import BETAS, NO_EFFECT, Impact, measure_impact
from .pushes import STRONGEST, measure_pushes

__all__ = ["BETAS", "NO_EFFECT", "STRONGEST", "Impact", "measure_impact", "measure_pushes"]
