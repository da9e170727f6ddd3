"""How good explanations are, how much units matter, how well machines tell their images apart: one file a measure."""

# In the order in which tables and headlines have them.
from . import ablation, correlation, impact, observer, range_shift  # noqa: F401, E402, I001, I002  (they register themselves)
from .base import Layer, Measure, Measures, Scores, Words, measures

__all__ = ["Layer", "Measure", "Measures", "Scores", "Words", "measures"]
