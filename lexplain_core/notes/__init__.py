"""What people note about a store: lists of units, hidden images, explanations."""

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
from .into_store import Noted, with_notes

__all__ = [
    "LARGEST_FILE",
    "LARGEST_REMARK",
    "LONGEST_NAME",
    "Brought",
    "Hidden",
    "Noted",
    "Notes",
    "Starred",
    "UnitList",
    "check_name",
    "shared",
    "unshared",
    "with_notes",
]
