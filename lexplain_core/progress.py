"""Progress of long work, with a time estimate; silent unless someone watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """What a stage needs to report how far it is.

    `with progress.task("recording", total=len(images)) as advance: …; advance(64)`
    """

    def task(self, label: str, total: int) -> contextmanager: ...

    def note(self, text: str) -> None: ...


class Silent:
    """Reports nothing; the default in notebooks and tests."""

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        yield lambda n=1: None

    def note(self, text: str) -> None:
        pass


class Terminal:
    """Rich progress bars: label, bar, count, elapsed and remaining time."""

    def __init__(self, console=None):
        from .terminal import Console

        self.console = console or Console(stderr=True)

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
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
            yield lambda n=1: bars.advance(job, n)

    def note(self, text: str) -> None:
        self.console.print(f"  {text}", style="dim")
