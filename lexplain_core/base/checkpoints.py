"""What long work keeps of its progress, so that it goes on where it ended."""

from __future__ import annotations

from typing import Any, Protocol

Values = dict[str, Any]  # arrays, Arrow tables, and what JSON holds


class Checkpoints(Protocol):
    """Named sets of values that outlive the process. A set is there whole or not at all.

    Values are NumPy arrays, Arrow tables and what JSON holds; they come back as they were saved.
    """

    def load(self, key: str) -> Values | None:
        """The values saved under `key`; None where there are none, or where they are damaged."""

    def save(self, key: str, **values: Any) -> None:
        """Save values under `key`, in the place of what was there."""

    def due(self) -> bool:
        """Whether a loop should save its state now: saving takes a few percent of the time at most."""

    def room(self, size: int, what: str) -> None:
        """Raise `UserError` where there is no room for `size` bytes; `what` is the subject of its sentence, in the plural."""

    def within(self, prefix: str) -> Checkpoints:
        """The same checkpoints, with keys of their own."""


class NoCheckpoints:
    """Keeps nothing: for notebooks, tests and short work."""

    def load(self, key: str) -> Values | None:  # noqa: ARG002 - as in `Checkpoints`
        """None: nothing was kept."""
        return None

    def save(self, key: str, **values: Any) -> None:
        """Keep nothing."""

    def due(self) -> bool:
        """False: no loop should save its state."""
        return False

    def room(self, size: int, what: str) -> None:
        """Never raises: what isn't kept needs no room."""

    def within(self, prefix: str) -> Checkpoints:  # noqa: ARG002 - as in `Checkpoints`
        """These checkpoints: there are no keys to tell apart."""
        return self
