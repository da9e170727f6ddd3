"""A unit in words: sparse fit, greedy search, and the registry of methods."""

from . import linear  # noqa: F401  (registers le-label)
from .base import ConfiguredMethod, Explanation, Method, Problem, methods
from .sparse import solvers

__all__ = ["ConfiguredMethod", "Explanation", "Method", "Problem", "methods", "solvers"]
