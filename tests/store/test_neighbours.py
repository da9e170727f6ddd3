"""Images like one that isn't stored: by colours, and by a layer's activations."""

from __future__ import annotations

import io

import duckdb
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lexplain_core.probe import open_rgb
from lexplain_core.store import Store, StoreError, StoreWriter, describe
from lexplain_core.store.descriptors import distances
from lexplain_core.store.neighbours import Compared

from .helpers import N, fill, make, write


def grid(descriptor: bytes) -> np.ndarray:
    return np.frombuffer(descriptor, np.uint8).reshape(8, 8, 3)


def test_a_descriptor_is_the_mean_colour_of_64_parts():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 80, 3), dtype=np.uint8)
    expected = pixels.reshape(8, 4, 8, 10, 3).mean(axis=(1, 3))
    assert np.abs(grid(describe(Image.fromarray(pixels))) - expected).max() <= 1
    assert len(describe(Image.new("RGB", (1, 3)))) == 192


def test_orientation_and_transparency_are_as_people_see_them():
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255, 0, 0
    upright = Image.fromarray(pixels)
    exif = upright.getexif()
    exif[0x0112] = 6  # shown turned by 90 degrees to the right
    file = io.BytesIO()
    upright.save(file, "PNG", exif=exif)
    turned = describe(open_rgb(file.getvalue()))
    assert np.array_equal(grid(turned), np.rot90(grid(describe(Image.fromarray(pixels))), -1))
    file = io.BytesIO()
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(file, "PNG")
    assert set(describe(open_rgb(file.getvalue()))) == {255}
    assert set(describe(Image.new("L", (9, 9), 77))) == {77}


def test_distance_is_the_root_mean_square_over_channels():
    known = np.array([[0] * 192, [10] * 192, [255] * 192], np.uint8)
    assert distances(known, bytes([10] * 192)).tolist() == pytest.approx([10, 0, 245])
    one = bytes([10] * 191 + [10 + 96])
    assert distances(known, one)[1] == pytest.approx(np.sqrt(96**2 / 192))
    with pytest.raises(ValueError, match="192 bytes"):
        distances(known, b"short")


def test_the_nearest_by_colour_and_none_that_is_hidden(small):
    # image i of the small store is of the grey level i
    found = small.nearest(bytes([20] * 192), 3)
    assert found["image"].tolist() == [20, 19, 21] and found["distance"].tolist() == pytest.approx([0, 1, 1])
    small.hidden = frozenset({20, 19})
    assert small.nearest(bytes([20] * 192), 3)["image"].tolist() == [21, 18, 22]
    assert len(small.nearest(bytes(192), 1000)) == N - 2
    with pytest.raises(StoreError, match="192 bytes"):
        small.nearest(b"no", 3)


def test_ranks_count_ties_half(small, made):
    q = made.activations["layer1"]
    values = np.array(
        [0.2, q[1, 7], -5, 0.75, 9], np.float32
    )  # between, one of them, below all, all equal, above all
    found = small.ranks("layer1", values)
    expected = [((row < v).sum() + (row == v).sum() / 2) / N for row, v in zip(q, values, strict=True)]
    assert found["unit"].tolist() == [0, 1, 2, 3, 4] and found["below"].tolist() == pytest.approx(expected)
    assert (found["below"][2], found["below"][3], found["below"][4]) == (0, 0.5, 1)
    assert found["maximum"].tolist() == pytest.approx(q.max(1).tolist())
    with pytest.raises(StoreError, match="has 5 units, not 3"):
        small.ranks("layer1", values[:3])
    with pytest.raises(StoreError, match="no layer 'layer9'"):
        small.ranks("layer9", values)


def test_neighbours_by_a_layer_are_those_of_the_standardised_cosine(tmp_path):
    rng = np.random.default_rng(5)
    q = rng.normal(size=(6, N)) * 10.0 ** np.arange(6)[:, None] + 3
    q[4] = 0.5  # constant
    path = tmp_path / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, make())
        row = {"layer_id": 9, "name": "wide", "source": "network", "kind": "map", "pooling": "mean",
               "shape": [6, 1, 1], "units": 6}  # fmt: skip
        store.rows("layers", pd.DataFrame([row]))
        store.rows("units", pd.DataFrame({
            "layer_id": 9, "unit": range(6), "minimum": q.min(1), "maximum": q.max(1), "mean": q.mean(1),
            "std": q.std(1), "status": ["alive"] * 4 + ["constant", "alive"]}))  # fmt: skip
        assert sum(store.activations(9, q.astype(np.float32))) == 6
    mine = q[:, 13] + rng.normal(size=6) * q.std(1) * 0.2
    alive = [0, 1, 2, 3, 5]
    z = ((q - q.mean(1, keepdims=True))[alive] / q.std(1)[alive, None]).T
    me = (mine - q.mean(1))[alive] / q.std(1)[alive]
    cosine = z @ me / np.linalg.norm(z, axis=1) / np.linalg.norm(me)
    with Store.open(path) as store:
        found = store.layer_neighbours("wide", mine, 5)
        order = np.argsort(-cosine)[:5]
        assert found["image"].tolist() == order.tolist() and order[0] == 13
        assert found["similarity"].tolist() == pytest.approx(cosine[order].tolist(), abs=1e-5)
        store.hidden = frozenset({13})
        assert store.layer_neighbours("wide", mine, 4)["image"].tolist() == order[1:].tolist()
        assert store.layer_neighbours("wide", q.mean(1), 4)["similarity"].isna().sum() == 0


def test_a_layer_is_read_once_for_ranks_and_neighbours(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    made = write(path)
    q = made.activations["layer1"]
    with Store.open(path) as store:
        read, arrays = [], Store.arrays

        def counted(self, query, *parameters):
            read.append(query)
            return arrays(self, query, *parameters)

        monkeypatch.setattr(Store, "arrays", counted)
        first = store.ranks("layer1", q[:, 5]), store.layer_neighbours("layer1", q[:, 5], 3)
        assert sum("SELECT value FROM activations" in query for query in read) == 1
        assert first[1]["image"][0] == 5
        store.hidden = frozenset({5})
        assert 5 not in store.layer_neighbours("layer1", q[:, 5], 3)["image"].tolist()
        assert sum("SELECT value FROM activations" in query for query in read) == 1
        for image in range(20, 30):
            store.ranks("layer1", q[:, image])
        assert len(store.kept(Compared)._found) <= 4


def test_activations_in_another_order_are_sorted(tmp_path):
    path = tmp_path / "s.duckdb"
    q = write(path).activations["layer1"]
    with Store.open(path) as store:
        expected = store.ranks("layer1", q[:, 5]), store.layer_neighbours("layer1", q[:, 5], 9)
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE turned AS FROM activations ORDER BY layer_id, unit DESC, image_id DESC")
        con.execute("DELETE FROM activations")
        con.execute("INSERT INTO activations FROM turned")
        con.execute("DROP TABLE turned")
    with Store.open(path) as store:
        pd.testing.assert_frame_equal(store.ranks("layer1", q[:, 5]), expected[0])
        pd.testing.assert_frame_equal(store.layer_neighbours("layer1", q[:, 5], 9), expected[1])
