"""What people note about a store: lists of units, hidden images, explanations made by hand."""

from .base import (
    LARGEST_FILE,
    LARGEST_REMARK,
    LONGEST_NAME,
    Brought,
    Hidden,
    Starred,
    UnitList,
    check_name,
    shared,
    unshared,
)
from .file import Notes
from .into_store import take_in

__all__ = [
    "LARGEST_FILE",
    "LARGEST_REMARK",
    "LONGEST_NAME",
    "Brought",
    "Hidden",
    "Notes",
    "Starred",
    "UnitList",
    "check_name",
    "shared",
    "take_in",
    "unshared",
]
