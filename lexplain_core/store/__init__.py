"""The store: one DuckDB file with a reader and a writer; the only home of SQL."""

from .buckets import EXAMPLES, N_BUCKETS, OTHER, Buckets, example_images
from .discover import StoreEntry, find_stores
from .model import Explanation, Impact, ObserverScore, Score, Term, UnitMap
from .reader import Store
from .text import explanation_text
from .unit import Unit
from .version import SCHEMA_VERSION, StoreError
from .writer import StoreWriter

__all__ = [
    "EXAMPLES",
    "N_BUCKETS",
    "OTHER",
    "SCHEMA_VERSION",
    "Buckets",
    "Explanation",
    "Impact",
    "ObserverScore",
    "Score",
    "Store",
    "StoreEntry",
    "StoreError",
    "StoreWriter",
    "Term",
    "Unit",
    "UnitMap",
    "example_images",
    "explanation_text",
    "find_stores",
]
