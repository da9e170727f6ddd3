"""A real Chromium against a running dashboard."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest

from lexplain_core import Store

from .. import variants
from .install import find_browser

ROOT = Path(__file__).resolve().parents[2]
ARGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
]  # containers: root, a small /dev/shm, no GPU
# All pages of a browser share one process, which keeps what it has compiled of Streamlit's and plotly's scripts.
SHARED = ["--process-per-site", "--renderer-process-limit=1"]
STILL = "reduce"  # no animation keeps the processor busy while a test waits
SIZE = {"width": 1280, "height": 720}
SHOTS = ROOT / "shots"  # pictures of what failed
# What a page on a busy machine may do to a test that is right: it gets a second try, and pytest says so. Exceptions
# that a page shows, and values that are wrong, fail at once.
LATE = ["Locator expected", "TimeoutError"]


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=LATE))


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser_path():
    path = find_browser()
    if path is None:
        words = "no Chromium found (LEXPLAIN_CHROMIUM can name one)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(words)
    return path


@pytest.fixture(scope="session")
def chromium(playwright, browser_path):
    browser = playwright.chromium.launch(executable_path=browser_path, args=ARGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def profiles(playwright, browser_path, tmp_path_factory):
    """profiles(i): browsers that have been here before, each with cookies and storage of its own.

    A page in one takes less than half of the processor time that it takes in a fresh browser.
    """
    opened = {}

    def profile(number: int):
        if number not in opened:
            opened[number] = playwright.chromium.launch_persistent_context(
                tmp_path_factory.mktemp("profile"), executable_path=browser_path, args=[*ARGS, *SHARED],
                viewport=SIZE, reduced_motion=STILL,
            )  # fmt: skip
        return opened[number]

    yield profile
    for context in opened.values():
        context.close()


@contextmanager
def serving(stores: Path, *arguments: str) -> Iterator[str]:
    """A dashboard over a folder of stores, on a free port; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.headless", "true", *arguments]  # fmt: skip
    environment = os.environ | {"LEXPLAIN_STORES": str(stores), "LEXPLAIN_STUDIES": str(stores / "studies")}
    log = stores / "server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(address: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text('utf-8', 'replace')}")


@pytest.fixture(scope="session")
def shelf(demo_store, tmp_path_factory) -> Path:
    """The folder of the dashboard's stores: the demo store, and for a while those of `lent`."""
    folder = tmp_path_factory.mktemp("dashboard")
    shutil.copy(demo_store, folder / "demo.duckdb")
    os.utime(folder / "demo.duckdb", (4e9, 4e9))  # the newest: where an address names no store, it is shown
    return folder


@pytest.fixture(scope="session")
def dashboard(shelf) -> Iterator[str]:
    """The dashboard over the demo store."""
    with serving(shelf) as address:
        yield address


@contextmanager
def lent(shelf: Path, name: str, make: Callable[[Path, Path], None] = variants.renamed) -> Iterator[Path]:
    """Another store in the dashboard's folder, as `make` derives it from the demo store."""
    path = shelf / f"{name}.duckdb"
    make(shelf / "demo.duckdb", path)
    yield path
    path.unlink()


@pytest.fixture(scope="session")
def store(demo_store) -> Iterator[Store]:
    with Store.open(demo_store) as store:
        yield store


@pytest.fixture
def visit(profiles, request):
    """Opens an address, and hands out the page: each of a test's in another browser.

    color_scheme: what the person's system asks for.

    A test fails where a page shows an exception or its scripts throw one.
    """
    pages, thrown = [], []

    def open_page(address: str, color_scheme: str | None = None):
        context = profiles(len(pages))
        if context.pages[0].url == "about:blank":  # a page that stays, so that the browser keeps the process
            context.pages[0].goto(urljoin(address, "/_stcore/health"))
        context.set_default_timeout(30_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.emulate_media(color_scheme=color_scheme, reduced_motion=STILL)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        pages.append(page)
        page.goto(address)
        page.locator(".lx-brand").wait_for()
        return page

    yield open_page
    failed = getattr(request.node, "failed", False)
    exceptions = [page.locator("[data-testid=stException]").all_inner_texts() for page in pages]
    if failed or any(exceptions) or thrown:
        SHOTS.mkdir(exist_ok=True)
        for number, page in enumerate(pages):
            page.screenshot(path=SHOTS / f"failed-{request.node.name}-{number}.png", full_page=True)
    for page in pages:
        page.close()
        page.context.clear_cookies()
    assert not any(exceptions), exceptions
    assert not thrown, thrown


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report
