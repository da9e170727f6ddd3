"""How fast the pages are over a store of ImageNet's size.

    python -m benchmarks.big_store big.duckdb
    python -m benchmarks.serving big.duckdb

*data*: what the Neuron page reads of a unit, by the store's own methods, units at random, none read before. *view*: a whole run of a
page's script on the server, without a browser. *key*: from the press of the arrow key to the next unit's chart drawn in Chromium. *cold*: the Neuron page in
a fresh browser, as a ratio to an empty Streamlit page with one plotly chart, each after a visit that warmed its server, in turn. *memory*:
the server with 20 browsers that step from unit to unit at once. *sent*: what the browser is sent for a unit, over this store and
over one of a tenth of the images (--small).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lexplain_core.store import N_BUCKETS, Store

from .common import median, report

ROOT = Path(__file__).resolve().parents[1]
EMPTY = """import plotly.graph_objects as go
import streamlit as st
st.set_page_config(layout="wide")
st.title("Empty", anchor=False)
st.plotly_chart(go.Figure([{"type": "bar", "x": [1, 2, 3], "y": [3, 1, 2]}]), key="one")
"""
PAGES = {
    "overview": {}, "overview, filtered": {"q": "group 7", "low": "0.3", "sort": "-score"}, "neuron": {"layer": "layer4", "unit": "?"},
    "neuron, values": {"layer": "layer4", "unit": "?", "tab": "values"}, "neuron, similar": {"layer": "layer4", "unit": "?", "tab": "similar"},
    "neuron, effect": {"layer": "layer4", "unit": "?", "tab": "effect"}, "words": {"layer": "layer4", "unit": "?"},
    "compare": {"a": "layer4:?", "b": "layer3:7"}, "picture": {"layer": "layer4", "image": "?"}, "importance": {}, "studio": {"units": "layer4:?"},
}  # fmt: skip


# -- without a browser --------------------------------------------------------------------------------


def unit_data(store: Store, layer: str, number: int) -> None:
    """All that the Neuron page with its examples reads of a unit."""
    unit = store.unit(layer, number)
    explanation = unit.explanation()
    unit.matrices(explanation)
    unit.composition(explanation)
    ids = [int(i) for bucket in range(N_BUCKETS) for i in unit.examples(bucket)["image"]]
    store.images(ids)
    store.thumbnails(ids)
    unit.maps(ids)
    unit.impact("zero")
    unit.observer  # noqa: B018  (it is read when it is named)


def data(path: Path, runs: int, draw: random.Random) -> dict:
    """Milliseconds of `unit_data` on units that weren't read before."""
    with Store.open(path) as store:
        layers = store.layers()
        units = [(row.layer, u) for row in layers.itertuples() for u in range(row.units)]
        unit_data(store, *units[0])  # what is read once for all
        return _milliseconds([_timed(lambda u=u: unit_data(store, *u)) for u in draw.sample(units[1:], runs)])


def views(path: Path, runs: int, draw: random.Random) -> dict[str, dict]:
    """Milliseconds of a run of each page's script, by Streamlit's own test runner."""
    from streamlit.testing.v1 import AppTest
    from streamlit.util import calc_hash

    os.environ["LEXPLAIN_STORES"] = str(path.parent)
    with Store.open(path) as store:
        identity, images = store.id, len(store.images())
        units = int(store.layers().set_index("layer").units["layer4"])
    found = {}
    for name, params in PAGES.items():
        page, timings = name.split(",")[0], []
        for _ in range(runs + 1):
            app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=120)
            app._page_hash = calc_hash(page)  # `switch_page` takes files, and pages are functions
            for key, value in ({"store": identity} | params).items():
                most = images if key == "image" else units
                app.query_params[key] = value.replace("?", str(draw.randrange(most)))
            timings.append(_timed(app.run))
            if app.exception:
                raise AssertionError(f"{name}: {app.exception[0].message}")
        found[name] = _milliseconds(timings[1:])
    return found


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _milliseconds(seconds: list[float]) -> dict:
    return {
        "median": 1e3 * median(seconds),
        "p95": 1e3 * float(np.quantile(seconds, 0.95)),
        "runs": len(seconds),
    }


# -- in Chromium --------------------------------------------------------------------------------------

# Milliseconds from the key to the frame after the next unit's heading and the new chart; the chart's data says which it is.
STEP = """() => new Promise(done => {
  const heading = () => document.querySelector('h2')?.textContent ?? '';
  const chart = () => document.querySelector('.st-key-area .js-plotly-plot, [class*=st-key-area] .js-plotly-plot');
  const before = heading(), drawn = chart(), start = performance.now();
  let fresh = false;
  drawn?.on?.('plotly_afterplot', () => { fresh = true; });
  document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', code: 'ArrowRight', bubbles: true}));
  const look = () => heading() !== before && (fresh || chart() !== drawn)
    ? requestAnimationFrame(() => done(performance.now() - start))
    : performance.now() - start > 60000 ? done(null) : requestAnimationFrame(look);
  look(); })"""
DRAWN = "() => performance.timeOrigin && !!document.querySelector('.js-plotly-plot .main-svg')"


