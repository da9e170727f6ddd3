"""Progress of long work, with a time estimate; silent unless someone watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """What a stage needs to report how far it is.

    `with progress.task("recording", total=len(images)) as advance: …; advance(64)`
    """

    def stage(self, name: str) -> None: ...

    def task(self, label: str, total: int) -> contextmanager: ...

    def note(self, text: str) -> None: ...


class Silent:
    """Reports nothing; the default in notebooks and tests."""

    def stage(self, name: str) -> None:
        pass

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        yield lambda n=1: None

    def note(self, text: str) -> None:
        pass


class Terminal:
    """Rich progress bars: label, bar, count, elapsed and remaining time.

    Where nobody watches (a pipe, a log file) there are no bars: a line says when a stage or a task begins, at once.
    """

    def __init__(self, console=None):
        from .terminal import Console

        self.console = console or Console(stderr=True)

    def stage(self, name: str) -> None:
        if not self.console.is_terminal:
            self._line(f"{name} …")

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        if not self.console.is_terminal:
            self._line(f"  {label}: {total:,} …")
            yield lambda n=1: None
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
            yield lambda n=1: bars.advance(job, n)

    def note(self, text: str) -> None:
        self.console.print(f"  {text}", style="dim")

    def _line(self, text: str) -> None:
        now = datetime.now().strftime("%H:%M:%S")
        self.console.print(f"{now} {text}", soft_wrap=True)
