"""The command that makes a figure for print, `python -m lexplain_core figure …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.errors import UserError, quote
from ..base.files import cant_write, write_whole
from ..base.terminal import Console

out_ = Console()
KINDS = ("pdf", "svg", "png", "txt", "csv", "bib")


def figure(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
    units: Annotated[
        str, typer.Option("--units", help="`layer:unit,layer:unit`, in the order of the figure.")
    ],
    figure: Annotated[
        str, typer.Option("--figure", help="areas (the paper's Figure 3) or ranges (Figure 4).")
    ] = "areas",
    method: Annotated[
        str, typer.Option("--method", help="Whose explanations (the store's default method).")
    ] = "",
    level: Annotated[
        str, typer.Option("--level", help="What the areas are: concepts, classes or superclasses.")
    ] = "concepts",
    scale: Annotated[
        str,
        typer.Option(
            "--scale",
            help="X axis of the areas: relative (to each unit's largest activation) or the same activations.",
        ),
    ] = "relative",
    per: Annotated[int, typer.Option("--per", help="Images per range, 1 to 12.")] = 4,
    palette: Annotated[str, typer.Option("--palette", help="default, bright, muted or grey.")] = "default",
    column: Annotated[
        str, typer.Option("--column", help="single (3.25 in wide) or double (6.75 in).")
    ] = "double",
    size: Annotated[float, typer.Option("--size", help="Of the font, 5 to 16 points.")] = 8.0,
    words: Annotated[
        bool, typer.Option("--words/--no-words", help="Scores, counts and captions of images.")
    ] = True,
    paths: Annotated[
        bool, typer.Option("--paths/--no-paths", help="Letters of an SVG as paths, not as text.")
    ] = False,
    pins: Annotated[
        str, typer.Option("--pins", help="Images that stay: `layer:unit:range:image,…`, ranges from 0 to 7.")
    ] = "",
    without: Annotated[str, typer.Option("--without", help="Images that are not used: `image,image`.")] = "",
    draw: Annotated[int, typer.Option("--draw", help="Seed of the images.")] = 0,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="figure.pdf; .svg, .png (300 dpi), .txt (caption), .csv (images) or .bib; may be repeated.",
        ),
    ] = None,
) -> None:
    """Make a figure for print: area charts of units, or images from all of their ranges.

    The same choice gives the same bytes, here and on the page *Figures*.
    """
    given = {
        "figure": figure, "units": units, "method": method, "level": level, "scale": scale, "per": per,
        "palette": palette, "column": column, "size": size, "words": words, "paths": paths, "pins": pins,
        "without": without, "draw": draw,
    }  # fmt: skip
    _make(store, given, out or [Path("figure.pdf")])


def _make(store: Path, given: dict, files: list[Path]) -> None:
    """Write the figure that is asked for. given: the choice, as an address has it."""
    from ..figures.print import gather, make, notes, read_choice
    from ..notes import with_notes
    from ..store import Store

    for file in files:
        if file.suffix[1:].lower() not in KINDS:
            raise UserError(
                f"A figure's file ends in {', '.join('.' + k for k in KINDS)}, not {quote(file.name)}."
            )
    choice, problems = read_choice(given)
    if problems:
        raise UserError(problems[0])
    with Store.open(store) as opened:
        data = gather(with_notes(opened).store, choice)
        if data.problems:
            raise UserError(data.problems[0])
        for file in files:
            made = make(data, file.suffix[1:].lower())
            try:
                write_whole(file, made)
            except OSError as error:
                raise cant_write(file, error) from None
            out_.print(f"{file}: {len(made):,} bytes", soft_wrap=True)
    for note in notes(data):
        out_.print(note, soft_wrap=True)
