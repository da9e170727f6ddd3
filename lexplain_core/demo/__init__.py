"""The embedded world: drawn scenes with full truth, networks trained on them, a planted layer."""

from . import encoders, probing, target  # noqa: F401  (they register themselves)
