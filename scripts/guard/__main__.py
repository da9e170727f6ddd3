"""`python -m scripts.guard`: see `scripts/guard/__init__.py`."""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from . import stores

ROOT = Path(__file__).resolve().parents[2]
# The demo's build as the tests have it: fewer images, and effects both computed and estimated from samples.
BUILD = ["probe.limit=2000", "explain.epochs=100", 'importance.to=["zero", "mean"]', "importance.runs=40000",
         "ablation.runs=16000"]  # fmt: skip
_SHOWN = 40  # lines of a text's difference


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.guard", description=__doc__)
    parts = parser.add_subparsers(dest="command", required=True)
    make = parts.add_parser("make", help="write what this code gives into a folder")
    make.add_argument("folder", type=Path)
    make.add_argument("--store", type=Path, help="a demo store to take in place of building one")
    make.add_argument("--only", choices=["pages", "figures", "commands"], help="leave the rest as it is")
    both = parts.add_parser("compare", help="say where two such folders differ")
    both.add_argument("old", type=Path)
    both.add_argument("new", type=Path)
    both.add_argument("--store", type=Path, help="OLD's store, where it isn't in OLD")
    both.add_argument("--tolerance", type=float, default=0.0, help="of numbers in stores (0)")
    alone = parts.add_parser("stores", help="say where two stores differ")
    alone.add_argument("old", type=Path)
    alone.add_argument("new", type=Path)
    alone.add_argument("--tolerance", type=float, default=0.0)
    given = parser.parse_args()
    if given.command == "make":
        return made(given.folder.resolve(), given.store, given.only)
    if given.command == "stores":
        return int(compared_stores(given.old, given.new, given.tolerance))
    return compared(given.old, given.new, given.store or given.old / "demo.duckdb", given.tolerance)


def made(folder: Path, store: Path | None, only: str | None) -> int:
    """Build the demo store where the folder has none, and write everything else anew."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "LEXPLAIN_TRUST": str(folder / "trust.json"),
        "LEXPLAIN_CACHE": str(folder / "cache"),
        "LEXPLAIN_READONLY": "0",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",  # sums of floats depend on how they are shared out
    }
    from . import commands, served  # they read these

    store = store or folder / "demo.duckdb"
    if store.exists():
        print(f"{store} is taken as it is; remove it to have it built.", file=sys.stderr)
    else:
        options = [
            word
            for option in [f"store={store}", f"cache={folder / 'cache'}", *BUILD]
            for word in ("--set", option)
        ]
        subprocess.run([sys.executable, "-m", "lexplain_core", "demo", *options], cwd=ROOT, check=True)
    (folder / "store.json").write_text(
        json.dumps(stores.digests(store), indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    steps = {"figures": commands.figures, "commands": commands.commands, "pages": served.pages}
    for name in [only] if only else steps:
        print(name, file=sys.stderr)
        steps[name](store, folder / name)
    return 0


def compared(old: Path, new: Path, store: Path, tolerance: float) -> int:
    """Print all differences; 1 where there are any."""
    if store.exists() and (new / "demo.duckdb").exists():
        differ = compared_stores(store, new / "demo.duckdb", tolerance)
    else:
        print(f"There is no store {store}: digests of columns are compared.")
        differ = _print(
            compared_digests(*(json.loads((f / "store.json").read_text("utf-8")) for f in (old, new)))
        )
    before, after = (json.loads((folder / "figures.json").read_text("utf-8")) for folder in (old, new))
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    print(f"Figures: {len(before)} compared, {len(changed)} differ")
    for name in changed:
        text = name.endswith(".txt")
        _print_text(name, before.get(name, ""), after.get(name, "")) if text else print(f"  {name}")
    differ |= bool(changed)
    for part in ("commands", "pages"):
        differ |= compared_texts(old / part, new / part)
    print("They differ." if differ else "Nothing differs.")
    return int(differ)


def compared_stores(old: Path, new: Path, tolerance: float) -> bool:
    """Print what differs between two stores; whether anything does beyond the tolerance."""
    found, rows = stores.compare(old, new)
    print(
        f"Stores: {len(rows)} tables and {sum(rows.values()):,} rows compared; left out: {', '.join(stores.KNOWN.ignored)}"
    )
    by_place = defaultdict(list)
    for difference in found:
        by_place[difference.where].append(difference)
    for where, some in by_place.items():
        size = max(difference.size for difference in some)
        largest = (
            ""
            if math.isinf(size)
            else f", by {size:.3g} at most{' (tolerated)' if size <= tolerance else ''}"
        )
        print(f"  {where}: {some[0].what}{largest}{f' … and {len(some) - 1} more' if len(some) > 1 else ''}")
    return any(difference.size > tolerance for difference in found)


def compared_digests(old: dict, new: dict) -> list[str]:
    """A line for each column whose digest differs, by tables of digests."""
    names = [(table, column) for both in (old, new) for table in both for column in both[table]]
    found = []
    for table, column in dict.fromkeys(names):
        before, after = (side.get(table, {}).get(column, "not there") for side in (old, new))
        if before != after:
            where = column if table == "meta" else f"{table}.{column}"
            found.append(f"{where}: {before} became {after}")
    return found


def _print(lines: list[str]) -> bool:
    for line in lines:
        print(f"  {line}")
    return bool(lines)


def compared_texts(old: Path, new: Path) -> bool:
    """Print how the texts of two folders differ; whether they do."""
    names = sorted({path.name for folder in (old, new) for path in folder.glob("*.txt")})
    texts = {name: [_read(folder / name) for folder in (old, new)] for name in names}
    changed = [name for name, (before, after) in texts.items() if before != after]
    print(f"{old.name.capitalize()}: {len(names)} compared, {len(changed)} differ")
    for name in changed:
        _print_text(name, *texts[name])
    return bool(changed)


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _print_text(name: str, before: str, after: str) -> None:
    print(f"  {name}")
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    for line in lines[:_SHOWN]:
        print(f"    {line[:300]}")
    if len(lines) > _SHOWN:
        print(f"    … and {len(lines) - _SHOWN} more lines")


if __name__ == "__main__":
    sys.exit(main())
