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

import pytest

from lexplain_core import Store

from .. import variants
from .install import find_browser

ROOT = Path(__file__).resolve().parents[2]
ARGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # containers run as root with a small /dev/shm
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
def profile(playwright, browser_path, tmp_path_factory):
    """A browser that has been here before: what it compiled of Streamlit's scripts is on its disk, which makes a page
    a quarter quicker."""
    folder = tmp_path_factory.mktemp("profile")
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=browser_path, args=ARGS, viewport=SIZE
    )
    yield context
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
def visit(chromium, profile, request):
    """Opens an address, and hands out the page: a test's first in the browser that all tests share, any other, and one
    with options, in a fresh browser (context) of its own.

    A test fails where a page shows an exception or its scripts throw one.
    """
    contexts, pages, thrown = [], [], []

    def open_page(address: str, **options):
        if pages or options:
            context = chromium.new_context(viewport=SIZE, **options)
            contexts.append(context)
        else:
            context = profile
        context.set_default_timeout(30_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
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
    for context in contexts:
        context.close()
    profile.clear_cookies()
    assert not any(exceptions), exceptions
    assert not thrown, thrown


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report
