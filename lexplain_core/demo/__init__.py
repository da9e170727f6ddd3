"""The embedded world: drawn scenes with full truth, a network trained on them, a planted layer."""

from . import probing, target  # noqa: F401  (they register the probing set and the network)
