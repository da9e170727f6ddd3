"""The commands `build`, `demo` and `clean`."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Column, Table

from ..base.plugins import load_plugins
from ..base.terminal import Console, printable
from .info import print_info

if TYPE_CHECKING:
    from ..pipeline.stage import Plan

out = Console()
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew instead of going on with an interrupted build.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Most memory that the build may take, such as 4GiB; half of what is free without.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change an option of the config; may be repeated."),
]


def build(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.toml", help="The build's config (docs/reference/configuration.md)."),
    ],
    set_: Overrides = None,
    memory: Memory = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, why, and how long it took last time.")
    ] = False,
    plugin: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A Python file that registers methods of your own; may be repeated."
        ),
    ] = None,
    fresh: Fresh = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep what the stages made, so that a build with other options reuses it (`clean` removes it).",
        ),
    ] = False,
) -> None:
    """Run the pipeline: images through a network, units into words, all into the store that the config names.

    A build that was interrupted goes on where it ended.
    """
    from ..base.progress import Terminal
    from ..config import load_config
    from ..pipeline.build import build as run
    from ..pipeline.build import plan

    load_plugins(plugin or [])
    settings = load_config(config, _with_memory(set_, memory))
    if dry_run:
        _show_plan(plan(settings, Terminal()))
        return
    given = [part for file in plugin or [] for part in ("--plugin", str(file))]
    rebuild = _command("build", str(config), *given, set_=set_)
    with _saying_how_to_go_on(settings.store):
        path = run(settings, Terminal(), rebuild=rebuild, fresh=fresh, keep=keep)
    _summary(path)
    _go_on(path)


def demo(
    set_: Overrides = None,
    memory: Memory = None,
    force: Annotated[bool, typer.Option(help="Build anew even where the store is up to date.")] = False,
    fresh: Fresh = False,
) -> None:
    """Build the store of the demo world, unless it is there and up to date."""
    from ..base.progress import Terminal
    from ..config import apply_overrides, parse_config
    from ..demo.config import DEMO_CONFIG
    from ..pipeline.build import build as run
    from ..pipeline.build import is_current

    config = parse_config(apply_overrides(DEMO_CONFIG, _with_memory(set_, memory)), "of the demo")
    if is_current(config) and not force:
        out.print(f"The demo store {config.store} is up to date.")
        return
    with _saying_how_to_go_on(config.store):
        path = run(config, Terminal(), rebuild=_command("demo", set_=set_), fresh=fresh)
    _summary(path)
    _go_on(path)


def clean(
    stores: Annotated[
        list[Path], typer.Argument(metavar="STORE", help="Stores, or the paths that they would have.")
    ],
) -> None:
    """Remove what interrupted builds, and those with --keep, left beside their stores."""
    from ..pipeline.folder import clean as run

    for store in stores:
        size = run(store)
        said = f"{size / 1e6:,.1f} MB removed" if size else "there is nothing to remove"
        out.print(printable(f"{store}: {said}."), highlight=False, markup=False, soft_wrap=True)


def _with_memory(set_: list[str] | None, memory: str | None) -> list[str]:
    return [*(set_ or []), *([f"memory={memory}"] if memory else [])]


@contextmanager
def _saying_how_to_go_on(store: Path) -> Iterator[None]:
    """Say that nothing is lost, where a build is stopped."""
    from ..pipeline.folder import has_something, working_folder

    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if has_something(working_folder(store)):
            clean = shlex.join(["python", "-m", "lexplain_core", "clean", str(store)])
            said = f"Stopped. The same command goes on from here; `{clean}` removes what is kept."
            Console(stderr=True, soft_wrap=True).print(printable(said), highlight=False, markup=False)
        raise


def _show_plan(plans: Sequence[Plan]) -> None:
    """What a build would do, stage by stage."""
    table = Table("stage", "what", "why", Column("last time", justify="right"), box=box.SIMPLE_HEAD)
    for plan in plans:
        last = "" if plan.seconds is None else f"{plan.seconds:,.1f} s"
        table.add_row(plan.stage, plan.action, plan.why, last)
    out.print(table)
    times = [plan.seconds for plan in plans if plan.action != "kept"]
    known = [seconds for seconds in times if seconds is not None]
    if known and len(known) == len(times):
        out.print(f"About {sum(known):,.0f} s of work, by the times of the last run.")
    elif times:
        out.print("How long it takes isn't known: some stages have not run yet.")
    else:
        out.print("Everything is kept; only the store is written.")


def _command(*words: str, set_: list[str] | None) -> str:
    """The command line that was given, to be given again."""
    options = [part for assignment in set_ or [] for part in ("--set", assignment)]
    return shlex.join(["python", "-m", "lexplain_core", *words, *options])


def _go_on(path: Path) -> None:
    """The two lines that one goes on with, which work as they stand from where the user stands."""
    path, here = path.absolute(), Path.cwd()
    python = sys.executable if shutil.which("python") != sys.executable else "python"
    store = str(path.relative_to(here) if path.is_relative_to(here) else path)
    store = f"./{store}" if store.startswith("-") else store
    info, served = (shlex.join([python, "-m", "lexplain_core", name, store]) for name in ("info", "serve"))
    print(f"\n{info}\n{served}")


def _summary(path: Path) -> None:
    from ..store import Store

    with Store.open(path) as opened:
        print_info(opened.info())
