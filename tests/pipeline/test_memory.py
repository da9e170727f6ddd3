"""A build keeps to its memory: what doesn't fit lies in files, and changes nothing."""

from __future__ import annotations

import re

import pytest

from benchmarks.common import alone
from lexplain_core.base import memory
from lexplain_core.base.errors import UserError
from lexplain_core.config import parse_config
from lexplain_core.pipeline.build import build
from scripts.guard.stores import compare

from ..small_folder import config_dict


def settings(world, store, **options):
    data = config_dict(world / "images", world / "tiny.py", store) | options
    data["target"]["outputs"] = ["blue_square", "green_disc", "single"]
    return parse_config(data, "of the test")


def no_room(_desk, **_needs) -> None:
    memory.room().arrays = 0


def test_arrays_in_files_change_nothing(world, tmp_path, monkeypatch):
    whole = build(settings(world, tmp_path / "whole.duckdb"))
    monkeypatch.setattr("lexplain_core.pipeline.build.check_memory", no_room)
    monkeypatch.setattr(memory, "BLOCK", 500)
    made, in_file = [], memory._in_file
    monkeypatch.setattr(memory, "_in_file", lambda *array: made.append(array) or in_file(*array))
    limited = build(settings(world, tmp_path / "limited.duckdb"))
    assert len(made) > 10 and not compare(whole, limited)[0]


def test_a_limit_that_is_too_small_is_a_sentence_before_the_work(world, tmp_path):
    with pytest.raises(
        UserError, match=r"needs [0-9.]+ GiB of memory, and may take 300MB: let it take that much"
    ) as caught:
        build(settings(world, tmp_path / "s.duckdb", memory="300MB"))
    assert not list(tmp_path.iterdir())
    enough = re.search(r"--memory (\S+)`", str(caught.value))[1]
    build(settings(world, tmp_path / "s.duckdb", memory=enough))


@pytest.mark.proofs
def test_a_build_under_a_hard_limit(tmp_path):
    """10,000 images, 500 units and 11,000 concepts: the first of these builds were killed at this limit."""
    sizes = ["--images=10000", "--units=500", "--labels=5000", "--memory=1.5GiB"]
    most = alone("benchmarks.memory", *sizes, f"--store={tmp_path / 's.duckdb'}", threads=1)
    assert 0.4 < max(most.values()) < 1.5
