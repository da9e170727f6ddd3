"""The store: one DuckDB file with a reader and a writer; the only home of SQL."""

from .buckets import EXAMPLES, MATCH, N_BUCKETS, OTHER, Buckets, example_images
from .checking import every_fault
from .descriptors import describe
from .discover import StoreEntry, find_stores
from .export import FORMATS, as_bytes, csv_bytes, export_columns
from .model import FEW, Explanation, Impact, Score, Term, UnitMap, UserExplanation
from .proof import check_place
from .reader import Store
from .search.query import SearchResult, UnitQuery
from .search.starting import Start
from .text import explanation_text, of_units
from .unit import Unit
from .version import SCHEMA_VERSION, StoreError
from .writer import StoreWriter

__all__ = [
    "EXAMPLES",
    "FEW",
    "FORMATS",
    "MATCH",
    "N_BUCKETS",
    "OTHER",
    "SCHEMA_VERSION",
    "Buckets",
    "Explanation",
    "Impact",
    "Score",
    "SearchResult",
    "Start",
    "Store",
    "StoreEntry",
    "StoreError",
    "StoreWriter",
    "Term",
    "Unit",
    "UnitQuery",
    "UnitMap",
    "UserExplanation",
    "as_bytes",
    "check_place",
    "csv_bytes",
    "describe",
    "every_fault",
    "export_columns",
    "example_images",
    "explanation_text",
    "find_stores",
    "of_units",
]
