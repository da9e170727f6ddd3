"""What a store may name: only what this machine's user has built with, or allowed (docs/how-to/trust.md).

A store is data that anybody may have made, and its config names code, weights, encoders and folders of images. `build` notes
in the user's trust file what it ran and read (`noting`). Whatever goes by a store's config takes it from `of_store`, inside
which all that is not in that file is refused. Everything that opens a file because a config names it asks `opening` or
`running` first.
"""

from .file import KINDS, Entry
from .scopes import Code, by_store, noting, of_store, opening, running
from .wanted import Wanted, wanted

__all__ = [
    "KINDS",
    "Code",
    "Entry",
    "Wanted",
    "by_store",
    "noting",
    "of_store",
    "opening",
    "running",
    "wanted",
]
