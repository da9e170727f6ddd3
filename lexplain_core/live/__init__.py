"""What a page may ask a network while someone waits: one image's activations and maps.

`Looker` brings torch along, so it is imported when it is first named; `overlay` needs none.
"""

from typing import TYPE_CHECKING, Any

from .overlay import overlay

if TYPE_CHECKING:
    from .looker import Look, Looker

__all__ = ["Look", "Looker", "overlay"]


def __getattr__(name: str) -> Any:
    if name in ("Look", "Looker"):
        from . import looker

        return getattr(looker, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
