"""The machine observer's stage: every unit gets the score of the definition, in builds with and without it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lexplain_core.base import memory
from lexplain_core.base.checkpoints import NoCheckpoints
from lexplain_core.base.errors import UserError
from lexplain_core.base.intervals import wilson
from lexplain_core.base.memory import limited
from lexplain_core.base.progress import Silent
from lexplain_core.config import Observer, apply_overrides, parse_config
from lexplain_core.measures import measures, observer
from lexplain_core.measures.observer import spread_of
from lexplain_core.model import Recording
from lexplain_core.model.base import LayerInfo
from lexplain_core.model.units import Channels, Planted, Units
from lexplain_core.pipeline.build import build
from lexplain_core.pipeline.stage import Desk
from lexplain_core.pipeline.stages.measuring import run_measure
from lexplain_core.pipeline.stages.observing import embed_for_observer
from lexplain_core.pipeline.stages.recording import Layer
from lexplain_core.probe import ComputedLayer, ComputedUnit
from lexplain_core.stimuli.observer import observer_trials
from lexplain_core.store import Store

from ..small_folder import config_dict

N = 400
SEED = 3
COLUMNS = ["layer_id", "unit", "embedding", "place", "trials", "value", "low", "high", "soft", "reason", "margin", "margin_low",
           "margin_high", "margin_reason"]  # fmt: skip


PLANTED = Planted(ComputedLayer("made", (ComputedUnit("u"),), np.zeros((1, N), np.float32), "made up"))


def recording(name: str, values: np.ndarray, of: Units | None = None) -> Recording:
    return Recording(LayerInfo(name, of or Channels((len(values), 1, 1)), "?"), "mean", values)


def make_work(views=("simulator", "explainer"), **settings):
    """What the stage reads: three layers of made-up activations, and encoders."""
    rng = np.random.default_rng(0)
    early = rng.normal(size=(6, N))
    early[1] = 0.25  # constant
    early[2] = np.maximum(0, early[2] - 1.5)  # fires on a few images
    last = np.concatenate([early[:1] + 0.1 * rng.normal(size=(1, N)), rng.normal(2, 5, (7, N))])
    last[4] = -1.0
    seen = {role: rng.normal(size=(N, 6)) + 2 * early[3][:, None] * (role == "simulator") for role in views}
    return SimpleNamespace(
        observer=Observer(**settings), pieces=[],
        layers=[
            recording("early", early.astype(np.float32)),
            recording("last", last.astype(np.float32)),
            recording("made", early[3:4].astype(np.float32), PLANTED),
        ],
        views={role: SimpleNamespace(name=f"the {role}", images=seen[role].astype(np.float32)) for role in views},
    )  # fmt: skip


class Pieces(NoCheckpoints):
    """Notes what is kept."""

    def __init__(self, keys: list[str]):
        self._keys = keys

    def save(self, key: str, **values) -> None:
        self._keys.append(key)


def run(work) -> pd.DataFrame:
    """A row per unit and embedding: the share of right trials, and beside it the margin."""
    layers = [
        Layer(number, one, pd.DataFrame({"reason": [None] * len(one.values)}))
        for number, one in enumerate(work.layers)
    ]
    desk = Desk(Silent(), kept=Pieces(work.pieces))
    seen = embed_for_observer(desk, layers, work.observer, **work.views)
    found = run_measure(
        desk, layers, measures["margin"], observer_embeddings=seen, observer=work.observer, seed=SEED
    ).to_pandas()
    found["soft"] = [
        json.loads(text)["soft"] if isinstance(text, str) else np.nan for text in found["details"]
    ]
    assert (
        set(found["split"]) == {"all"} and found["explanation_id"].isna().all() and not found["sampled"].any()
    )
    sides = [found[found["measure"] == name] for name in ("observer", "margin")]
    assert len(sides[0]) == len(sides[1]) and sum(map(len, sides)) == len(found)
    frame = sides[0].merge(sides[1], on=["layer_id", "unit", "by", "place", "n"], suffixes=("", "_margin"))
    frame = frame.rename(columns={"by": "embedding", "n": "trials", "value_margin": "margin"} | {
        f"{name}_margin": f"margin_{name}" for name in ("low", "high", "reason")
    })  # fmt: skip
    return frame.sort_values(["layer_id", "unit", "place"], ignore_index=True)[COLUMNS]


def features(work, number: int, unit: int, embedding: str) -> np.ndarray:
    """What the observer of a unit sees, by the words of docs/explanation/method.md."""
    if embedding != "target":
        return work.views[embedding.removeprefix("the ")].images.astype(float)
    rows = [
        (row - row.mean()) / row.std()
        for other, row in enumerate(work.layers[1].values.astype(float))
        if row.std() > 0 and (number, unit) != (1, other)
    ]
    return np.stack(rows, axis=1)


def by_hand(
    work, number: int, unit: int, embedding: str, slope: float = 5.0
) -> tuple[float, float, np.ndarray]:
    """Hard and soft score of a unit, one trial after the other, and the margins of the trials."""
    seen = features(work, number, unit, embedding)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    low, high = observer_trials(work.layers[number].values[unit], 20, (observer._STREAM, SEED, number, unit))
    right, soft, margins = [], [], []
    for minus, plus in zip(low, high, strict=True):
        drawn = []
        for query in (plus[9], minus[9]):
            to_high = np.mean([seen[query] @ seen[image] for image in plus[:9]])
            to_low = np.mean([seen[query] @ seen[image] for image in minus[:9]])
            drawn.append(to_high - to_low)
        right.append(drawn[0] > drawn[1])
        margins.append(drawn[0] - drawn[1])
        soft.append(1 / (1 + np.exp(-slope * (drawn[0] - drawn[1]))))
    return float(np.mean(right)), float(np.mean(soft)), np.array(margins)


def spread(images: np.ndarray) -> float:
    """The standard deviation of the similarities of all pairs, one pair after the other."""
    unit = images / np.linalg.norm(images, axis=1, keepdims=True)
    return float(np.std([unit[i] @ unit[j] for i in range(len(unit)) for j in range(i)]))


def whole(work, embedding: str) -> np.ndarray:
    """What the embedding says of all images, that nothing is hidden from."""
    return features(work, -1, -1, embedding)


def test_the_spread_is_that_of_all_pairs():
    rng = np.random.default_rng(5)
    for n, width in ((2, 3), (60, 4), (150, 30)):
        images = rng.normal(size=(n, width)) + 0.3
        assert spread_of(images) == pytest.approx(spread(images), abs=1e-9)
    assert spread_of(np.ones((9, 3))) == spread_of(np.ones((1, 3))) == spread_of(np.zeros((0, 3))) == 0
    blank = rng.normal(size=(9, 3))
    blank[4] = 0  # an image without an embedding is similar to nothing
    unit = blank / np.maximum(np.linalg.norm(blank, axis=1, keepdims=True), 1e-30)
    pairs = [unit[i] @ unit[j] for i in range(9) for j in range(i)]
    assert spread_of(blank) == pytest.approx(np.std(pairs), abs=1e-9)


def test_scores_are_those_of_the_definition(tmp_path):
    work = make_work(slope=5.0)
    frame = run(work)
    names = ["the simulator", "the explainer", "target"]
    assert len(frame) == (6 + 8 + 1) * 3 and frame["embedding"].tolist() == names * 15
    assert frame["place"].tolist() == [0, 1, 2] * 15
    constant = {(0, 1), (1, 4)}
    spreads = {name: spread(whole(work, name)) for name in names}
    for row in frame.itertuples():
        if (row.layer_id, row.unit) in constant:
            assert np.isnan(row.value) and np.isnan(row.soft) and row.trials == 0 and np.isnan(row.margin)
            assert "told apart" in row.reason and row.margin_reason == row.reason
            continue
        hard, soft, margins = by_hand(work, row.layer_id, row.unit, row.embedding)
        assert row.value == pytest.approx(hard, abs=1e-9), row
        assert row.soft == pytest.approx(soft, abs=1e-5), row
        assert row.trials == 20 and pd.isna(row.reason) and pd.isna(row.margin_reason)
        z = margins / spreads[row.embedding]
        half = 1.959964 * z.std(ddof=1) / np.sqrt(20)
        assert row.margin == pytest.approx(z.mean(), abs=1e-4), row
        assert (row.margin_low, row.margin_high) == pytest.approx(
            (z.mean() - half, z.mean() + half), abs=1e-4
        )
        assert (row.low, row.high) == pytest.approx(tuple(map(float, wilson(round(hard * 20), 20))))
        assert row.low <= row.value <= row.high
    score = frame.set_index(["layer_id", "unit", "embedding"])["value"]
    assert score[0, 3, "the simulator"] == score[2, 0, "the simulator"] == 1  # what that encoder sees
    assert score[0, 0, "target"] > 0.9  # the last layer has its near copy
    assert frame["value"].nunique() > 6


def test_a_unit_is_not_judged_by_itself(tmp_path):
    """Units of noise are told apart only by their own activations."""
    work = make_work(views=(), embeddings=["target"])
    values = np.random.default_rng(1).normal(size=(20, N)).astype(np.float32)
    work.layers = [recording("copy", values.copy()), recording("last", values)]
    found = run(work)
    frame = found.groupby("layer_id")["value"].mean()
    assert frame[1] == pytest.approx(0.5, abs=0.08)
    assert frame[0] > 0.8  # the same units elsewhere: their copies are seen
    margins = found[found["layer_id"] == 1]
    assert margins["margin"].mean() == pytest.approx(0, abs=0.2)
    assert ((margins["margin_low"] <= 0) & (margins["margin_high"] >= 0)).sum() >= 16  # of 20, 95 % each
    assert found[found["layer_id"] == 0]["margin"].mean() > 0.5


def test_an_embedding_that_sees_nothing_gives_no_margin(tmp_path):
    work = make_work(views=("simulator",), embeddings=["simulator"])
    work.views["simulator"].images[:] = 1.0
    found = run(work)
    found = found[found["trials"] > 0]
    assert found["margin"].isna().all() and set(found["margin_reason"]) == {
        "All images are equally similar in this embedding."
    }
    assert found["value"].notna().all()


def test_scores_of_random_activations_are_chance(tmp_path):
    work = make_work(views=("simulator",), embeddings=["simulator"], trials=50)
    noise = np.random.default_rng(7).normal(size=(40, N)).astype(np.float32)
    work.views["simulator"].images = np.random.default_rng(8).normal(size=(N, 6)).astype(np.float32)
    work.layers = [recording("noise", noise)]
    found = run(work)
    assert found["margin"].mean() == pytest.approx(0, abs=0.1)
    assert found["value"].mean() == pytest.approx(0.5, abs=0.04)
    assert ((found["margin_low"] <= 0) & (found["margin_high"] >= 0)).sum() >= 32  # of 40


@pytest.mark.parametrize("change", ["pieces", "file"])
def test_pieces_and_files_give_the_same(tmp_path, monkeypatch, change):
    whole = run(make_work())
    monkeypatch.setattr(observer, "_BYTES", 1) if change == "pieces" else None
    monkeypatch.setattr(memory, "BLOCK", 3 * N)
    other = make_work()
    with limited(1 if change == "file" else 10**9, tmp_path):
        pd.testing.assert_frame_equal(run(other), whole)
    assert len(other.pieces) == 3  # one a layer


def test_which_embeddings(tmp_path):
    def names(**settings):
        frame = run(make_work(**settings))
        return frame.sort_values("place")["embedding"].unique().tolist()

    assert names(views=("explainer",)) == ["the explainer", "target"]
    assert names(views=()) == ["target"]
    assert names(embeddings=["target", "simulator"]) == ["target", "the simulator"]
    config = SimpleNamespace(observer=Observer(run=False))
    assert not measures["margin"].when(config) and not measures["observer"].when(config)
    work = make_work()
    work.views["explainer"].name = "target"  # someone calls it so
    assert run(work)["embedding"].unique().tolist() == ["the simulator", "target (explainer)", "target"]


def test_too_few_images(tmp_path):
    work = make_work(views=())
    work.layers = [replace(layer, values=layer.values[:, :15]) for layer in work.layers]
    frame = run(work)
    assert frame["value"].isna().all() and frame["reason"].str.contains("15 images").all()


# -- builds ------------------------------------------------------------------------------------


def built(world, name: str, *overrides: str):
    data = config_dict(world / "images", world / "tiny.py", world / f"{name}.duckdb")
    overrides = ("importance.run=false", "ablation.run=false", "maps.run=false", *overrides)
    return build(parse_config(apply_overrides(data, list(overrides)), "of the test"))


def test_a_build_without_encoders_looks_with_the_network(world):
    with Store.open(built(world, "plain", "observer.slope=2.0", "observer.trials=30")) as store:
        table = store.unit_table()
        assert set(table["observer_by"]) == {"target"} and table["observer"].notna().any()
        for row in table.itertuples():
            margin, score = store.unit(row.layer, row.unit).scores
            assert (margin.measure, score.measure) == ("margin", "observer")
            assert (margin.value is None) == (margin.reason is not None) == np.isnan(row.margin)
            assert (score.value is None) == (score.reason is not None) == np.isnan(row.observer)
            if score.value is not None:
                assert score.n == margin.n == 30 and score.value * 60 == pytest.approx(
                    round(score.value * 60)
                )
                assert 0 < score.details["soft"] < 1 and (score.details["soft"] > 0.5 or score.value < 1)
        rows = [row for row in store.info()["scores"] if row["measure"] in ("margin", "observer")]
        assert [(row["measure"], row["by"]) for row in rows] == [
            ("margin", "target"), ("margin", "target"), ("observer", "target"), ("observer", "target"),
        ]  # fmt: skip
    with Store.open(built(world, "none", "observer.run=false")) as store:
        assert not {"observer", "margin"} & (set(store.measures) | set(store.unit_table()))


def test_an_encoder_that_is_not_there(world):
    with pytest.raises(UserError, match="observer.embeddings names the simulator"):
        built(world, "wrong", 'observer.embeddings=["simulator"]')


# -- the demo ----------------------------------------------------------------------------------


def test_planted_units_are_seen_and_noise_is_not(demo_store):
    """13 recipes score near 1 by an encoder that never saw the units; noise is a coin tossed 20 times."""
    with Store.open(demo_store) as store:
        table = store.unit_table("planted")
        assert set(table["observer_by"]) == {"demo/simulator"}
        truth = [store.unit("planted", int(unit)).truth["terms"] for unit in table["unit"]]
        recipe = np.array([bool(terms) for terms in truth])
        assert recipe.sum() == 13 and table.loc[recipe, "observer"].mean() >= 0.9
        noise = store.unit("planted", int(table.loc[table["name"] == "noise only", "unit"].iloc[0]))
        for score in (s for s in noise.scores if s.measure == "observer"):  # 95 % of 20 tosses: 6 to 14 heads
            assert 0.3 <= score.value <= 0.7, score
        (constant,) = table.index[table["status"] == "constant"]
        assert (
            np.isnan(table.loc[constant, "observer"])
            and "told apart" in table.loc[constant, "observer_reason"]
        )
        layers = store.layers().set_index("layer")["mean_observer"]
        assert (layers[["block4", "block7"]] > 0.5).all()
