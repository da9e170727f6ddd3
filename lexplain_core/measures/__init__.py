"""How good explanations are, how much units matter, how well machines tell their images apart: one file a measure."""

# They register themselves, in the order in which tables and headlines have them: correlation, which ablation imports, first.
from . import ablation, correlation, impact, observer, range_shift  # noqa: F401
from .base import Layer, Measure, Measures, Scores, Words, measures

__all__ = ["Layer", "Measure", "Measures", "Scores", "Words", "measures"]
