"""Whether this process may write notes and studies: a dashboard that others reach may not (`pages/ui/access.py`).

Asked where the writing is done, so that no page can get round it. Commands and study servers are never forbidden.
"""

from __future__ import annotations

from .errors import UserError

_why: str | None = None


def forbid(why: str | None) -> None:
    """Let `check_writing` refuse from now on, with this sentence; None allows writing again."""
    global _why
    _why = why


def forbidden() -> bool:
    """Whether this process may not write."""
    return bool(_why)


def check_writing() -> None:
    """Raise `UserError` where this process may not write."""
    if _why:
        raise UserError(_why)
