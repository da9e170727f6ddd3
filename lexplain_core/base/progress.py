"""Progress of long work, with a time estimate; silent unless someone watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .terminal import Console


class Advance(Protocol):
    """Says that `n` more are done."""

    def __call__(self, n: int = 1, /) -> None: ...


class Progress(Protocol):
    """What a stage needs to report how far it is.

    `with progress.task("recording", total=len(images)) as advance: …; advance(64)`
    """

    def stage(self, name: str) -> None: ...

    def task(self, label: str, total: int) -> AbstractContextManager[Advance]: ...

    def note(self, text: str) -> None: ...


def _unseen(n: int = 1, /) -> None:
    """The `Advance` of work that nobody watches."""


class Silent:
    """Reports nothing; the default in notebooks and tests."""

    def stage(self, name: str) -> None:
        pass

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:  # noqa: ARG002 - as in `Progress`
        yield _unseen

    def note(self, text: str) -> None:
        pass


class Terminal:
    """Rich progress bars: label, bar, count, elapsed and remaining time.

    Where nobody watches (a pipe, a log file) there are no bars: a line says when a stage or a task begins, at once.
    """

    def __init__(self, console: Console | None = None):
        from .terminal import Console

        self.console = console or Console(stderr=True)

    def stage(self, name: str) -> None:
        if not self.console.is_terminal:
            self._line(f"{name} …")

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        if not self.console.is_terminal:
            self._line(f"  {label}: {total:,} …")
            yield _unseen
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import (
            Progress as Bars,
        )

        from .terminal import printable

        columns = (
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=self.console) as bars:
            job = bars.add_task(printable(label), total=total)

            def advance(n: int = 1, /) -> None:
                bars.advance(job, n)

            yield advance

    def note(self, text: str) -> None:
        self.console.print(f"  {text}", style="dim")

    def _line(self, text: str) -> None:
        now = datetime.now().strftime("%H:%M:%S")
        self.console.print(f"{now} {text}", soft_wrap=True)
