"""The text of every page, as a visitor reads it in Chromium: `addresses.py` says which.

A page's text is its tree of accessibility (what a screen reader reads: headings, texts, controls with their values,
letters and alternative texts of charts), the hints that show on hover, and digests of what is no text: the data of charts
and tables, and the pictures. What an earlier address has said, too, is shortened. Nothing depends on the time, the port or the folder.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import ARGS, ROOT, SIZE, serving
from tests.browser.helpers import settle
from tests.browser.install import find_browser

from .addresses import PAGES, PREVIEW, STUDY
from .snapshot import digest, once, shortened

OLD = ROOT / "tests" / "old"
ID = "0123456789ab"  # of the store that is served: that of the notes in tests/old
PINNED = {  # facts of the store that differ from build to build
    "id": ID,
    "created": "2026-01-01T00:00:00+00:00",
    "build": {"seconds": {}, "device": "cpu", "images_per_second": 100.0, "python": "3"},
    "rebuild": "python -m lexplain_core demo",
}
_DIGITS = 9  # of numbers in charts and tables: DuckDB's threads add up in any order
_STEADY_MS, _LONGEST_MS = 1000, 180_000  # a page is done that stays as it is for so long
# Streamlit opens what is folded in at a moving pace; it takes one click each.
_OPEN = """() => {
  const folded = [...document.querySelectorAll('details:not([open]) > summary')];
  folded.forEach(summary => summary.click());
  return !folded.length && [...document.querySelectorAll('details')].every(
    d => d.innerText.trim().length > d.querySelector('summary').innerText.trim().length);
}"""


def pages(store: Path, folder: Path) -> None:
    """Write a file for each address into a folder, once all are read."""
    texts = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGS)
        for name, text in _texts(browser, store):
            texts[name] = text
            print(f"  {name}", file=sys.stderr)
        browser.close()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")


def _texts(browser: Browser, store: Path) -> Iterator[tuple[str, str]]:
    with TemporaryDirectory() as place:
        stores = Path(place).resolve()
        study, seen = lay_out(store, stores), set()
        with serving(stores) as address:
            for name, path in PAGES.items():
                yield name, _visit(browser, address, path, stores, seen)
        tokens = json.loads((OLD / "study-2.json").read_text("utf-8"))["tokens"]
        for addresses, arguments in ((STUDY, ()), (PREVIEW, ("--preview",))):
            with serving(stores, "--", "--study", str(study), *arguments) as address:
                for name, path in addresses.items():
                    for person, token in tokens.items():
                        path = path.replace(f"<{person}>", token)
                    yield name, _visit(browser, address, path, stores, seen)


def lay_out(store: Path, folder: Path) -> Path:
    """A copy of the store with pinned facts, notes and a study with answers in a folder; returns the study."""
    shutil.copy(store, folder / "demo.duckdb")
    with duckdb.connect(str(folder / "demo.duckdb")) as con:
        (config,) = con.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()
        places = {"store": "demo.duckdb", "cache": "cache"}
        for key, value in (PINNED | {"config": json.loads(config) | places}).items():
            con.execute("UPDATE meta SET value = ? WHERE key = ?", [json.dumps(value), key])
    (folder / "demo.notes.sqlite").write_bytes(gzip.decompress((OLD / "notes-2.sqlite.gz").read_bytes()))
    (folder / "studies").mkdir()
    study = folder / "studies" / "guard.sqlite"
    study.write_bytes(gzip.decompress((OLD / "study-2.sqlite.gz").read_bytes()))
    return study


def _visit(browser: Browser, address: str, path: str, folder: Path, seen: set[str]) -> str:
    """The text of one page, for a visitor who comes for the first time."""
    context = browser.new_context(viewport=SIZE)
    context.set_default_timeout(_LONGEST_MS)
    page, frames = context.new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.goto(f"{address}/{path}")
    page.locator("[data-testid=stMain] :is(h1, h2, .trial, [role=alert])").first.wait_for()
    settle(page)
    page.wait_for_function(_OPEN, polling=1000)
    tree = shortened(_steady(page).replace(address, "").replace(str(folder), "<folder>"))
    sources = page.locator("img").evaluate_all("images => images.map(i => i.src)")
    context.close()
    parts = [
        f"/{path}",
        once(tree, seen),
        _hints(frames, tree, seen),
        _data(frames),
        _pictures(sources, address),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _steady(page: Page) -> str:
    """The page's tree once it stays the same for a while."""
    before = None
    for _ in range(_LONGEST_MS // _STEADY_MS):
        settle(page)
        tree = page.locator("body").aria_snapshot()
        if tree == before:
            return tree
        before = tree
        page.wait_for_timeout(_STEADY_MS)
    return f"This page never rests.\n{before}"


def _elements(frames: list) -> Iterator[tuple[str, dict]]:
    """(kind, fields) of all elements that the server sent."""
    for frame in frames:
        if isinstance(frame, bytes):
            message = MessageToDict(ForwardMsg.FromString(frame))
            yield from message.get("delta", {}).get("newElement", {}).items()


def _hints(frames: list, tree: str, seen: set[str]) -> str:
    """What shows on hover, labels in what is closed, and a digest of what there is to choose; whole where it is new."""
    found = []
    for _, fields in _elements(frames):
        if isinstance(fields, dict):
            found += [fields[name] for name in ("label", "help", "placeholder") if fields.get(name)]
            if options := fields.get("options"):
                found.append(f"{len(options)} options, {digest(json.dumps(options))}")
    all_ = [text for text in dict.fromkeys(found) if text not in tree]
    new = [f"Hint: {text}" for text in all_ if text not in seen]
    seen.update(all_)
    return "\n".join([*new, f"Hints: {len(all_)}, {digest(repr(all_))}"]) if all_ else ""


def _data(frames: list) -> str:
    """Digests of what charts and tables show, and how."""
    found = {"Charts": set(), "Tables": set()}
    for kind, fields in _elements(frames):
        if kind == "plotlyChart":
            found["Charts"].add(digest(json.dumps(_rounded(json.loads(fields["spec"])))))
        elif kind == "dataframe":
            table = pa.ipc.open_stream(base64.b64decode(fields["arrowData"]["data"])).read_pandas()
            found["Tables"].add(
                digest(table.to_csv(float_format=f"%.{_DIGITS}g") + fields.get("columns", ""))
            )
    return "\n".join(f"{name}: {', '.join(sorted(some))}" for name, some in found.items() if some)


def _rounded(tree: Any) -> Any:
    """A chart's JSON with its numbers, also those in plotly's packed arrays, to `_DIGITS` digits."""
    if isinstance(tree, dict) and "bdata" in tree:
        return _rounded(np.frombuffer(base64.b64decode(tree["bdata"]), tree["dtype"]).tolist())
    if isinstance(tree, dict):
        return {key: _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_rounded(value) for value in tree]
    return f"{tree:.{_DIGITS}g}" if isinstance(tree, float) else tree


def _pictures(sources: list[str], address: str) -> str:
    """How many pictures there are, and a digest of them in their order."""
    return f"Pictures: {len(sources)}, {digest(json.dumps(sources).replace(address, ''))}" if sources else ""
