"""How good the words are: simulation and correlation."""

from .correlation import Correlation, correlation, simulate

__all__ = ["Correlation", "correlation", "simulate"]
