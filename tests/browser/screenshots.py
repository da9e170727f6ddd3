"""The README's pictures of the pages, over the demo store: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import shutil
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from lexplain_core import Store

from .conftest import ARGS, ROOT, serving
from .install import find_browser

FOLDER = ROOT / "docs" / "images"
COLORS = 128  # of the palette: charts and text stay sharp, and a picture stays small
# name: (address, height of the window, width of the picture)
SHOTS = {
    "neuron": ("neuron?layer=block7&unit=61", 1180, 1280),
    "overview": ("overview", 900, 960),
    "compare": ("compare?a=block7:33&b=block7:63", 900, 960),
    "words": ("words?layer=block7&unit=33", 900, 960),
    "studio": ("studio?units=block7:33,block7:61,block7:63", 900, 960),
}


def take(stores: Path) -> None:
    """Take them all into docs/images."""
    with serving(stores) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGS)
        for name, (path, height, width) in SHOTS.items():
            page = browser.new_page(viewport={"width": 1280, "height": height})
            page.goto(f"{address}/{path}")
            chart = "[data-testid=stImage] img" if name == "studio" else ".js-plotly-plot .main-svg"
            if name != "overview":
                page.locator(chart).first.wait_for(timeout=60_000)
            page.wait_for_timeout(5000)  # fonts and thumbnails
            shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
            shot.thumbnail((width, shot.height), Image.Resampling.LANCZOS)
            shot.quantize(COLORS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
            page.close()
        browser.close()


def main() -> None:
    demo = ROOT / "data" / "stores" / "demo.duckdb"
    Store.open(demo).close()  # says it where there is none
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(demo, folder)
        take(Path(folder))
    for name in SHOTS:
        print(f"{FOLDER / name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
