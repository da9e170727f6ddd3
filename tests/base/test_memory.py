"""Arrays in memory and in files, and sizes."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from lexplain_core.base import memory
from lexplain_core.base.errors import UserError
from lexplain_core.base.memory import blocks, large, lies_in_file, limited, one_step, parse_size, picked, room


@pytest.mark.parametrize(
    ("text", "size"), [("2GiB", 2**31), ("500MB", 500_000_000), ("1.5 kB", 1500), ("64", 64), ("1tib", 2**40)]
)
def test_parse_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["much", "-1GB", "2XB", ""])
def test_parse_size_refuses(text):
    with pytest.raises(UserError, match="is not a size such as 2GiB"):
        parse_size(text)


def test_arrays_lie_in_files_where_there_is_no_room_for_them(tmp_path):
    with limited(2000, tmp_path):
        first, second = large((10, 20)), large((10, 20))
        assert not lies_in_file(first) and lies_in_file(second) and lies_in_file(second[3:, :2])
        second[:] = np.arange(200).reshape(10, 20)
        assert second.sum() == 199 * 100 and not list(tmp_path.iterdir())
        view = first[2:]
        del first
        assert room().arrays == 200  # a view holds it
        del view
        gc.collect()
        assert room().arrays == 1000 and not lies_in_file(large((10, 20)))
        assert large((0, 5)).shape == (0, 5)


def test_a_limit_goes_with_its_block(tmp_path):
    before = room()
    with limited(4_000_000, tmp_path):
        assert one_step(10**12) == 1_000_000 and one_step(10) == 10
    assert room() is before and one_step(10**12) > 1_000_000


@pytest.mark.parametrize("block", [1, 7, 10**6])
def test_picking_equals_indexing(monkeypatch, block):
    monkeypatch.setattr(memory, "BLOCK", block)
    rng = np.random.default_rng(0)
    values, rows, columns = rng.random((9, 5), np.float32), rng.random(9) < 0.5, np.array([4, 0, 0])
    np.testing.assert_array_equal(picked(values, rows, columns), values[rows][:, columns])
    mask = rng.random(5) < 0.5
    np.testing.assert_array_equal(picked(values, columns=mask), values[:, mask])
    np.testing.assert_array_equal(picked(values, np.array([3, 3, 1])), values[[3, 3, 1]])
    assert sorted(i for part in blocks(9, 5) for i in range(9)[part]) == list(range(9))
