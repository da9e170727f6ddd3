"""The command that runs the dashboard, `python -m lexplain_core serve …`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base import places
from ..base.entries import shown
from ..base.errors import UserError
from ..base.extras import require
from ..base.listening import LOCAL, check_address, this_machine_alone
from ..base.plugins import VARIABLE, load_plugins

# Neither the environment nor a user's own settings of Streamlit change this, nor the address; the others are in .streamlit/config.toml.
_ALWAYS = ["--browser.gatherUsageStats", "false"]


def serve(
    stores: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STORE", help="Stores to show; those of data/stores (or $LEXPLAIN_STORES) without."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="8501, or the next that is free, without.")
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            "--address", metavar="IP", help="Where to listen; with 0.0.0.0 the whole network gets in."
        ),
    ] = LOCAL,
    study: Annotated[
        str,
        typer.Option("--study", metavar="NAME", help="Serve this study to participants, and nothing else."),
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Walk through the study; nothing is recorded.")
    ] = False,
    plugin: Annotated[
        list[Path] | None,
        typer.Option(
            "--plugin", metavar="FILE", help="A file of yours with a page; may be given several times."
        ),
    ] = None,
) -> None:
    """Serve the dashboard, to this machine alone unless `--address` says otherwise, until Ctrl-C.

    It runs in any folder, over the stores that are named, or over those of `data/stores` in the present folder.
    Where others reach it, it is read-only unless `LEXPLAIN_READONLY=0` (docs/how-to/deploy.md).
    """
    from ..studies.file.access import read_meta
    from ..studies.file.finding import find_study

    require("streamlit")
    if study and stores:
        raise UserError("--study serves a study alone: leave the stores out.")
    if preview and not study:
        raise UserError("--preview shows a study: name it with --study NAME.")
    if study:
        read_meta(find_study(study))
    for store in stores or []:
        if not store.is_file():
            raise UserError(f"There is no store at {shown(store)}.")
    load_plugins(plugin or [])  # says what is wrong with them
    if plugin:
        files = [str(file.expanduser().absolute()) for file in plugin]
        os.environ[VARIABLE] = os.pathsep.join(filter(None, [os.environ.get(VARIABLE), *files]))
    check_address(address)
    if not this_machine_alone(address):
        print(f"Everybody who reaches this machine at {address} can open it: see docs/how-to/deploy.md.")
    words = [word for store in stores or [] for word in ("--store", str(store.absolute()))]
    words += ["--study", study] if study else []
    words += ["--preview"] if preview else []
    settings = [*_ALWAYS, "--server.address", address, *(["--server.port", str(port)] if port else [])]
    # -P: what lies in the folder that one stands in hides no module
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(places.app()), *settings, "--", *words]
    sys.stdout.flush()
    os.execv(sys.executable, command)
