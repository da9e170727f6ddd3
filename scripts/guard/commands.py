"""What commands print, and hashes of the figures for print that they make."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser.conftest import ROOT

from .served import lay_out

KINDS = ("pdf", "svg", "png", "txt", "csv", "bib")
UNITS = "block7:61,block7:33,planted:0"
FIGURES = {  # name: options of `figure`
    "areas": ["--units", UNITS],
    "areas-classes-single-grey": ["--units", UNITS, "--level", "classes", "--column", "single", "--palette", "grey"],
    "areas-siglip-same-paths": ["--units", UNITS, "--method", "le-siglip", "--scale", "same", "--paths"],
    "areas-superclasses-bright": ["--units", "block4:1", "--level", "superclasses", "--palette", "bright", "--size", "11"],
    "ranges": ["--figure", "ranges", "--units", "block7:61,block7:33"],
    "ranges-pins-no-words": [
        "--figure", "ranges", "--units", "block7:61", "--per", "2", "--no-words", "--palette", "muted",
        "--pins", "block7:61:7:505", "--without", "889", "--draw", "3",
    ],
}  # fmt: skip
COMMANDS = {
    "info": ["info", "demo.duckdb"],
    "info-json": ["info", "demo.duckdb", "--json"],
    "presets": ["presets"],
    "layers": ["layers", "demo"],
    "export": ["export", "demo.duckdb", "--out", "export.csv"],
    "trust": ["trust", "demo.duckdb"],
    "study-list": ["study", "list", "--json"],
    "study-export": ["study", "export", "guard", "--out", "answers"],
    "no-store": ["info", "nowhere.duckdb"],
    "no-unit": ["figure", "demo.duckdb", "--units", "block7:999"],
    "no-option": ["demo", "--set", "explain.nothing=1"],
}
_HELP = [
    "",
    "build",
    "demo",
    "layers",
    "presets",
    "info",
    "check",
    "export",
    "figure",
    "trust",
    "import",
    "study",
]
_HELP += [f"study {name}" for name in ("new", "list", "export", "backup", "invite", "resume", "verify")]
COMMANDS |= {f"help-{name.replace(' ', '-') or 'all'}": [*name.split(), "--help"] for name in _HELP}
_LONGEST = 20_000  # characters of a file that is kept as it is


def figures(store: Path, folder: Path) -> None:
    """Make the figures in a folder, and write a hash of each into `figures.json` beside it. Captions hold no hash:
    they are kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hashes = {}
    with TemporaryDirectory() as place:
        lay_out(store, Path(place))
        for name, options in FIGURES.items():
            outs = [option for kind in KINDS for option in ("--out", str(folder / f"{name}.{kind}"))]
            done = _run(["figure", "demo.duckdb", *options, *outs], Path(place))
            if done.returncode:
                raise SystemExit(done.stdout)
            for kind in KINDS:
                data = (folder / f"{name}.{kind}").read_bytes()
                text = kind == "txt"
                hashes[f"{name}.{kind}"] = data.decode() if text else hashlib.sha256(data).hexdigest()[:16]
            print(f"  {name}", file=sys.stderr)
    folder.with_name("figures.json").write_text(
        json.dumps(hashes, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )


def commands(store: Path, folder: Path) -> None:
    """Write what each command prints into a folder, with its exit code and the files that it makes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, words in COMMANDS.items():
        with TemporaryDirectory() as place:
            lay_out(store, Path(place))
            before = {path: path.read_bytes() for path in _files(Path(place))}
            done = _run(words, Path(place))
            made = [path for path in _files(Path(place)) if before.get(path) != path.read_bytes()]
            lines = [f"$ {' '.join(words)}", _without_frames(done.stdout), f"exit code {done.returncode}"]
            lines += [f"{path.relative_to(place)}:\n{_content(path)}" for path in made]
            text = "\n".join(lines).replace(place, "<folder>").replace(str(ROOT), "<project>")
        (folder / f"{name}.txt").write_text(text + "\n", "utf-8")
    print(f"  {len(COMMANDS)} commands", file=sys.stderr)


def _without_frames(text: str) -> str:
    """What a command printed, without the boxes that hold it and the room in them."""
    lines = (re.sub(r" {3,}", "   ", re.sub("[─╭╮╰╯│]", "", line)).rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(("-wal", "-shm")))


def _content(path: Path) -> str:
    text = path.read_text("utf-8", "replace")
    return (
        text
        if len(text) <= _LONGEST
        else f"{len(text):,} characters, {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    )


def _run(words: list[str], place: Path) -> subprocess.CompletedProcess:
    """Run a command of the project in a folder of its own."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "LEXPLAIN_STUDIES": str(place / "studies"), "LEXPLAIN_STORES": str(place),
        "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "lexplain_core", *words], cwd=place, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
