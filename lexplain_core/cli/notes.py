"""The command line of notes, `python -m lexplain_core notes …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.terminal import Console

app = typer.Typer(name="notes", help="Stars, hidden images and words kept by hand.", no_args_is_help=True)


@app.callback()
def notes() -> None:
    """Stars, hidden images and words kept by hand (docs/reference/dashboard.md)."""


@app.command()
def backup(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="The .duckdb file that the notes lie beside.")
    ],
    to: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="STORE's name, the time and .notes.sqlite when not given."),
    ] = None,
) -> None:
    """Copy the notes beside a store, also while they are in use; a file that is there is never replaced."""
    from ..notes import Notes

    kept = Notes.beside(store)
    path = kept.back_up(to)
    lists, hidden, made = len(kept.lists()), len(kept.hidden()), len(kept.explanations())
    Console().print(
        f"{path}: lists: {lists}, hidden images: {hidden}, explanations: {made}; read again and found whole",
        soft_wrap=True,
    )
