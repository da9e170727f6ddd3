"""Impacts, output_effects, maps and ablation scores: every number of the reader is that of its definition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lexplain_core.measures import measures
from lexplain_core.store import Buckets, Store, StoreError, StoreWriter
from lexplain_core.store.model import Score

from . import effect_rows
from .effect_rows import BETAS, EXACT, IDLE, IMPORTED, KINDS, NO_EFFECT, WAYS, top_impact
from .helpers import EFFECT_REASON, NULL, SECOND, UNITS, N, fill, own_score

KEYS = [("layer1", "zero"), ("layer2", "zero"), ("layer2", "mean")]


@pytest.fixture(scope="module")
def rich(made):
    return effect_rows.with_layer2(made)


@pytest.fixture(scope="module")
def effects(rich):
    return effect_rows.invent(rich)


@pytest.fixture(scope="module")
def path(tmp_path_factory, rich, effects):
    path = tmp_path_factory.mktemp("effects") / "effects.duckdb"
    with StoreWriter(path) as writer:
        words = fill(
            writer, rich, simulators=("label", "other eye"), second=True, ways=WAYS, temperature=1.25
        )
        effect_rows.write(writer, rich, effects, words)
    return path


@pytest.fixture
def store(path):
    with Store.open(path) as store:
        yield store


def mean(values):
    """The mean in plain Python; NaN of nothing."""
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else float("nan")


def same(value, expected) -> bool:
    """The same number; None and NaN are both none."""
    if expected is None or np.isnan(expected):
        return value is None or np.isnan(value)
    return value == pytest.approx(expected, rel=1e-9)


# -- impacts ---------------------------------------------------------------------------------


def test_which_impacts_a_store_has(store, small):
    assert store.impact_values() == ["zero", "mean"]
    assert small.impact_values() == []
    for frame in (small.impacts(), small.top_impacts(), small.table1(), small.score_pairs()):
        assert len(frame) == 0
    unit = small.unit("layer1", 0)
    assert unit.impact() is None and unit.impact("mean") is None
    assert len(unit.output_effects()) == 0 and unit.maps([0, 1, 2]) == {}


@pytest.mark.parametrize(("layer", "to"), KEYS)
def test_impacts_are_sums_over_images(store, effects, layer, to):
    frame = store.impacts(to, layer)
    columns = [
        "layer",
        "unit",
        "name",
        "status",
        "total",
        "total_error",
        "accuracy",
        "accuracy_error",
        "loss",
        "loss_error",
        "half",
        "images",
        "sampled",
    ]
    assert list(frame.columns) == [*columns, "reason", "rough"]
    assert frame["unit"].tolist() == list(range(5)) and set(frame["layer"]) == {layer}
    assert frame["status"].tolist() == list(UNITS) and frame["name"].tolist() == [None] * 5
    for unit, row in enumerate(frame.itertuples()):
        assert same(row.total, sum(abs(v) for v in effects.impact[layer, to][unit].tolist()))
        assert row.total_error == effects.error[layer, to, unit]
        assert (row.accuracy, row.loss) == (0.01 * unit, -0.02 * unit)
        error = effects.error[layer, to, unit]
        assert (row.accuracy_error, row.loss_error) == (error / 2, error / 3)
        assert pd.isna(row.half) if unit == IDLE else row.half == 5 * (unit + 1)
        assert row.rough == (row.sampled and unit < 2)
        assert (row.images, row.sampled) == ((N, False) if (layer, to) == EXACT else (10, True))
        assert row.reason == (NO_EFFECT if unit == IDLE else None)


def test_impacts_of_all_layers_come_in_order(store):
    for to, layers in (("zero", ["layer1", "layer2"]), ("mean", ["layer2"])):
        expected = [(layer, unit) for layer in layers for unit in range(5)]
        frame = store.impacts(to)
        assert list(zip(frame["layer"], frame["unit"], strict=True)) == expected
        frame = store.top_impacts(to)
        assert list(zip(frame["layer"], frame["unit"], frame["beta"], strict=True)) == [
            (*key, beta) for key in expected for beta in BETAS
        ]
    assert len(store.impacts(layer="planted")) == len(store.top_impacts(layer="planted")) == 0
    for read in (store.impacts, store.top_impacts):
        with pytest.raises(StoreError, match="no layer 'layer9'"):
            read(layer="layer9")


@pytest.mark.parametrize(("layer", "to"), KEYS)
def test_top_impacts_and_table_1_are_equation_4(store, rich, effects, layer, to):
    q, own = rich.activations[layer], effects.impact[layer, to]
    frame = store.top_impacts(to, layer)
    assert list(frame.columns) == ["layer", "unit", "beta", "value", "error"]
    for row in frame.itertuples():
        expected = None if row.unit == IDLE else top_impact(q[row.unit], own[row.unit], row.beta)
        assert same(row.value, expected)
        assert same(row.error, None if row.unit == IDLE else effects.error[layer, to, row.unit] / 2)
    table = store.table1(to)
    assert list(table.columns) == [
        "layer", "beta", "mean", "std", "units", "of", "dead", "constant", "unknown", "idle", "sampled", "rough",
        "error",
    ]  # fmt: skip
    rows = table[table["layer"] == layer]
    assert rows["beta"].tolist() == list(BETAS)
    units = [unit for unit in range(5) if unit != IDLE]
    for row in rows.itertuples():
        values = [top_impact(q[unit], own[unit], row.beta) for unit in units]
        assert same(row.mean, mean(values)) and row.units == 4
        assert row.std == pytest.approx((sum((v - mean(values)) ** 2 for v in values) / 4) ** 0.5, abs=1e-9)
        variance = sum((effects.error[layer, to, unit] / 2) ** 2 for unit in units)
        assert row.error == pytest.approx(variance**0.5 / 4) and (row.error > 0) == ((layer, to) != EXACT)
        assert row.sampled == ((layer, to) != EXACT)
        assert (row.of, row.idle, row.unknown) == (5, 1, 0)
        assert row.rough == (2 if row.sampled else 0)  # units 0 and 1, whose half lies on 5 and 10 images
    assert rows["mean"].iloc[-1] == pytest.approx(1) and rows["std"].iloc[-1] == pytest.approx(0, abs=1e-7)


def test_table_1_has_a_row_per_layer_and_beta(store):
    rows = store.table1()
    expected = [(layer, beta) for layer in WAYS for beta in BETAS]
    assert list(zip(rows["layer"], rows["beta"], strict=True)) == expected
    assert set(store.table1("mean")["layer"]) == {"layer2"}


@pytest.mark.parametrize(("layer", "to"), KEYS)
@pytest.mark.parametrize("number", range(5))
def test_the_impact_of_a_unit_and_its_buckets(store, rich, effects, layer, to, number):
    unit, own = store.unit(layer, number), effects.impact[layer, to][number]
    found = unit.impact(to)
    row = store.impacts(to, layer).iloc[number]
    for name in ("total", "total_error", "accuracy", "loss", "images", "sampled", "reason"):
        assert getattr(found, name) == row[name]
    assert found.to == to and isinstance(found.sampled, bool)
    top = store.top_impacts(to, layer).query("unit == @number")
    assert list(found.top.columns) == ["beta", "value", "error"]
    for name in ("beta", "value", "error"):
        np.testing.assert_array_equal(found.top[name], top[name])

    frame, q = found.buckets, rich.activations[layer][number]
    assert list(frame.columns) == ["bucket", "images", "impact", "share", "error"]
    assert frame["bucket"].tolist() == list(range(-1, 8)) and frame["images"].sum() == N
    assert frame["impact"].sum() == pytest.approx(found.total, abs=1e-12)
    where = unit.buckets.assign(q) if unit.buckets else np.full(N, -1)
    for one in frame.itertuples():
        assert one.images == (where == one.bucket).sum()
        assert one.impact == pytest.approx(np.abs(own[where == one.bucket]).sum())
    if number == IDLE:
        assert found.total == 0 and found.reason == NO_EFFECT
        assert frame["share"].isna().all() and found.top["value"].isna().all()
    else:
        assert frame["share"].sum() == pytest.approx(1) and found.reason is None
        np.testing.assert_allclose(frame["share"], frame["impact"] / found.total)
        assert set(frame["error"]) == {effects.error[layer, to, number] / 4}


def test_what_is_not_known_is_none(store):
    assert store.unit("layer1", 0).impact("mean") is None
    unit = store.unit("planted", 0)
    assert unit.impact() is None and len(unit.output_effects()) == 0 and unit.maps([3]) == {}
    assert (unit.intervention, unit.effect_reason) == (None, EFFECT_REASON)
    assert [(store.unit(layer, 0).intervention, store.unit(layer, 0).effect_reason) for layer in WAYS] == [
        (way, None) for way in WAYS.values()
    ]


# -- output_effects and maps -------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [["boat", "crane", "dog", "cat"], None])
def test_pushes_come_by_bucket_strongest_first(tmp_path, rich, effects, outputs):
    with StoreWriter(tmp_path / "s.duckdb") as writer:
        words = fill(writer, rich, ways=WAYS, outputs=outputs)
        effect_rows.write(writer, rich, effects, words)
    names = outputs or [f"output {i}" for i in range(4)]
    with Store.open(tmp_path / "s.duckdb") as store:
        for number in range(2):
            frame = store.unit("layer2", number).output_effects()
            assert list(frame.columns) == [
                "bucket",
                "output",
                "output_id",
                "change",
                "error",
                "certain",
                "rank",
                "images",
            ]
            assert frame["bucket"].tolist() == [-1] * 4 + [0] * 4 + [4] * 4
            assert frame["rank"].tolist() == [1, 2, -1, -2] * 3
            assert frame["output"].tolist() == [names[i] for i in frame["output_id"]]
            written = {
                row[1:3]: row[3:] for row in effect_rows.output_effects(rich, "layer2") if row[0] == number
            }
            for row in frame.itertuples():
                assert written[row.bucket, row.output_id] == (
                    row.change,
                    pytest.approx(row.error),
                    row.rank,
                    row.images,
                )
                assert row.certain == (abs(row.rank) == 1 and row.change != 0) or row.error == 0
        assert len(store.unit("layer2", 2).output_effects()) == 0
        assert store.output_names([3, None, 0]) == [names[3], None, names[0]]


def test_maps_come_back_by_image(store, effects):
    unit = store.unit("layer1", 0)
    found = unit.maps([9, 3, 3, 5])
    assert {image: one.kind for image, one in found.items()} == {3: "activation", 9: "gradcam"}
    assert unit.maps([3], "occlusion")[3].kind == "occlusion"
    assert unit.maps([7, 9], "occlusion") == {} and unit.maps([]) == {}
    assert set(unit.maps(np.arange(N), "activation")) == {3, 7}
    for (layer, number, image, kind), (steps, low, high) in effects.maps.items():
        one = store.unit(layer, number).maps([image], kind)[image]
        assert one.values.dtype == np.float32 and one.values.shape == steps.shape
        for y, x in np.ndindex(steps.shape):
            assert one.values[y, x] == pytest.approx(low + (high - low) * int(steps[y, x]) / 255, rel=1e-5)
        assert one.values[steps == 0].tolist() == [low] * int((steps == 0).sum())
        assert one.values[steps == 255].tolist() == [high] * int((steps == 255).sum())


# -- ablation scores -------------------------------------------------------------------------


def test_scores_of_an_explanation_are_in_order_and_whole(store, effects):
    for method, first, second in (("le-label", "label", "other eye"), (SECOND, "other eye", "label")):
        found = store.unit("layer1", 1).explanation(method)
        kinds = ["correlation", *KINDS]
        assert [(s.measure, s.by) for s in found.scores] == [(k, s) for k in kinds for s in (first, second)]
        for kind in KINDS:
            for simulator in (first, second):
                score = found.score(kind, simulator)
                assert score.value == effects.ablation["layer1", 1, method, simulator, kind]
                assert (score.low, score.high) == (score.value - 0.3, score.value + 0.1)
                assert (score.details["c"], score.details["d"], score.sampled, score.n, score.split) == (
                    0.5,
                    -0.25,
                    True,
                    9,
                    "test",
                )
                assert set(score.details) == {"c", "d"} and score.chance is None
            assert found.score(kind).by == first
        assert set(found.score().details) == set(NULL) and found.score().sampled is False
    assert store.unit("layer2", 1).explanation().score("ablation").sampled is False
    none = store.unit("layer1", 4).explanation().score("ablation_optim")
    assert (none.value, none.low, none.reason, none.doubt(measures["ablation_optim"])) == (
        None,
        None,
        NO_EFFECT,
        None,
    )


@pytest.mark.parametrize(
    ("value", "low", "doubt"), [(0.5, 0.1, None), (0.5, 0.0, "interval"), (-0.5, -1, "interval")]
)
def test_an_ablation_is_doubted_by_its_interval_alone(value, low, doubt):
    score = Score("ablation", "label", "test", 12, value, low, 0.9, details={"c": 1.0, "d": 0.0})
    assert score.doubt(measures["ablation"]) == doubt


@pytest.mark.parametrize("method", ["le-label", SECOND])
def test_the_tables_have_the_main_simulators_ablation(store, effects, method):
    table = store.unit_table(method=method).set_index(["layer", "unit"])
    assert len(table) == 12 and table.index.is_unique
    main = "label" if method == "le-label" else "other eye"
    for (layer, number), row in table.iterrows():
        value = effects.ablation.get((layer, number, method, main, "ablation"))
        assert same(row["ablation"], value)
        if value is not None:
            assert row["ablation_reason"] is None
        elif layer == "planted":
            assert row["ablation_reason"] == EFFECT_REASON
        elif (layer, number) in (("layer1", 2), ("layer1", 3), ("layer2", 2), ("layer2", 3), ("layer2", 4)):
            assert row["ablation_reason"] == f"It is {UNITS[number]}."
        elif (layer, number) == ("layer1", 4):
            assert row["ablation_reason"] == NO_EFFECT
        else:
            assert (method, layer) == (SECOND, "layer2")
            assert row["ablation_reason"] == IMPORTED
        impact = effects.impact.get((layer, "zero"))
        assert same(row["impact"], None if impact is None else float(np.abs(impact[number]).sum()))
        assert row["impact_sampled"] is (pd.NA if impact is None else layer == "layer1")
    layers = store.layers(method).set_index("layer")
    assert layers["intervention"].tolist() == ["prefix", "closed", None]
    assert layers["effect_reason"].tolist() == [None, None, EFFECT_REASON]
    for layer in layers.index:
        found = [
            v for k, v in effects.ablation.items() if (k[0], *k[2:]) == (layer, method, main, "ablation")
        ]
        assert same(layers["mean_ablation"][layer], mean(found))
        assert layers["alive"][layer] == 2  # no join doubles a unit


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_of_scores_are_of_explanations_that_have_both(store, effects, kind):
    frame = store.score_pairs(kind)
    assert list(frame.columns) == [
        "layer", "unit", "name", "method", "simulator", "correlation", "ablation", "length", "explanation",
    ]  # fmt: skip
    expected = [
        ("layer1", 0, SECOND), ("layer1", 0, "le-label"), ("layer1", 1, SECOND), ("layer1", 1, "le-label"),
        ("layer2", 0, "le-label"), ("layer2", 1, "le-label"),
    ]  # fmt: skip
    assert list(zip(frame["layer"], frame["unit"], frame["method"], strict=True)) == expected
    for row in frame.itertuples():
        main = "label" if row.method == "le-label" else "other eye"
        found = store.unit(row.layer, row.unit).explanation(row.method)
        assert (row.simulator, row.name) == (main, None)
        assert row.correlation == pytest.approx(own_score(row.unit, 0 if main == "label" else 1))
        assert row.ablation == effects.ablation[row.layer, row.unit, row.method, main, kind]
        assert (row.length, row.explanation) == (found.length, found.text) and found.text
    assert len(store.score_pairs("nothing")) == 0


# -- info ------------------------------------------------------------------------------------


def test_info_says_what_units_do(store, rich, effects):
    info = json.loads(json.dumps(store.info(), allow_nan=False))
    assert info["temperature"] == 1.25
    tops = {
        (layer, to): mean([top_impact(rich.activations[layer][u], own[u], 0.02) for u in (0, 1, 2, 4)])
        for (layer, to), own in effects.impact.items()
    }
    layers = {row["name"]: row for row in info["layers"]}
    table = store.layers().set_index("layer")
    for name, row in layers.items():
        assert row["intervention"] == WAYS.get(name) and row["effect_reason"] == table["effect_reason"][name]
        assert same(row["mean_top_impact"], tops.get((name, "zero")))
    assert [(row["layer"], row["to"]) for row in info["impacts"]] == KEYS
    for row in info["impacts"]:
        key = row["layer"], row["to"]
        assert (row["units"], row["without_effect"], row["sampled"]) == (5, 1, key != EXACT)
        assert same(row["mean_impact"], mean([float(np.abs(own).sum()) for own in effects.impact[key]]))
        assert same(row["mean_top_impact"], tops[key])
        errors = [effects.error[(*key, unit)] / 2 for unit in (0, 1, 2, 4)]
        assert same(row["mean_top_impact_error"], sum(e * e for e in errors) ** 0.5 / 4)
    for kind in KINDS:
        rows = [row for row in info["scores"] if row["measure"] == kind and row["by"]]
        assert [(r["layer"], r["method"], r["by"]) for r in rows] == [
            ("layer1", SECOND, "other eye"), ("layer1", SECOND, "label"), ("layer1", "le-label", "label"),
            ("layer1", "le-label", "other eye"), ("layer2", "le-label", "label"), ("layer2", "le-label", "other eye"),
        ]  # fmt: skip
        for row in rows:
            values = [
                v for (layer, _, *of), v in effects.ablation.items()
                if (layer, *of) == (row["layer"], row["method"], row["by"], kind) and v is not None
            ]  # fmt: skip
            assert row["main"] == ((row["by"] == "label") == (row["method"] == "le-label"))
            assert (row["scored"], row["mean"]) == (2, pytest.approx(mean(values)))
            assert row["sampled"] == (2 if row["layer"] == "layer1" else 0)
            assert row["doubtful"] == sum(v - 0.3 <= 0 for v in values)
        none = [row for row in info["scores"] if row["measure"] == kind and not row["by"]]
        assert all(row["scored"] == 0 and row["mean"] is None for row in none) and none
    rows = [row for row in info["scores"] if row["measure"] == "impact"]
    assert [(row["layer"], row["by"], row["main"], row["method"]) for row in rows] == [
        ("layer1", "zero", True, None), ("layer2", "zero", True, None), ("layer2", "mean", False, None)
    ]  # fmt: skip
    for row in rows:
        own = effects.impact[row["layer"], row["by"]]
        assert same(row["mean"], mean([float(np.abs(unit).sum()) for unit in own]))
        assert (row["scored"], row["sampled"]) == (5, 0 if (row["layer"], row["by"]) == EXACT else 5)
    # what was there before is not touched by the new kinds
    for row in info["scores"]:
        if row["measure"] != "correlation":
            continue
        place = ("label", "other eye").index(row["by"])
        units = (0, 1, 4) if row["layer"] == "layer1" else (0, 1)
        assert row["scored"] == len(units)
        assert row["mean"] == pytest.approx(mean([own_score(u, place) for u in units]))


def test_buckets_of_the_store_are_those_of_the_impacts(store):
    for layer in WAYS:
        for number in range(5):
            unit = store.unit(layer, number)
            frame = unit.impact().buckets.set_index("bucket")["images"]
            if unit.buckets is None:
                assert frame[-1] == N
            else:
                assert frame[list(range(8))].tolist() == unit.buckets.counts.tolist()
                assert frame[-1] == unit.buckets.negative == Buckets.of(unit.activations).negative


def test_what_info_says_of_effects_is_documented(store):
    text = (Path(__file__).resolve().parents[2] / "docs/reference/info-json.md").read_text("utf-8")
    info = store.info()
    keys = {key for part in ("layers", "measures", "scores", "impacts") for key in info[part][0]}
    assert not sorted(key for key in keys | set(info) if f"`{key}`" not in text)
