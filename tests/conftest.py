"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("lexplain", deadline=None)  # tests have no time limits
settings.load_profile("lexplain")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process per core runs already (pytest -n)


def pytest_configure(config):
    """Builds of the tests note what they ran in a trust file of their own; workers and servers share it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.trust_folder = tempfile.mkdtemp(prefix="lexplain-tests-")
        os.environ["LEXPLAIN_TRUST"] = os.path.join(config.trust_folder, "trust.json")
        os.environ["LEXPLAIN_CACHE"] = os.path.join(config.trust_folder, "cache")


BUILDS = {"demo_store", "demo_pictures", "world", "network", "shared"}  # fixtures that take seconds
SLOW = (  # rooms and files that take seconds a test, or half a minute in all, without these fixtures
    "cli/", "demo/", "model/", "pipeline/", "concepts/test_encoder.", "concepts/test_view.", "explain/test_exact.",
    "foreign/test_foreign_text.", "foreign/test_patterns.", "live/test_looker.", "measures/test_ablation.",
    "pages/test_participant.", "pages/test_results.", "pages/test_rotten_stores.", "repository/test_install.",
    "repository/test_readme.", "repository/test_site.", "repository/test_tutorials.", "store/test_check.",
    "store/test_damage.", "store/test_find.", "store/test_open.", "store/test_places.", "store/test_rotten.",
    "studies/test_choosing.", "studies/test_concurrency.", "studies/test_file.", "studies/test_imi.", "studies/test_making.",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Each test is of one tier, by where it lies and by its fixtures; files run in an order that fills all cores."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests")
        slow = place.as_posix().startswith(SLOW) or BUILDS & set(item.fixturenames)
        if not item.get_closest_marker("proofs"):
            item.add_marker("browser" if place.parts[0] == "browser" else "slow" if slow else "quick")
    build = next((item.path for item in items if "demo_store" in item.fixturenames), None)
    waiting = {item.path for item in items if "demo_store" in item.fixturenames} - {build}
    # One worker builds the demo store while the others run what doesn't need it; small files come last.
    items.sort(
        key=lambda item: (item.path != build, item.path in waiting, not item.get_closest_marker("browser"))
    )


def pytest_unconfigure(config):
    shutil.rmtree(getattr(config, "trust_folder", ""), ignore_errors=True)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and networks for development; tests that want them skip where they are absent."""
    folder = Path(os.environ.get("LEXPLAIN_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no development data at {folder} (LEXPLAIN_SHARED names another place)")
    return folder


def _demo_config(store: Path):
    from lexplain_core.config import apply_overrides, parse_config
    from lexplain_core.demo.config import DEMO_CONFIG

    overrides = [
        f"store={store}", "probe.limit=2000", "explain.epochs=100", 'importance.to=["zero", "mean"]',
        "importance.runs=40000", "ablation.runs=16000",
    ]  # fmt: skip
    return parse_config(apply_overrides(DEMO_CONFIG, overrides), "of the demo")


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory, worker_id) -> Path:
    """A store of the demo world by the real pipeline, built once per test run, with fewer images.

    Units are set to 0 and to their mean, with fewer runs of the network than by default. LEXPLAIN_TEST_STORE names a
    folder that keeps it between runs, for who works on what reads stores: nothing there is ever built again.
    """
    from lexplain_core.pipeline.build import build

    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "demo-store"  # all workers share it
    folder = Path(os.environ.get("LEXPLAIN_TEST_STORE") or shared)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        path = folder / "demo.duckdb"
        if not path.exists():
            folder.mkdir(exist_ok=True)
            build(_demo_config(path))
    return path


@pytest.fixture(scope="module")
def store(demo_store):
    """The demo store, open; modules that need another one have a fixture of that name."""
    from lexplain_core import Store

    with Store.open(demo_store) as store:
        yield store


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with what a small build needs; modules that need more have a fixture of that name."""
    from .small_folder import make_world

    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """A user who trusts nothing yet: where the trust file will lie."""
    path = tmp_path / "home" / "lexplain" / "trust.json"
    monkeypatch.setenv("LEXPLAIN_TRUST", str(path))
    monkeypatch.setenv("LEXPLAIN_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture(scope="session")
def demo_pictures(tmp_path_factory):
    """load(i) of the pictures in `demo_store`."""
    from lexplain_core.probe import load_probing_set

    config = _demo_config(tmp_path_factory.getbasetemp() / "none.duckdb")
    return load_probing_set(config.probe, config.seed).load
