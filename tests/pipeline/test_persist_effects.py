"""What replacing units gave, on its way into the store and out again, in builds with and without it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lexplain_core.base.memory import room
from lexplain_core.config import Target, apply_overrides, parse_config
from lexplain_core.measures.ablation import Ablated
from lexplain_core.measures.impact import BETAS, Impact
from lexplain_core.model import TargetModel, load_target
from lexplain_core.model.maps import ActivationMap, pack
from lexplain_core.model.preprocess import Preprocessing
from lexplain_core.pipeline.build import build
from lexplain_core.pipeline.stages.mapping import Whole
from lexplain_core.pipeline.stages.replacing import impact_tables, output_effect_table
from lexplain_core.pipeline.tables import joined, of_frames
from lexplain_core.store import Score, Store, StoreWriter
from lexplain_core.store.rows import score_row

from ..small_folder import NETWORK, config_dict, make_folder, make_network

# The outputs of a network that gives a map, has no number where it sees red, or shows only half.
MORE = '''

class Mapped(Tiny):
    def forward(self, x):
        return self.last(self.relu(self.conv(x)))


class Sure(Tiny):
    """One output is minus infinity on some images."""

    def forward(self, x):
        out = super().forward(x).clone()
        out[x[:, 0].mean((1, 2)) > x[:, 2].mean((1, 2)), 2] = float("-inf")
        return out


def mapped():
    torch.manual_seed(0)
    return Mapped().eval()


def sure():
    torch.manual_seed(0)
    return Sure().eval()
'''
EFFECTS = ("impacts", "top_impacts", "bucket_impacts", "output_effects")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """Images of three classes that all have an output, and the same with a class that has none."""
    folder = tmp_path_factory.mktemp("world")
    make_folder(folder / "more")
    shutil.copytree(folder / "more", folder / "images")
    shutil.rmtree(folder / "images" / "single")
    (folder / "groups.json").write_text(json.dumps({"disc": ["green_disc", "red_disc"]}))
    make_network(folder)
    (folder / "tiny.py").write_text(NETWORK + MORE, "utf-8")
    return folder


def built(world: Path, path: Path, function: str = "make", *overrides: str, images: str = "images") -> Path:
    data = config_dict(world / images, world / "tiny.py", path, function)
    return build(parse_config(apply_overrides(data, list(overrides)), "of the test"))


@pytest.fixture(scope="module")
def full(world) -> Path:
    return built(world, world / "full.duckdb", "make", 'importance.to=["mean", "zero"]')


def counts(path: Path, tables=(*EFFECTS, "maps")) -> dict[str, int]:
    with duckdb.connect(str(path), read_only=True) as con:
        return {table: con.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def ablations(path: Path) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(
            "SELECT e.layer_id, e.unit, s.measure, s.value, s.reason FROM scores s "
            "JOIN explanations e USING (explanation_id) WHERE s.measure LIKE 'ablation%' ORDER BY ALL"
        ).fetchall()


# -- by hand ---------------------------------------------------------------------------------


def impact(**more) -> Impact:
    top = pd.DataFrame({"beta": BETAS, "value": np.linspace(0, 1, len(BETAS)), "error": 0.25})
    top.loc[0, ["value", "error"]] = np.nan
    buckets = pd.DataFrame({"bucket": range(-1, 8), "images": range(9)})
    buckets = buckets.assign(impact=np.arange(9) / 10, share=np.arange(9) / 36, error=0.125)
    found = Impact("zero", 3.6, 0.5, -0.25, 0.1, 0.75, 0.2, 7, 40, True, top, buckets)
    return replace(found, **more)


def undefined(total: float | None, reason: str) -> Impact:
    empty = impact()
    nothing = np.nan if total is None else total
    return impact(
        total=total, total_error=total, accuracy=total, accuracy_error=total, loss=total, loss_error=total, half=None, sampled=False, reason=reason,
        top=empty.top.assign(value=np.nan, error=np.nan),
        buckets=empty.buckets.assign(impact=nothing, share=np.nan, error=np.nan),
    )  # fmt: skip


def output_effects(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["bucket", "output", "change", "rank", "images"]).assign(error=0.25)


@pytest.fixture(scope="module")
def by_hand(world, full, tmp_path_factory):
    """The effects of three units, written into a copy of a real store that was emptied of its own."""
    path = tmp_path_factory.mktemp("hand") / "hand.duckdb"
    shutil.copy(full, path)
    with duckdb.connect(str(path)) as con:
        for table in (*EFFECTS, "maps", "scores"):
            con.execute(f"DELETE FROM {table}")
    impacts = [
        impact_tables(1, "mean", {0: undefined(0.0, "Nothing happens."), 2: undefined(None, "Not finite.")}),
        impact_tables(1, "zero", {0: impact(), 1: impact(total=1.5, sampled=False, total_error=0.0)}),
    ]
    effects = [
        output_effect_table(0, {4: output_effects((-1, 2, -0.5, -1, 3))}),
        output_effect_table(
            1,
            {
                0: output_effects((7, 1, 2.0, 1, 5), (7, 0, -2.0, -1, 5), (0, 2, 1.0, 1, 9)),
                1: output_effects(),
            },
        ),
    ]
    values = np.linspace(-1, 3, 12, dtype=np.float32).reshape(3, 4)
    flat = np.full((2, 2), 0.7, np.float32)
    names = ["height", "width", "low", "high", "data"]
    maps = [
        pd.DataFrame(
            {"layer_id": 1, "unit": unit, "image_id": image, "kind": kind}
            | dict(zip(names, pack(ActivationMap(kind, one)), strict=True))
            for unit, image, kind, one in (
                (0, 5, "activation", values), (0, 2, "occlusion", flat), (1, 5, "activation", -values),
            )
        )
    ]  # fmt: skip
    observers = [
        score_row(Score("observer", "target", "all", 20, 0.75), 1, 0),
        score_row(Score("observer", "target", "all", 0, reason="No sides."), 1, 1),
    ]
    rows = path.with_name("rows.duckdb")
    with StoreWriter(rows) as store:
        for name in ("impacts", "top_impacts", "bucket_impacts"):
            store.rows(name, joined(name, [one[name] for one in impacts]))
        store.rows("output_effects", joined("output_effects", effects))
        store.maps(of_frames("maps", maps).to_pandas())
        store.rows("scores", observers)
    with duckdb.connect(str(path)) as con:
        con.execute(f"ATTACH '{rows}' AS rows (READ_ONLY)")
        for table in (*EFFECTS, "maps", "scores"):
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows.{table}")
    with Store.open(path) as store:
        yield store, values


def test_impacts_come_back_as_they_were(by_hand):
    store, _ = by_hand
    found, given = store.unit("last", 0).impact(), impact()
    for name in ("to", "total", "total_error", "accuracy", "loss", "images", "sampled", "reason"):
        assert getattr(found, name) == getattr(given, name), name
    pd.testing.assert_frame_equal(found.top, given.top, check_dtype=False)
    pd.testing.assert_frame_equal(found.buckets, given.buckets, check_dtype=False)
    other = store.unit("last", 1).impact()
    assert (other.total, other.sampled, other.total_error) == (1.5, False, 0.0)
    assert store.unit("last", 2).impact() is None and store.unit("conv", 0).impact() is None
    assert store.impact_values() == ["zero", "mean"]


def test_undefined_is_null_with_a_reason(by_hand):
    store, _ = by_hand
    nothing, unknown = store.unit("last", 0).impact("mean"), store.unit("last", 2).impact("mean")
    assert (nothing.total, nothing.reason) == (0.0, "Nothing happens.")
    assert (nothing.total_error, nothing.accuracy, nothing.loss) == (0.0, 0.0, 0.0)
    assert (unknown.total, unknown.total_error, unknown.accuracy, unknown.loss) == (None, None, None, None)
    assert unknown.reason == "Not finite."
    for one in (nothing, unknown):
        assert (
            one.top["value"].isna().all() and one.buckets["share"].isna().all() and len(one.top) == len(BETAS)
        )
        assert one.buckets["images"].tolist() == list(range(9))
    assert (nothing.buckets["impact"] == 0).all() and unknown.buckets["impact"].isna().all()
    # NaN is not a number of DuckDB's averages: it has to be NULL
    assert store.rows("SELECT count(*) FROM top_impacts WHERE isnan(value) OR isnan(error)") == [(0,)]
    assert store.rows("SELECT count(*) FROM bucket_impacts WHERE isnan(share) OR isnan(impact)") == [(0,)]
    assert store.rows("SELECT count(*) FROM impacts WHERE isnan(total) OR isnan(loss)") == [(0,)]
    frame = store.impacts("mean").set_index("unit")
    assert frame["reason"].to_dict() == {0: "Nothing happens.", 2: "Not finite."}
    assert frame["total"][0] == 0 and np.isnan(frame["total"][2])
    table = store.table1("mean")
    assert (table["units"] == 0).all() and table["mean"].isna().all() and not table["sampled"].any()
    json.dumps(store.info(), allow_nan=False)


def test_observers_come_back_as_they_were(by_hand):
    store, _ = by_hand
    assert store.unit("last", 0).scores == (Score("observer", "target", "all", 20, 0.75),)
    assert store.unit("last", 1).scores == (Score("observer", "target", "all", 0, reason="No sides."),)
    assert store.rows("SELECT count(*) FROM scores WHERE isnan(value) OR isnan(low)") == [(0,)]
    (row,) = store.info()["scores"]
    assert (row["layer"], row["mean"], row["scored"], row["unscored"]) == ("last", 0.75, 1, 1)


def test_pushes_come_back_in_order_with_names(by_hand):
    store, _ = by_hand
    found = store.unit("last", 0).output_effects()
    assert found[["bucket", "output_id", "rank", "images"]].values.tolist() == [
        [0, 2, 1, 9], [7, 1, 1, 5], [7, 0, -1, 5],
    ]  # fmt: skip
    assert found["change"].tolist() == [1.0, 2.0, -2.0]
    assert found["output"].tolist() == ["red_disc", "green_disc", "blue_square"]
    assert store.unit("last", 1).output_effects().empty
    assert store.unit("conv", 4).output_effects()["output"].tolist() == ["red_disc"]


def test_maps_come_back_to_a_step(by_hand):
    store, values = by_hand
    found = store.unit("last", 0).maps([2, 5, 9])
    assert {image: one.kind for image, one in found.items()} == {2: "occlusion", 5: "activation"}
    np.testing.assert_allclose(found[5].values, values, atol=4 / 510 + 1e-6)
    np.testing.assert_array_equal(found[2].values, np.full((2, 2), 0.7, np.float32))
    assert store.unit("last", 0).maps([2, 5], kind="occlusion").keys() == {2}
    np.testing.assert_allclose(store.unit("last", 1).maps([5])[5].values, -values, atol=4 / 510 + 1e-6)


def test_ablation_scores_made_by_hand_come_back(world, full, tmp_path, monkeypatch):
    """The real build, but for the scores: each mode of each simulator finds its explanation."""
    from lexplain_core.measures import ablation

    def score(found, simulators, effects, val, test, *, modes, **more):
        return {
            s.name: {
                unit: {
                    mode: Ablated(
                        9, unit / 10, unit / 10 - 1, unit / 10 + 1, 2.5, -1.5, sampled=mode == "norm"
                    )
                    if unit
                    else Ablated(9, c=1.0, d=2.0, reason="Too good.")
                    for mode in modes
                }
                for unit in found
            }
            for s in simulators
        }

    monkeypatch.setattr(ablation, "score_ablation", score)
    path = built(world, tmp_path / "s.duckdb", "make", "maps.run=false")
    with Store.open(path) as store:
        for kind in ("ablation", "ablation_optim"):
            one = store.unit("last", 3).explanation().score(kind)
            assert (one.n, one.value, one.low, one.high) == (9, 0.3, -0.7, 1.3)
            assert (dict(one.details), one.reason, one.split) == ({"c": 2.5, "d": -1.5}, None, "test")
            assert one.sampled == (kind == "ablation") and one.chance is None
            none = store.unit("last", 0).explanation().score(kind)
            assert (none.value, none.low, none.high, none.reason, none.details["c"]) == (
                None,
                None,
                None,
                "Too good.",
                1.0,
            )
        table = store.unit_table("last").set_index("unit")
        assert table["ablation"][3] == 0.3 and np.isnan(table["ablation"][0])
        assert table["ablation_reason"][0] == "Too good." and table["ablation_reason"][3] is None
    assert counts(path, ["maps"]) == {"maps": 0}


# -- builds ----------------------------------------------------------------------------------


def test_a_full_build_has_everything(full):
    assert all(counts(full).values())
    with Store.open(full) as store:
        layers = store.layers().set_index("layer")
        # a ReLU comes between the first layer and the head
        assert layers["intervention"].to_dict() == {"conv": "prefix", "last": "closed"}
        assert layers["effect_reason"].isna().all() and store.meta["temperature"] > 0
        dead = store.unit_table("last").query("status in ['dead', 'constant']")
        assert len(dead) == 2 and dead["impact"].isna().all() and dead["ablation"].isna().all()
        assert all("no explanation to score" in reason for reason in dead["ablation_reason"])
        for number in dead["unit"]:
            unit = store.unit("last", number)
            assert unit.impact() is None and unit.output_effects().empty and unit.maps(range(90)) == {}
        negative = store.unit("last", 7)
        # in its only bucket the unit is on average at its mean
        assert negative.impact().total > 0 and negative.output_effects().empty
        json.dumps(store.info(), allow_nan=False)


@pytest.mark.parametrize("importance, ablation", [(False, False), (False, True), (True, False)])
def test_builds_without_some_of_it(world, tmp_path, importance, ablation):
    switches = (f"importance.run={str(importance).lower()}", f"ablation.run={str(ablation).lower()}")
    path = built(world, tmp_path / "s.duckdb", "make", *switches)
    found = counts(path)
    assert found.pop("maps") > 0
    assert all(bool(count) == importance for count in found.values()), found
    assert bool(ablations(path)) == ablation
    with Store.open(path) as store:
        layers = store.layers().set_index("layer")
        if importance or ablation:
            assert layers["intervention"].to_dict() == {"conv": "prefix", "last": "closed"}
            assert layers["effect_reason"].isna().all() and store.meta["temperature"] > 0
        else:
            assert layers["intervention"].isna().all() and store.meta["temperature"] is None
            assert set(layers["effect_reason"]) == {"This build was told to replace no units."}
        unit = store.unit("last", 0)
        assert (unit.impact() is not None) == importance == (not unit.output_effects().empty)
        assert (unit.explanation().score("ablation") is not None) == ablation
        assert store.impact_values() == (["zero"] if importance else [])
        assert (len(store.table1()) > 0) == importance and (len(store.score_pairs()) > 0) == ablation
        json.dumps(store.info(), allow_nan=False)


def test_classes_without_an_output_leave_the_pushes(world, tmp_path):
    path = built(world, tmp_path / "s.duckdb", images="more")
    found = counts(path)
    assert found["output_effects"] > 0 and found["maps"] > 0
    assert [found[name] for name in EFFECTS[:3]] == [0, 0, 0]
    with Store.open(path) as store:
        assert store.meta["temperature"] is None
        why = set(store.layers()["effect_reason"])
        assert len(why) == 1 and "is known to stand for 1 of the 4 classes (" in why.pop()
        rows = ablations(path)
        assert rows and all(value is None and reason for *_, value, reason in rows)
        assert {kind for _, _, kind, _, _ in rows} == {"ablation"}
        assert any("No output of tiny:make is known" in reason for *_, reason in rows)
        # behind a linear head an output changes by its weight
        weight = load_target(Target(model=f"{world / 'tiny.py'}:make")).module.head.weight
        along = (weight - weight.mean(0)).detach().numpy()
        for number in (0, 3, 4):
            unit = store.unit("last", number)
            q = unit.activations.astype(float)
            found = unit.output_effects()
            where = unit.buckets.assign(unit.activations)
            assert set(found["bucket"]) == set(where.tolist())
            for bucket, output, change in found[["bucket", "output_id", "change"]].itertuples(index=False):
                expected = (q[where == bucket].mean() - q.mean()) * along[output, number]
                assert change == pytest.approx(expected, rel=1e-3, abs=1e-5)
        assert store.impact_values() == [] and store.unit("last", 0).impact() is None


@pytest.mark.parametrize(
    "function, words", [("mapped", "not one number per image and class"), ("sure", "not all finite")]
)
def test_outputs_that_cannot_be_compared(world, tmp_path, function, words):
    path = built(world, tmp_path / "s.duckdb", function)
    found = counts(path)
    assert found["maps"] > 0 and [found[name] for name in EFFECTS] == [0, 0, 0, 0]
    with Store.open(path) as store:
        layers = store.layers()
        assert layers["intervention"].isna().all() and all(words in why for why in layers["effect_reason"])
        score = store.unit("last", 0).explanation().score("ablation")
        assert score.value is None and score.reason == layers["effect_reason"][1]
        assert store.unit("last", 0).explanation().score().value is not None
        assert store.meta["temperature"] is None  # there is no loss that it could be the temperature of


def test_arrays_in_files_give_the_same(world, tmp_path, full, monkeypatch):
    monkeypatch.setattr(
        "lexplain_core.pipeline.build.check_memory", lambda *_, **__: setattr(room(), "arrays", 0)
    )
    path = built(world, tmp_path / "s.duckdb", "make", 'importance.to=["mean", "zero"]')
    with Store.open(path) as store, Store.open(full) as other:
        for to in ("zero", "mean"):
            mine, theirs = store.impacts(to), other.impacts(to)
            pd.testing.assert_frame_equal(mine, theirs, rtol=1e-5)
            pd.testing.assert_frame_equal(store.top_impacts(to), other.top_impacts(to), rtol=1e-5, atol=1e-7)
        left, right = store.unit_table()["ablation"], other.unit_table()["ablation"]
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-7)
        assert store.meta["temperature"] == pytest.approx(other.meta["temperature"], rel=1e-6)
    assert counts(path) == counts(full)


# -- what the network sees of an image ---------------------------------------------------------


def seeing(**more) -> Whole:
    prepare = Preprocessing(**more)
    return Whole(TargetModel("m", None, prepare, prepare.cut, (8, 8), "a test"))


def test_whole_tells_what_is_cut_off():
    centred = seeing(resize=224, crop=(224, 224))
    assert centred((300, 300)) and not centred((400, 300)) and not centred((300, 400))
    assert not seeing(resize=256, crop=(224, 224))((300, 300))
    plain = seeing()
    assert plain((64, 64)) and plain((400, 300)) and plain((9, 200))
    assert not seeing(crop=(24, 24))((32, 28)) and seeing(crop=(24, 24))((24, 24))
    assert seeing(resize=224, crop=(224, 224))((20, 20))  # blown up, not cut
    demo = load_target(Target(model="demo", weights="random"))
    assert Whole(demo)((96, 96)) and not Whole(demo)((140, 96))


def test_a_cut_image_with_a_map_keeps_what_the_network_saw(full):
    """The folder's images are 32 x 28, of which the network sees the middle 24 x 24."""
    with duckdb.connect(str(full), read_only=True) as con:
        rows = con.execute(
            "SELECT crop, thumbnail FROM images WHERE image_id IN (SELECT image_id FROM maps)"
        ).fetchall()
        without = con.execute(
            "SELECT count(*) FROM images WHERE crop IS NOT NULL AND image_id NOT IN (SELECT image_id FROM maps)"
        ).fetchone()[0]
    assert len(rows) > 40 and without <= 20  # those of units that get no map
    for crop, thumbnail in rows:
        assert Image.open(BytesIO(crop)).size == (24, 24) and Image.open(BytesIO(thumbnail)).size == (32, 28)


def test_maps_of_ties_are_those_that_are_shown(tmp_path):
    """Where many images tie for the largest activation, the ones that pages show have maps."""
    from lexplain_core.model import Recording
    from lexplain_core.model.base import LayerInfo
    from lexplain_core.model.units import Channels
    from lexplain_core.pipeline.stages.mapping import _wanted
    from lexplain_core.store import example_images

    values = np.array([[6.0] * 30 + [1.0] * 10, [0.0] * 38 + [2.0, 1.0]], np.float32)
    info = LayerInfo("relu6", Channels((2, 4, 4)), "ReLU6")
    wanted = _wanted(Recording(info, "max", values), 3, np.arange(2))
    for unit, row in enumerate(values):
        kept = {image for image, units in wanted.items() if unit in units}
        shown = set(np.argsort(-row, kind="stable")[:8]) | set(np.argsort(row, kind="stable")[:8])
        for bucket in range(-1, 8):
            shown |= set(example_images(row, 3, unit, bucket)) | set(
                example_images(row, 3, unit, bucket, top=True)
            )
        assert shown <= kept
