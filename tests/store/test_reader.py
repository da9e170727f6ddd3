"""What the reader says of the hand-made store is what was put in."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from lexplain_core.base.measures import Description
from lexplain_core.measures import measures
from lexplain_core.store import OTHER, SCHEMA_VERSION, Store, StoreError, explanation_text

from .helpers import CLASSES, UNITS, N, jpeg, write
from .test_buckets import plain_bucket, plain_winner

NAMES = [
    "boat",
    "crane (class:crane_bird)",
    "crane (class:crane_machine)",
    "crane (superclass)",
    "red",
]
EVERY = [("layer1", u) for u in range(5)] + [("planted", u) for u in range(2)]
EXPLAINED = [key for key in EVERY if key not in (("layer1", 2), ("layer1", 3))]


def test_concept_names_tell_concepts_apart(small):
    frame = small.concepts()
    assert frame["name"].tolist() == NAMES
    assert frame["key"].is_unique and frame["concept"].tolist() == list(range(5))
    assert small.unit("layer1", 0).explanation().terms[0].name == "crane (superclass)"


@pytest.mark.parametrize(("layer", "number"), EVERY)
def test_a_unit_is_what_was_written(small, made, layer, number):
    unit, q = small.unit(layer, number), made.activations[layer][number]
    assert unit.activations.dtype == np.float32
    np.testing.assert_array_equal(unit.activations, q)
    np.testing.assert_array_equal(unit.split, made.splits)
    assert (unit.layer, unit.unit, unit.units) == (layer, number, len(made.activations[layer]))
    assert (unit.minimum, unit.maximum) == (q.min(), q.max())
    assert unit.mean == pytest.approx(q.mean(), rel=1e-5)
    if layer == "planted":
        assert (unit.name, unit.status, unit.note) == (f"p{number}", "alive", "It is computed.")
        assert unit.truth == {"terms": [[3.0, "boat"]], "bias": 0.2, "noise": 0.0}
    else:
        assert (unit.name, unit.truth, unit.note, unit.status) == (None, None, None, UNITS[number])
        assert unit.reason == (None if unit.status == "alive" else f"It is {unit.status}.")
    assert (unit.buckets is None) == (q.max() <= 0)


@pytest.mark.parametrize(("layer", "number"), EXPLAINED)
def test_an_explanation_is_what_was_written(small, made, layer, number):
    unit = small.unit(layer, number)
    (found,) = unit.explanations
    written = made.terms[layer, number]
    assert [(t.concept_id, t.weight) for t in found.terms] == written  # in order of selection
    assert [t.name for t in found.terms] == [NAMES[c] for c, _ in written]
    assert (found.bias, found.length, found.reason) == (made.bias[layer, number], len(written), None)
    assert found.config == {"l1": 0.05} and found.val_correlation == 0.5
    score = found.score()
    assert (score.by, score.measure, score.split, score.n) == ("label", "correlation", "test", 12)
    assert (score.value, score.reason) == (0.5 + 0.1 * number, None) and score.low < score.value < score.high
    assert found.score("ablation") is None and found.score(by="nobody") is None
    assert found.text == explanation_text([(w, NAMES[c]) for c, w in written], found.bias)

    np.testing.assert_array_equal(unit.values(found), made.values[[c for c, _ in written]])
    expected = np.full(N, found.bias)
    for concept, weight in written:
        expected += weight * made.values[concept].astype(np.float64)
    np.testing.assert_allclose(unit.simulated(found), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("number", [2, 3])
def test_a_unit_without_an_explanation_says_why(small, number):
    unit = small.unit("layer1", number)
    found = unit.explanation()
    assert (found.terms, found.bias, found.text, found.length) == ((), None, "", 0)
    assert found.reason == f"It is {UNITS[number]}." and found.score().value is None
    assert found.score().reason == "none"
    with pytest.raises(StoreError, match="nothing to simulate: It is"):
        unit.simulated(found)
    assert (unit.composition(found)["concept"] == OTHER).all()  # all of them are "other"
    assert unit.composition(found)["count"].sum() == N


@pytest.mark.parametrize(("layer", "number"), [key for key in EXPLAINED if key != ("layer1", 4)])
def test_the_composition_of_a_unit_is_the_definition(small, made, layer, number):
    unit = small.unit(layer, number)
    q, written = made.activations[layer][number], made.terms[layer, number]
    matches = [[bool(made.values[c, i] >= 0.5) for c, _ in written] for i in range(N)]
    frequency = [sum(row[t] for row in matches) for t in range(len(written))]
    frame = unit.composition(unit.explanation()).set_index(["bucket", "concept"])["count"]
    expected: dict[tuple[int, int], int] = {}
    for i in range(N):
        winner = plain_winner(matches[i], frequency, [w for _, w in written])
        bucket = plain_bucket(q[i], q.max())
        if bucket >= 0:
            key = (bucket, OTHER if winner < 0 else written[winner][0])
            expected[key] = expected.get(key, 0) + 1
    assert {k: v for k, v in frame.items() if v} == expected


def test_a_unit_without_buckets_says_so(small):
    unit = small.unit("layer1", 4)
    with pytest.raises(StoreError, match="no buckets: It is negative"):
        unit.composition(unit.explanation())
    assert len(unit.examples(-1, 5)) == 5 and len(unit.examples(0)) == 0


# -- examples --------------------------------------------------------------------------------


def test_examples_are_a_seeded_draw_inside_the_bucket(small, made):
    q = made.activations["layer1"][0]
    unit = small.unit("layer1", 0)
    where = np.array([plain_bucket(v, q.max()) for v in q])
    assert (where < 0).sum() > 8  # so that there is something to draw from
    for bucket in range(-1, 8):
        members = set(np.flatnonzero(where == bucket).tolist())
        drawn = unit.examples(bucket, 4, seed=3)
        assert set(drawn["image"]) <= members and drawn["image"].is_unique
        assert len(drawn) == min(4, len(members))
        assert drawn["activation"].tolist() == sorted(drawn["activation"], reverse=True)
        np.testing.assert_array_equal(drawn["activation"], q[drawn["image"]].astype(float))
        again = Store.open(small.path).unit("layer1", 0).examples(bucket, 4, seed=3)
        pd.testing.assert_frame_equal(drawn, again)
        strongest = unit.examples(bucket, 4, top=True)
        assert strongest["image"].tolist() == sorted(members, key=lambda i: (-q[i], i))[:4]
    draws = {tuple(unit.examples(-1, 4, seed=seed)["image"]) for seed in range(20)}
    assert len(draws) > 15
    others = tuple(small.unit("layer1", 4).examples(-1, 4, seed=3)["image"])
    assert set(others) != set(unit.examples(-1, 4, seed=3)["image"])  # another unit, another draw


@pytest.mark.parametrize("bucket", [-2, 8])
def test_there_are_8_buckets(small, bucket):
    with pytest.raises(StoreError, match=f"no bucket {bucket}"):
        small.unit("layer1", 0).examples(bucket)


def test_top_and_bottom_are_the_extremes(small, made):
    q = made.activations["layer1"][0]
    unit = small.unit("layer1", 0)
    order = sorted(range(N), key=lambda i: -q[i])
    assert unit.top(9)["image"].tolist() == order[:9]
    assert unit.bottom(9)["image"].tolist() == order[::-1][:9]
    assert unit.top(1000)["image"].tolist() == order
    tied = small.unit("layer1", 3)  # the same activation everywhere: by id
    assert tied.top(5)["image"].tolist() == [0, 1, 2, 3, 4]


# -- images ----------------------------------------------------------------------------------


def test_images_come_in_the_order_asked_for(small, made):
    frame = small.images([7, 3, 3, 40])
    assert frame.index.tolist() == [7, 3, 3, 40]
    assert frame["key"].tolist() == [f"{CLASSES[i % 3]}/{i}.png" for i in (7, 3, 3, 40)]
    assert frame["label"].tolist() == [CLASSES[i % 3] for i in (7, 3, 3, 40)]
    every = small.images()
    assert every.index.tolist() == list(range(N))
    assert every["split"].tolist() == made.splits.tolist()
    names = ["boat", "crane", "dog", "cat"]
    for i in range(N):
        row = every.loc[i]
        assert row["class_key"] == f"n{i % 3 + 1}" and (row["width"], row["height"]) == (40 + i, 30)
        assert row["predicted"] == names[i % 4] if i % 5 else row["predicted"] is None
        assert row["caption"] == f"image {i}" if i % 2 else row["caption"] is None


def test_an_image_that_is_not_there_is_said(small):
    with pytest.raises(StoreError, match="no image 1000"):
        small.images([0, 1000])


def test_predicted_outputs_without_names_are_numbered(tmp_path):
    path = tmp_path / "s.duckdb"
    write(path, outputs=None)
    with Store.open(path) as store:
        assert store.images([1])["predicted"].tolist() == ["output 1"]


def test_thumbnails_and_crops(small):
    assert small.thumbnails([2, 2, 3]) == {2: jpeg(2), 3: jpeg(3)}
    assert small.crops([2, 3]) == {2: jpeg(2), 3: jpeg(3, 12)}


# -- tables ----------------------------------------------------------------------------------


def check_unit_table(store, frame, layers):
    rows = [(layer, u) for layer, u in EVERY if layer in layers]
    assert list(zip(frame["layer"], frame["unit"], strict=True)) == rows
    for _, row in frame.iterrows():
        unit = store.unit(row["layer"], row["unit"])
        found, score = unit.explanation(), unit.explanation().score()
        assert row["status"] == unit.status and row["name"] == unit.name
        assert row["reason"] == (unit.reason or found.reason)
        assert (row["minimum"], row["maximum"]) == (unit.minimum, unit.maximum)
        assert row["mean"] == unit.mean
        assert row["explanation"] == found.text and row["length"] == found.length
        strongest_first = sorted(found.terms, key=lambda t: -abs(t.weight))
        assert row["terms"] == [t.name for t in strongest_first]
        for column, value in (
            ("correlation", score.value),
            ("correlation_low", score.low),
            ("correlation_high", score.high),
        ):
            assert (value is None and np.isnan(row[column])) or row[column] == value
        assert row["correlation_n"] == score.n and row["correlation_reason"] == score.reason


def test_the_unit_table_says_what_the_units_say(small):
    check_unit_table(small, small.unit_table(), ("layer1", "planted"))
    check_unit_table(small, small.unit_table("planted"), ("planted",))
    assert small.unit_table(method="other")["explanation"].tolist() == [""] * 7


def test_layers_count_their_units(small):
    frame = small.layers().set_index("layer")
    assert frame.index.tolist() == ["layer1", "planted"]
    counts = frame[["units", "alive", "dead", "constant", "negative"]].to_numpy().tolist()
    assert counts == [[5, 2, 1, 1, 1], [2, 2, 0, 0, 0]]
    assert frame["mean_correlation"].tolist() == pytest.approx([(0.5 + 0.6 + 0.9) / 3, 0.55])


def test_a_second_simulator_doubles_nothing(tmp_path):
    path = tmp_path / "s.duckdb"
    write(path, simulators=("label", "another"))  # before the main one in the alphabet
    with Store.open(path) as store:
        check_unit_table(store, store.unit_table(), ("layer1", "planted"))
        frame = store.layers().set_index("layer")
        assert frame["alive"].tolist() == [2, 2] and frame["mean_correlation"]["planted"] == pytest.approx(
            0.55
        )
        rows = {r["layer"]: r for r in store.info()["explanations"]}
        assert [rows[n]["explained"] for n in ("layer1", "planted")] == [3, 2]
        assert rows["planted"]["mean_correlation"] == pytest.approx(0.55)
        assert rows["planted"]["simulator"] == "label" and rows["planted"]["scored"] == 2


# -- errors and info -------------------------------------------------------------------------


def test_wrong_layers_and_units_are_said(small):
    with pytest.raises(StoreError, match=r"no layer 'layer9'; it has layer1, planted\."):
        small.unit("layer9", 0)
    with pytest.raises(StoreError, match="no layer"):
        small.unit_table("layer9")
    for number in (-1, 5, 10**12):
        with pytest.raises(StoreError, match=f"no unit {number}; its units are 0 to 4"):
            small.unit("layer1", number)
    with pytest.raises(StoreError, match="no 'clip-dissect' explanation; it has le-label"):
        small.unit("layer1", 0).explanation("clip-dissect")


def test_info_is_strict_json_with_the_right_numbers(small):
    info = json.loads(json.dumps(small.info(), allow_nan=False))
    assert list(info) == [
        "id", "name", "schema_version", "created", "probing_set", "target", "images", "splits", "skipped",
        "classes", "superclasses", "concepts", "layers", "units", "dead_units", "explanations",
        "matrices", "measures", "scores", "impacts", "temperature", "same_encoder", "unsteady",
        "build", "config", "versions",
    ]  # fmt: skip
    assert (info["id"], info["name"], info["schema_version"]) == ("abc123abc123", "small", SCHEMA_VERSION)
    assert info["images"] == N and info["splits"] == {"train": 42, "val": 6, "test": 12}
    assert info["skipped"] == [{"key": "dog/bad.jpg", "reason": "it is truncated"}]
    assert (info["classes"], info["superclasses"], info["concepts"]) == (3, 1, 5)
    assert (info["units"], info["dead_units"]) == (7, 1)
    nothing = {
        "intervention": None,
        "effect_reason": None,
        "map_reason": None,
        "output_effects_reason": None,
        "mean_top_impact": None,
    }
    assert (info["impacts"], info["temperature"]) == ([], None)
    assert info["measures"] == [
        {field.name: getattr(one, field.name) for field in fields(Description)} for one in measures.values()
    ]
    assert {row["measure"] for row in info["scores"]} == {"correlation"}
    for row in info["scores"]:
        assert (row["by"], row["main"], row["split"], row["n"]) == ("label", True, "test", 12)
    assert info["layers"] == [
        {"name": "layer1", "source": "network", "kind": "map", "pooling": "mean", "shape": [5, 4, 4],
         "units": 5, "dead": 1, "constant": 1, "negative": 1, "note": None, **nothing},
        {"name": "planted", "source": "computed", "kind": "computed", "pooling": "none", "shape": [2],
         "units": 2, "dead": 0, "constant": 0, "negative": 0, "note": "It is computed.", **nothing},
    ]  # fmt: skip
    first, second = info["explanations"]
    assert list(first) == [
        "layer", "method", "explained", "unexplained", "mean_length", "mean_correlation", "scored", "simulator",
        "mean_over",
    ]  # fmt: skip
    assert (first["layer"], first["explained"], first["unexplained"], first["scored"]) == ("layer1", 3, 2, 3)
    assert first["mean_length"] == 2 and first["mean_correlation"] == pytest.approx(2 / 3)
    assert (second["layer"], second["mean_length"], second["simulator"]) == ("planted", 1.5, "label")
