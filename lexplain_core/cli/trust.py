"""`python -m lexplain_core trust`: what of a store this machine trusts, shown and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.errors import UserError
from ..base.terminal import Console, printable
from ..config import parse_config
from ..trust import KINDS, Wanted, wanted
from ..trust import file as trust_file

out = Console()
_STATES = {
    "trusted": "trusted",
    "new": "not trusted",
    "changed": "changed since it was trusted",
    "gone": "not here, or can't be read",
}


def trust(
    store: Annotated[Path | None, typer.Argument(metavar="STORE", help="A .duckdb file.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List all that is trusted, of whatever store.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Trust no more what STORE names; other stores may name it, too.")
    ] = False,
) -> None:
    """List what a store may make this machine open or run, and allow it (docs/how-to/trust.md).

    It shows SHA-256 digests, and asks before it notes anything. Exactly what is listed is allowed, until it changes.
    """
    trusted, problem = trust_file.read()
    if problem:
        _say(f"{problem[0].upper()}{problem[1:]}.")
    if list_:
        _list(trusted)
        return
    if store is None:
        raise UserError("Which store? Give its file, or --list.")
    needs = _needs(store, trusted)
    if not needs:
        _say(f"{store} names nothing that has to be trusted.")
        return
    for need in needs:
        _show(need)
    if forget:
        trust_file.forget(need.entry.key for need in needs if need.entry)
        _say(f"None of it is trusted any more ({trust_file.place()}).")
        return
    open_ = [need for need in needs if need.state in ("new", "changed")]
    if not open_:
        _say("Nothing is left to allow.")
        return
    if any(need.kind == "code" for need in open_):
        _say("Network code can do on this machine whatever you can: allow only what you know.")
    if not yes:
        _ask(f"Trust {'this' if len(open_) == 1 else f'these {len(open_)}'}?")
    trust_file.add(need.entry for need in open_ if need.entry)
    _say(f"Noted in {trust_file.place()}.")


def _ask(question: str) -> None:
    """End the command unless somebody says yes."""
    try:
        typer.confirm(question, abort=True)
    except typer.Abort:
        _say("\nNothing was noted; `--yes` allows it without a question.")
        raise


def _needs(store: Path, trusted: trust_file.Trusted) -> list[Wanted]:
    from ..store import Store

    with Store.open(store) as opened:
        config = opened.meta.get("config")
    if not isinstance(config, dict):
        raise UserError(f"{store} keeps no config, so it names nothing.")
    return wanted(parse_config(config, f"kept in {store}"), trusted)


def _show(need: Wanted) -> None:
    _say(f"{_STATES[need.state]}: {KINDS[need.kind].removeprefix('the ')} {need.named}")
    if need.entry is None:
        return
    if need.entry.path != str(need.path):
        _say(f"    it lies at {need.entry.path}")
    if need.kind == "images":
        _say("    any picture in this folder may be read, and shown to people in studies of the store")
    for name, digest in sorted(need.entry.files.items()):
        _say(f"    {name}  sha256 {digest}")
    for name in need.changed:
        _say(f"    changed, new or gone: {name}")


def _list(trusted: trust_file.Trusted) -> None:
    for entry in trusted.values():
        named = ":".join([entry.path, ", ".join(entry.functions)]) if entry.functions else entry.path
        count = len(entry.files)
        files = "" if entry.kind == "images" else f"  ({count} {'file' if count == 1 else 'files'})"
        _say(f"{KINDS[entry.kind].removeprefix('the ')} {named}{files}")
    _say(f"{len(trusted):,} in {trust_file.place()}")


def _say(text: str) -> None:
    out.print(printable(text), highlight=False, markup=False, soft_wrap=True)
