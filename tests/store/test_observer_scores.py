"""Machine observers' scores: from the store's rows to units, tables and facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lexplain_core.store import ObserverScore, Store, StoreWriter

from .helpers import fill

WHY = "It is the same for all images."
# (layer_id, unit, embedding, place, trials, value, soft, reason), in no good order
ROWS = [
    (0, 1, "target", 1, 20, 0.5, 0.5, None), (0, 0, "target", 1, 20, 0.25, 0.4, None),
    (0, 3, "eye", 0, 0, None, None, WHY), (0, 3, "target", 1, 0, None, None, WHY),
    (0, 0, "eye", 0, 20, 0.75, 0.625, None), (0, 1, "eye", 0, 20, 1.0, 0.875, None),
    (1, 1, "eye", 0, 20, 0.6, None, None),
]  # fmt: skip
COLUMNS = ["layer_id", "unit", "embedding", "place", "trials", "value", "soft", "reason"]


@pytest.fixture(scope="module")
def path(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("observers") / "observers.duckdb"
    with StoreWriter(path) as writer:
        fill(writer, made)
        writer.rows("observer_scores", pd.DataFrame(ROWS, columns=COLUMNS))
    return path


@pytest.fixture
def store(path):
    with Store.open(path) as store:
        yield store


def test_a_unit_has_every_observers_score_the_main_one_first(store):
    assert store.unit("layer1", 0).observer == [
        ObserverScore("eye", 20, 0.75, 0.625, None),
        ObserverScore("target", 20, 0.25, 0.4, None),
    ]
    assert store.unit("layer1", 3).observer[0] == ObserverScore("eye", 0, None, None, WHY)
    assert store.unit("planted", 1).observer == [ObserverScore("eye", 20, 0.6, None, None)]
    assert store.unit("planted", 0).observer == []


def test_the_table_of_units_has_the_main_observers(store, small):
    table = store.unit_table()
    assert len(table) == len(small.unit_table())  # a second observer makes no second row
    table = table.set_index(["layer", "unit"])
    assert table.loc[("layer1", 0), "observer"] == 0.75 and table.loc[("layer1", 1), "observer"] == 1.0
    assert table.loc[("layer1", 0), "observer_embedding"] == "eye"
    assert table.loc[("layer1", 0), "observer_trials"] == 20
    assert np.isnan(table.loc[("layer1", 3), "observer"])
    assert table.loc[("layer1", 3), "observer_reason"] == WHY
    assert table.loc[("layer1", 0), "observer_reason"] is None
    assert np.isnan(table.loc[("planted", 0), "observer"])
    assert table.loc[("planted", 0), "observer_embedding"] is None


def test_a_store_without_observers(small):
    table = small.unit_table()
    assert table["observer"].isna().all() and (table["observer_embedding"].isna()).all()
    assert small.unit("layer1", 0).observer == [] and small.info()["observers"] == []
    assert small.layers()["mean_observer"].isna().all()
    assert [row["mean_observer"] for row in small.info()["layers"]] == [None, None]


def test_means_by_layer(store):
    layers = store.layers().set_index("layer")
    assert layers.loc["layer1", "mean_observer"] == pytest.approx((0.75 + 1.0) / 2)
    assert layers.loc["planted", "mean_observer"] == pytest.approx(0.6)
    info = store.info()
    assert [row["mean_observer"] for row in info["layers"]] == pytest.approx([0.875, 0.6])
    first, second, third = info["observers"]
    units = layers.loc["layer1", "units"]
    assert first.pop("mean_over").startswith(f"2 of {units} units; ")
    assert first == {
        "layer": "layer1", "embedding": "eye", "main": True, "trials": 20, "scored": 2, "unscored": 1,
        "mean": 0.875, "mean_soft": 0.75,
    }  # fmt: skip
    assert (second["embedding"], second["main"], second["mean"]) == ("target", False, 0.375)
    assert (third["layer"], third["scored"], third["mean_soft"]) == ("planted", 1, None)


def test_counts_and_scores_of_words_stay(store, small):
    names = ["units", "alive", "dead", "constant", "negative", "mean_score"]
    pd.testing.assert_frame_equal(store.layers()[names], small.layers()[names])
    words = ["layer", "unit", "explanation", "score", "low", "high", "length"]
    pd.testing.assert_frame_equal(store.unit_table()[words], small.unit_table()[words])


def test_what_info_says_of_observers_is_documented(store):
    text = (Path(__file__).resolve().parents[2] / "docs/reference/info-json.md").read_text("utf-8")
    info = store.info()
    assert not [key for key in {*info, *info["observers"][0], *info["layers"][0]} if f"`{key}`" not in text]
