"""Machine observers' scores: from the store's rows to units, tables and facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lexplain_core.store import Score, Store, StoreWriter
from lexplain_core.store.rows import score_row

from .helpers import fill

WHY = "It is the same for all images."


def score(
    by: str, n: int, value: float | None, soft: float | None = None, measure: str = "observer"
) -> Score:
    ends = (None, None, WHY) if value is None else (value - 0.1, value + 0.1, None)
    return Score(measure, by, "all", n, value, *ends, details={} if soft is None else {"soft": soft})


# (layer_id, unit, place, score), in no good order; the margin of each is twice its share less 1
ROWS = [
    (0, 1, 1, score("target", 20, 0.5, 0.5)), (0, 0, 1, score("target", 20, 0.25, 0.4)),
    (0, 3, 0, score("eye", 0, None)), (0, 3, 1, score("target", 0, None)),
    (0, 0, 0, score("eye", 20, 0.75, 0.625)), (0, 1, 0, score("eye", 20, 1.0, 0.875)),
    (1, 1, 0, score("eye", 20, 0.6)),
]  # fmt: skip


def margin(one: Score) -> Score:
    value = None if one.value is None else 2 * one.value - 1
    return score(one.by, one.n, value, measure="margin")


@pytest.fixture(scope="module")
def path(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("observers") / "observers.duckdb"
    with StoreWriter(path) as writer:
        fill(writer, made)
        for layer, unit, place, one in ROWS:
            writer.rows("scores", [score_row(s, layer, unit, place=place) for s in (one, margin(one))])
    return path


@pytest.fixture
def store(path):
    with Store.open(path) as store:
        yield store


def test_a_unit_has_every_observers_score_the_main_one_first(store):
    eye, target = score("eye", 20, 0.75, 0.625), score("target", 20, 0.25, 0.4)
    unit = store.unit("layer1", 0)
    assert unit.scores == (margin(eye), margin(target), eye, target)
    assert unit.score("observer") == eye and unit.score("observer", "target") == target
    assert unit.score("margin") == margin(eye) and unit.score("observer", "nobody") is None
    assert unit.score("correlation") is None  # which is of explanations
    assert store.unit("layer1", 3).score("observer") == score("eye", 0, None)
    assert store.unit("planted", 1).scores == (margin(score("eye", 20, 0.6)), score("eye", 20, 0.6))
    assert store.unit("planted", 0).scores == ()


def test_a_share_is_doubted_where_its_interval_holds_one_half_and_a_margin_where_it_holds_0(store):
    observer, margins = store.measures["observer"], store.measures["margin"]
    eye, target = (
        store.unit("layer1", 0).score("observer"),
        store.unit("layer1", 0).score("observer", "target"),
    )
    assert (eye.doubt(observer), target.doubt(observer)) == (None, "interval")
    assert (
        replace(eye, low=0.5).doubt(observer) == "interval"
        and replace(eye, value=None).doubt(observer) is None
    )
    assert (margin(eye).doubt(margins), margin(target).doubt(margins)) == (None, "interval")


def test_the_table_of_units_has_the_main_observers(store, small):
    table = store.unit_table()
    assert len(table) == len(small.unit_table())  # a second observer makes no second row
    table = table.set_index(["layer", "unit"])
    assert table.loc[("layer1", 0), "observer"] == 0.75 and table.loc[("layer1", 1), "observer"] == 1.0
    assert table.loc[("layer1", 0), "margin"] == 0.5 and table.loc[("layer1", 1), "margin"] == 1.0
    assert table.loc[("layer1", 0), ["observer_low", "observer_high"]].tolist() == [0.65, 0.85]
    assert table.loc[("layer1", 0), "observer_by"] == table.loc[("layer1", 0), "margin_by"] == "eye"
    assert table.loc[("layer1", 0), "observer_n"] == 20
    assert np.isnan(table.loc[("layer1", 3), "observer"])
    assert table.loc[("layer1", 3), "observer_reason"] == WHY
    assert table.loc[("layer1", 0), "observer_reason"] is None
    assert np.isnan(table.loc[("planted", 0), "observer"])
    assert table.loc[("planted", 0), "observer_by"] is None


def test_a_store_without_observers(small):
    table = small.unit_table()
    assert table["observer"].isna().all() and (table["observer_by"].isna()).all()
    assert small.unit("layer1", 0).scores == ()
    assert "observer" not in {row["measure"] for row in small.info()["scores"]}
    assert small.layers()["mean_observer"].isna().all() and small.layers()["units_observer"].tolist() == [
        0,
        0,
    ]


def test_means_by_layer(store):
    layers = store.layers().set_index("layer")
    assert layers.loc["layer1", "mean_observer"] == pytest.approx((0.75 + 1.0) / 2)
    assert layers.loc["planted", "mean_observer"] == pytest.approx(0.6)
    assert layers["units_observer"].tolist() == [2, 1]
    first, second, third = (row for row in store.info()["scores"] if row["measure"] == "observer")
    units = layers.loc["layer1", "units"]
    assert first.pop("mean_over").startswith(f"2 of {units} units; ")
    assert first == {
        "measure": "observer", "layer": "layer1", "method": None, "by": "eye", "main": True, "split": "all", "n": 20,
        "scored": 2, "unscored": 1, "mean": 0.875, "mean_chance": None, "sampled": 0, "doubtful": 0,
    }  # fmt: skip
    assert (second["by"], second["main"], second["mean"], second["doubtful"]) == ("target", False, 0.375, 2)
    assert (third["layer"], third["scored"], third["doubtful"]) == ("planted", 1, 1)


def test_counts_and_scores_of_words_stay(store, small):
    names = ["units", "alive", "dead", "constant", "negative", "mean_correlation"]
    pd.testing.assert_frame_equal(store.layers()[names], small.layers()[names])
    words = ["layer", "unit", "explanation", "correlation", "correlation_low", "correlation_high", "length"]
    pd.testing.assert_frame_equal(store.unit_table()[words], small.unit_table()[words])


def test_what_info_says_of_scores_is_documented(store):
    text = (Path(__file__).resolve().parents[2] / "docs/reference/info-json.md").read_text("utf-8")
    info = store.info()
    keys = {*info, *info["scores"][0], *info["measures"][0], *info["layers"][0]}
    assert not [key for key in keys if f"`{key}`" not in text]
