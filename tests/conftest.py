"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and networks for development; tests that want them skip where they are absent."""
    folder = Path(os.environ.get("LEXPLAIN_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no development data at {folder} (LEXPLAIN_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def _demo_world(tmp_path_factory) -> tuple[Path, list]:
    """A store of the demo world, and the probing set that its build drew."""
    from lexplain_core import build as module
    from lexplain_core.config import apply_overrides, parse_config
    from lexplain_core.demo.config import DEMO_CONFIG

    path = tmp_path_factory.mktemp("stores") / "demo.duckdb"
    overrides = [
        f"store={path}", "probe.limit=2000", "explain.epochs=100", 'importance.to=["zero", "mean"]',
        "importance.runs=40000", "ablation.runs=16000",
    ]  # fmt: skip
    drawn, load = [], module.load_probing_set
    with pytest.MonkeyPatch.context() as patch:  # drawing takes long: tests look at the same pictures

        def keep(*arguments):
            drawn.append(load(*arguments))
            return drawn[0]

        patch.setattr(module, "load_probing_set", keep)
        module.build(parse_config(apply_overrides(DEMO_CONFIG, overrides), "of the demo"))
    return path, drawn


@pytest.fixture(scope="session")
def demo_store(_demo_world) -> Path:
    """A store of the demo world by the real pipeline, built once per test run, with fewer images.

    Units are set to 0 and to their mean, with fewer runs of the network than by default.
    """
    return _demo_world[0]


@pytest.fixture(scope="session")
def demo_pictures(_demo_world):
    """load(i) of the pictures in `demo_store`."""
    return _demo_world[1][0].load
