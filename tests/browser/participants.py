"""A server in participant mode that can be killed, and what a person does in its course."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from lexplain_core.stimuli.base import Picture

from .conftest import ROOT, _wait


class Server:
    """`streamlit run app.py -- --study PATH` on a port of its own, which a new start keeps."""

    def __init__(self, study: Path, *arguments: str, port: int | None = None) -> None:
        if port is None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        self.port, self.address = port, f"http://localhost:{port}"
        self.study, self.arguments = study, arguments
        self.log = study.with_suffix(".log")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port),
                   "--server.headless", "true", "--", "--study", str(self.study), *self.arguments]  # fmt: skip
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
                                            env=os.environ | {"LEXPLAIN_STORES": str(self.study.parent)})  # fmt: skip
        _wait(f"http://127.0.0.1:{self.port}/_stcore/health", self.process, self.log)

    def kill(self) -> None:
        """As a crash would: `kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def picture(index: int, side: int = 64) -> Picture:
    """A picture of its own for every index: noise, reddish on the low side, bluish on the high one."""
    rng = np.random.default_rng(index)
    pixels = np.kron(rng.integers(0, 150, (16, 16, 3)), np.ones((side // 16, side // 16, 1)))
    pixels[..., 2 if index % 20 >= 10 else 0] += 100
    out = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "JPEG", quality=92)
    return Picture("natural", f"image-{index}", "image/jpeg", side, side, out.getvalue())


def blue_is_upper(page: Page) -> bool:
    """Whether the upper query is one of the high side's pictures, by its colour: the person sees it."""
    return page.locator(".query.upper img").evaluate(
        """i => { const c = document.createElement('canvas'); c.width = c.height = 1;
                  const x = c.getContext('2d'); x.drawImage(i, 0, 0, 1, 1);
                  const [r, , b] = x.getImageData(0, 0, 1, 1).data; return b > r; }"""
    )


@dataclass
class Person:
    """Someone who takes part, by mouse or by keys, and remembers what they answered."""

    page: Page

    def __post_init__(self) -> None:
        self.given: list[int] = []

    def agree(self) -> None:
        self.page.get_by_role("button", name="I agree").click()
        expect(self.page.get_by_role("heading", name="How it works")).to_be_visible()

    def read(self) -> None:
        """Leave the instructions by Enter."""
        expect(self.page.get_by_role("button", name="Continue")).to_be_visible()
        app = self.page.locator("[data-testid=stApp]")  # a key that comes while the page is built is lost
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        self.page.keyboard.press("Enter")

    def ready(self, count: str) -> None:
        """Wait until the trial that says `count` takes answers."""
        expect(self.page.locator(".count")).to_have_text(count)
        expect(self.page.locator(".trial")).to_have_attribute("data-state", "open")

    def answer(self, count: str, right: bool = True, confidence: int = 1, keys: bool = False) -> None:
        """Answer the trial and wait for the feedback."""
        self.ready(count)
        upper = blue_is_upper(self.page) == right
        button = (0 if upper else 3) + confidence - 1
        if keys:
            self.page.keyboard.press(str(button + 1))
        else:
            self.page.locator(".answers button").nth(button).click()
        self.given.append(button)
        expect(self.page.locator(".said")).to_have_text("✓ Correct" if right else "✗ Not correct")

    def go_on(self, keys: bool = False) -> None:
        go = self.page.locator(".go")
        expect(go).to_be_visible()
        self.page.keyboard.press("Enter") if keys else go.click()
