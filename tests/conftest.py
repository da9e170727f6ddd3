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
def demo_store(tmp_path_factory) -> Path:
    """A store of the demo world by the real pipeline, built once per test run, with fewer images."""
    from lexplain_core.build import build
    from lexplain_core.config import apply_overrides, parse_config
    from lexplain_core.demo.config import DEMO_CONFIG

    path = tmp_path_factory.mktemp("stores") / "demo.duckdb"
    config = apply_overrides(DEMO_CONFIG, [f"store={path}", "probe.limit=2000", "explain.epochs=100"])
    return build(parse_config(config, "of the demo"))