@contextmanager
def serving(script: Path, stores: Path) -> Iterator[tuple[str, int]]:
    """`streamlit run` on a free port: its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=os.environ | {"LEXPLAIN_STORES": str(stores)})  # fmt: skip
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://localhost:{port}", server.pid
    finally:
        server.terminate()
        server.wait()


async def _visit(browser, address: str):
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(120_000)
    page = await context.new_page()
    await page.goto(address)
    await page.wait_for_function(DRAWN)
    return page


async def cold(browser, dashboard: str, empty: str, runs: int) -> dict:
    """Seconds until the first chart is drawn in a fresh browser, of both pages in turn."""
    taken: dict[str, list[float]] = {"neuron": [], "empty": []}
    for run in range(runs + 1):
        for name, address in (("neuron", dashboard), ("empty", empty)):
            start = time.perf_counter()
            page = await _visit(browser, address.replace("?unit", f"{run}"))
            if run:
                taken[name].append(time.perf_counter() - start)
            await page.context.close()
    found = {name: median(values) for name, values in taken.items()}
    return found | {"ratio": found["neuron"] / found["empty"], "runs": runs}


async def keys(browser, address: str, presses: int) -> tuple[dict, int]:
    """Milliseconds from the key to the next unit drawn, and the bytes that the browser was sent a unit."""
    sent = 0

    def count(frame) -> None:
        nonlocal sent
        sent += len(frame)

    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    page.on("websocket", lambda socket: socket.on("framereceived", count))
    await page.goto(address)
    await page.wait_for_function(DRAWN)
    await page.wait_for_timeout(3000)
    taken = []
    sent = 0
    for _ in range(presses):
        took = await page.evaluate(STEP)
        if took is None:
            raise AssertionError("the next unit was not drawn within a minute of the key")
        taken.append(took / 1e3)
        await page.wait_for_timeout(600)
    await context.close()
    return _milliseconds(taken), sent // presses


async def crowd(browser, address: str, people: int, presses: int, process: int) -> dict:
    """The server's memory before, and after `people` browsers at once went from unit to unit."""
    before = _resident(process)
    pages = await asyncio.gather(
        *(_visit(browser, address.replace("?unit", str(50 * i))) for i in range(people))
    )

    async def click(page) -> None:
        for _ in range(presses):
            await page.get_by_role("button", name="Next").first.click()
            await page.wait_for_timeout(1500)

    await asyncio.gather(*(click(page) for page in pages))
    after = _resident(process)
    for page in pages:
        await page.context.close()
    return {"people": people, "clicks": presses, "before_mib": before, "after_mib": after}


def _resident(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def in_browsers(path: Path, small: Path | None, options: argparse.Namespace, folder: Path) -> dict:
    from playwright.async_api import async_playwright

    script = folder / "empty.py"
    script.write_text(EMPTY)
    found: dict = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for store in filter(None, (path, small)):
            place = folder / store.stem
            place.mkdir()
            (place / store.name).symlink_to(store.resolve())
            with serving(ROOT / "app.py", place) as (address, process), serving(script, place) as (empty, _):
                neuron = f"{address}/neuron?layer=layer4&unit=?unit"
                if store is path:
                    found["cold"] = await cold(browser, neuron, empty, options.loads)
                found[f"keys {store.stem}"], sent = await keys(
                    browser, neuron.replace("?unit", "100"), options.presses
                )
                found[f"sent {store.stem}"] = sent
                if store is path:
                    found["memory"] = await crowd(browser, neuron, options.people, 10, process)
        await browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--small", type=Path, help="a store with fewer images, to compare what is sent")
    parser.add_argument("--runs", type=int, default=100, help="units that are read")
    parser.add_argument("--views", type=int, default=20, help="runs of each page")
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--presses", type=int, default=30)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "/usr/bin/chromium")
    options = parser.parse_args()
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "stores"
        place.mkdir()
        (place / options.store.name).symlink_to(options.store.resolve())
        found = {"file_gib": options.store.stat().st_size / 2**30}
        found["data"] = data(options.store, options.runs, draw)
        found |= {"views": views(place / options.store.name, options.views, draw)}
        found |= asyncio.run(in_browsers(options.store, options.small, options, Path(folder)))
    rows = [["unit data, ms", f"{found['data']['median']:.0f}", f"{found['data']['p95']:.0f}"]]
    rows += [
        [f"view of {name}, ms", f"{f['median']:.0f}", f"{f['p95']:.0f}"] for name, f in found["views"].items()
    ]
    for name, f in found.items():
        if name.startswith("keys"):
            rows.append([f"key to drawn, ms ({name[5:]})", f"{f['median']:.0f}", f"{f['p95']:.0f}"])
        if name.startswith("sent"):
            rows.append([f"sent a unit, kB ({name[5:]})", f"{f / 1e3:.0f}", ""])
    c, m = found["cold"], found["memory"]
    rows.append(
        ["cold load, s", f"{c['neuron']:.2f}", f"{c['ratio']:.2f} of an empty page's {c['empty']:.2f}"]
    )
    rows.append(
        [f"server with {m['people']} browsers, MiB", f"{m['after_mib']:.0f}", f"{m['before_mib']:.0f} before"]
    )
    rows.append(["file, GiB", f"{found['file_gib']:.2f}", ""])
    report("serving", f"Pages over {options.store.name}", ["", "median", "95th percentile"], rows, found)


if __name__ == "__main__":
    main()
