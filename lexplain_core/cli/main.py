"""The command line, `python -m lexplain_core`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

import typer
from rich import box
from rich.table import Column, Table
from typer.core import TyperGroup

from ..base.errors import UserError, quote, refuse_shortage
from ..base.extras import needed
from ..base.files import cant_write, write_whole
from ..base.plugins import load_all
from ..base.terminal import Console, leave_quietly, print_json, printable, show_everything
from . import building, figure, serve, trust
from . import notes as notes_cli
from . import study as study_cli
from .info import print_info

if TYPE_CHECKING:
    from ..store import Store, UnitQuery

# As one meets them; commands that aren't named here come last.
_ORDER = (
    "build", "demo", "serve", "info", "layers", "presets", "export", "figure", "check", "import", "study", "notes", "trust",
    "clean",
)  # fmt: skip


class InOrder(TyperGroup):
    """Lists the commands in the order in which one meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


app = typer.Typer(
    name="lexplain_core",
    cls=InOrder,
    help="Put single neurons of vision models in words, over their whole activation range.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
out = Console()
imports = typer.Typer(help="Bring into a store what others made.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(study_cli.app, name="study")
app.add_typer(notes_cli.app, name="notes")
app.command()(building.build)
app.command()(building.demo)
app.command()(building.clean)
app.command()(figure.figure)
app.command()(trust.trust)
app.command()(serve.serve)


@app.command()
def layers(
    model: Annotated[
        str,
        typer.Argument(
            help="torchvision name, `timm/NAME`, `open_clip/NAME`, a preset, `file.py:function`, or `demo`."
        ),
    ],
    match: Annotated[
        str | None, typer.Option(help="Show only layers whose name matches, such as 'layer4*'.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the input in pixels, where the model doesn't say.")
    ] = None,
) -> None:
    """List the layers of a target model: units, output shape, how a unit can be pooled, and which have no maps.

    The weights are random, so nothing is downloaded.
    """
    from ..config import Target
    from ..model import list_layers, load_target
    from ..model.places import LEGEND, check_places

    preprocess = {"resize": size, "crop": size} if size else {}
    spec = Target(model=model, weights="random" if ".py:" not in model else "default", preprocess=preprocess)
    with _announced(f"Looking at {model}: which layers it has, and which have maps …"):
        target = load_target(spec)
        listed, found = list_layers(target), list_layers(target, match)
        if not found:
            raise UserError(f"No layer of {model} matches {quote(match)}; without --match all are listed.")
        verdicts = check_places(target, listed, [info.name for info in found])
    columns = [
        Column(name, no_wrap=True)
        for name in ("layer", "units", "shape", "kind", "pooling", "maps", "module")
    ]
    table = Table(*columns, title=f"Layers of {model}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for info in found:
        shape, cells = "×".join(str(s) for s in info.shape), verdicts[info.name].cells(info)
        table.add_row(info.name, str(info.units), shape, info.kind, *cells, info.module)
    # Names are there to be copied: a table that is wider than the terminal is not cut.
    widest = out.measure(table, options=out.options.update(max_width=10_000)).maximum
    Console(width=max(widest, out.width)).print(table)
    out.print(LEGEND, style="dim")


@contextmanager
def _announced(text: str) -> Iterator[None]:
    """Say that something takes a while: with a spinner, or in a line where nobody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(text, soft_wrap=True)
    with console.status(text):
        yield


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="A preset; all are listed without one.")] = None,
) -> None:
    """List the target models that have a short name, or say all about one and how a config uses it."""
    from ..model.presets import presets as known
    from ..model.presets import toml

    if name is None:
        name_column = Column("preset", no_wrap=True)
        table = Table(name_column, "network", "weights", "layers", box=box.SIMPLE_HEAD)
        for preset in (known[n] for n in known):
            shown = (
                ", ".join(pattern for pattern, _ in preset.layers) if preset.count < 4 else str(preset.count)
            )
            table.add_row(preset.name, preset.about, preset.weights or "a file", shown)
        out.print(table)
        out.print("le: Oikarinen & Weng 2024. imi: Zimmermann, Klein & Brendel 2023.", style="dim")
        return
    preset = known[name]
    out.print(f"{preset.name}: {preset.about}", highlight=False, markup=False)
    out.print(f"model {preset.model}, weights {preset.weights or 'not available by name: ' + preset.get}", highlight=False, markup=False, soft_wrap=True)  # fmt: skip
    for pattern, pooling in preset.layers:
        out.print(f"  {pattern} (pooling {pooling})", highlight=False, markup=False)
    if preset.note:
        out.print(preset.note, highlight=False, markup=False, soft_wrap=True)
    print(f"\n{toml(preset)}")


@app.command()
def info(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
    json_: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON (docs/reference/info-json.md).")
    ] = False,
) -> None:
    """Say what a store holds."""
    from ..store import Store

    with Store.open(store) as opened:  # whatever damage does to what is printed is told inside
        facts = opened.info()
        if json_:
            print_json(facts)
        else:
            print_info(facts)


@app.command()
def check(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
) -> None:
    """Look through a whole store for damage, and change nothing: rows, ranges, pictures, checksums, scores of a sample.

    A line for each thing that is wrong, and exit code 1 then.
    """
    from ..base.entries import shown
    from ..store import Store, StoreError, every_fault
    from ..store.questions import check_command

    found = 0
    try:
        with Store.open(store) as opened:
            for fault in every_fault(opened):
                found += 1
                print(printable(fault))
    except StoreError as error:
        found += 1
        print(printable(str(error).replace(f"`{check_command(store)}` says more, and ", "")))
    if found:
        raise typer.Exit(1)
    print(f"{shown(store)} is in order.")


@app.command()
def export(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
    file: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="What to write; its end says how: .csv, .json, .parquet."),
    ],
    filter_: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="ADDRESS",
            help="Which units: an address that the Overview's “Copy link” gives, or what stands behind its ?.",
        ),
    ] = "",
    list_: Annotated[
        str, typer.Option("--list", metavar="NAME", help="Only units that were starred on this list.")
    ] = "",
    method: Annotated[
        list[str] | None, typer.Option("--method", help="Only explanations by this method; may be repeated.")
    ] = None,
) -> None:
    """Write explanations and scores of units to a file: one row per unit and method.

    Without `--filter` and `--list` these are all units. With `--method`, units that only other methods explain are left out.
    """
    from ..notes import with_notes
    from ..store import FORMATS, Store, as_bytes
    from ..studies.results.humans import human_scores

    form = file.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UserError(
            f"{file} must end in {', '.join('.' + name for name in FORMATS)}: that says how to write it."
        )
    with Store.open(store) as opened:
        noted = with_notes(opened)
        for problem in noted.problems:
            out.print(printable(problem), style="yellow", highlight=False, markup=False, soft_wrap=True)
        wanted = _wanted(opened, filter_, list_)
        human = human_scores(opened.id)
        frame = noted.store.export(wanted, human, method)
        facts = {
            "store": {"id": opened.id, "name": opened.name},
            "filter": opened.sentence(wanted) if wanted.filtered else "All units.",
        }
    try:
        write_whole(file, as_bytes(frame, form, facts))
    except OSError as error:
        raise cant_write(file, error) from None
    units = len(frame[["layer", "unit"]].drop_duplicates())
    said = f"{file}: {len(frame):,} rows, {units:,} units. {facts['filter']}"
    out.print(printable(said), highlight=False, markup=False, soft_wrap=True)


def _wanted(opened: Store, address: str, name: str) -> UnitQuery:
    """The filter of an address, with a list's units alone; `UserError` for what can't be used in it."""
    from ..notes import Notes

    texts = _fields(address)
    if (texts.get("store") or opened.id) != opened.id:
        raise UserError(f"The address of --filter is one of another store, {quote(texts['store'])}.")
    wanted, faults = opened.read_query(texts)
    among, listed, more = Notes.of(opened).among(name or texts.get("starred", ""), texts.get("units", ""))
    if faults + more:
        raise UserError("\n".join(faults + more))
    return replace(wanted, among=among, listed=listed)


def _fields(address: str) -> dict[str, str]:
    """The fields of an Overview address, or of what stands behind its ?, as links write them or a person does."""
    from ..store.search.query import FIELDS

    before, mark, after = address.strip().partition("?")
    is_address = before.startswith(("http://", "https://")) or (mark and "=" not in before)
    query = after.partition("#")[0] if is_address else address.strip()
    if " " in query:  # nobody's link: a + stands for itself
        query = query.replace("+", "%2B")
    pairs = parse_qsl(query.replace("=+", "=%2B"), keep_blank_values=True)
    texts = dict(pairs)
    if address and not any(texts.values()):
        raise UserError(f"--filter {quote(address)} says nothing: it is like 'layer=block7&q=dog&low=0.5'.")
    if lost := [name for name in texts if name not in FIELDS]:
        known = ", ".join(name for name in FIELDS if name not in ("store", "shown"))
        raise UserError(
            f"--filter has {quote(lost[0])}, which the Overview has no filter of; it has {known}."
        )
    if len(texts) < len(pairs):
        raise UserError("--filter has a field twice; each may stand there once.")
    return texts


@imports.command("explanations")
def import_explanations(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .json file of explanations.")],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="What pages call the method that made them.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier import of that name.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the store's images are on this machine, if not where it was built."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where embeddings are kept; LEXPLAIN_CACHE, else ~/.cache/lexplain, without it.",
        ),
    ] = None,
) -> None:
    """Add explanations of any method to a store, scored beside its own (docs/how-to/importing.md)."""
    from ..base.progress import Terminal
    from ..pipeline.import_explanations import import_explanations as run

    done = run(file, store, method, replace, Terminal(), images, cache)
    units = "1 unit" if done.units == 1 else f"{done.units:,} units"
    new = "1 new concept" if done.new_concepts == 1 else f"{done.new_concepts:,} new concepts"
    out.print(f"{done.method}: {units} explained, {new}", highlight=False, markup=False)
    for simulator, (scored, mean) in done.scores.items():
        shown = "" if mean is None else f", mean correlation {mean:z.3f} on the test split"
        out.print(f"  by {simulator}: {scored:,} of {units} have a score{shown}")


@imports.command("imi")
def import_imi(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The files of Zenodo record 8131197, unpacked.")
    ],
    name: Annotated[str, typer.Option("--name", help="What the study is to be called.")] = "imi",
) -> None:
    """Make a study of the answers that IMI's people gave (Zimmermann et al. 2023), for the Results page."""
    from ..base.progress import Terminal
    from ..studies.file.study import StudyFile
    from ..studies.imi.importing import import_imi as run

    path = run(folder, name=name, progress=Terminal(Console(stderr=True, soft_wrap=True)))
    with StudyFile.open(path) as study:
        answers, sessions, units = len(study.responses()), len(study.sessions()), study.units()
        models = units[units["use"] == "real"]["model"].nunique()
    said = f"{path}: {answers:,} answers in {sessions:,} sessions, {models} models"
    out.print(printable(said), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _ending_tidily() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as an error does, so that temporary folders go; exit code 128 + the number."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what follows takes a moment
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as `nohup` sets it
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run() -> None:
    """The command that was given; what the machine ran out of is told as a `UserError`."""
    try:
        with needed():
            app()
    except UserError:
        raise
    except Exception as error:
        refuse_shortage(error, "The command ended half way")
        raise


def main() -> None:
    """Run the command line; exit code 2 and one sentence for what a user got wrong."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    show_everything()
    try:
        with _ending_tidily():
            load_all()
            _run()
    except BrokenPipeError:
        leave_quietly()
        sys.exit(1)
    except UserError as error:
        err = Console(stderr=True, soft_wrap=True)
        err.print("Error: ", style="bold red", end="")
        err.print(*map(printable, str(error).split("\n")), sep="\n", highlight=False, markup=False)
        sys.exit(2)
