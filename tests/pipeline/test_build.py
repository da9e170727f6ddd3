"""The whole pipeline on a small folder with every awkward thing in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.config import apply_overrides, parse_config
from lexplain_core.model.statistics import describe_units
from lexplain_core.pipeline.build import build, is_current
from lexplain_core.store import Store

from ..small_folder import CONSTANT, DEAD, GOOD, NEGATIVE, PER_CLASS, config_dict


class Listening:
    """Progress that keeps what it is told."""

    def __init__(self):
        from lexplain_core.base.progress import Silent

        self.notes, self.task, self.stage = [], Silent().task, Silent().stage

    def note(self, text: str) -> None:
        self.notes.append(text)


def settings(world: Path, store: Path, function: str = "make", *overrides: str):
    data = config_dict(world / "images", world / "tiny.py", store, function)
    return parse_config(apply_overrides(data, list(overrides)), "of the test")


@pytest.fixture(scope="module")
def built(world) -> Path:
    return build(settings(world, world / "small.duckdb"), rebuild="python -m lexplain_core build small.toml")


@pytest.fixture
def store(built):
    with Store.open(built) as opened:
        yield opened


def pixels(path: Path) -> np.ndarray:
    """The centred square of 24 pixels that the network is shown, in [0, 1]: (3, 24, 24)."""
    image = np.asarray(Image.open(path).convert("RGB"), np.float64) / 255
    top, left = (image.shape[0] - 24) // 2, (image.shape[1] - 24) // 2
    return image[top : top + 24, left : left + 24].transpose(2, 0, 1)


def test_the_store_says_what_went_in(store, world):
    info = store.info()
    assert info["images"] == GOOD and info["classes"] == 4 and info["superclasses"] == 1
    assert info["splits"] == {"train": 64, "val": 9, "test": 18}
    assert [s["key"] for s in info["skipped"]] == ["red_disc/broken.jpg"] and info["skipped"][0]["reason"]
    assert [layer["name"] for layer in info["layers"]] == ["conv", "last"]
    assert info["layers"][1] | {"note": None} == {
        "name": "last", "source": "network", "kind": "map", "pooling": "mean", "shape": [8, 24, 24],
        "units": 8, "dead": 1, "constant": 1, "negative": 1, "note": None, "intervention": "closed",
        "mean_top_impact": None, "map_reason": None, "output_effects_reason": None,
        "effect_reason": "No output of tiny:make is known to stand for 1 of the 4 classes (single). If the network was trained on "
        "these classes, set target.outputs.",
    }  # fmt: skip
    (ablation,) = [row for row in info["scores"] if (row["layer"], row["measure"]) == ("last", "ablation")]
    (observed,) = [row for row in info["scores"] if (row["layer"], row["measure"]) == ("last", "observer")]
    assert (ablation["mean"], observed["mean"]) == (None, 1.0)
    assert ablation["mean_over"] == "0 of 8 units; 1 dead, 1 constant, 6 without a value"
    assert observed["mean_over"].startswith("6 of 8 units; ")
    assert info["config"]["probe"]["root"] == str(world / "images")
    assert info["versions"]["torch"] and info["build"]["device"] == "cpu"
    assert store.meta["rebuild"] == "python -m lexplain_core build small.toml"
    labels = store.images()["label"].value_counts().to_dict()
    assert labels == {"blue_square": 30, "green_disc": 30, "red_disc": 30, "single": 1}
    assert 0 <= info["target"]["accuracy"] <= 1
    assert info["target"]["accuracy_images"] == 3 * PER_CLASS  # the fourth class has no output
    json.dumps(info, allow_nan=False)


def test_each_image_is_known_by_its_content(store, world):
    files = [(world / "images" / key).read_bytes() for key in store.images()["key"]]
    assert store.image_digests() == [sha256(data).digest() for data in files]


def test_activations_are_the_networks_and_an_in_place_relu_changed_nothing(store, world):
    keys = store.images()["key"].tolist()
    expected = np.array([pixels(world / "images" / key).mean((1, 2)) for key in keys])
    for channel in range(3):
        np.testing.assert_allclose(store.unit("conv", channel).activations, expected[:, channel], atol=1e-5)
        negated = store.unit("conv", channel + 3)  # after the ReLU it would be 0 everywhere
        np.testing.assert_allclose(negated.activations, -expected[:, channel], atol=1e-5)
        assert negated.status == "negative"


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(CONSTANT, "constant", "is 2.5 on every image"), (DEAD, "dead", "below the threshold of 0.01")],
)
def test_constant_and_dead_units_have_a_reason_and_no_explanation(store, number, status, words):
    unit = store.unit("last", number)
    assert unit.status == status and words in unit.reason
    found = unit.explanation()
    assert found.terms == () and found.bias is None and found.reason == unit.reason
    assert found.score().value is None and "no explanation" in found.score().reason


def test_a_negative_unit_is_explained_and_has_no_buckets(store):
    unit = store.unit("last", NEGATIVE)
    assert unit.status == "negative" and unit.maximum < 0 and unit.buckets is None
    found = unit.explanation()
    assert found.reason is None and found.terms and found.bias < 0
    assert found.score().value > 0.5
    assert len(unit.examples(-1)) == 8


def test_explanations_and_scores_are_those_of_the_stored_numbers(store):
    """From the store alone: least squares on the train split, and the correlation on the test split."""
    explained = 0
    for layer, number in [("conv", u) for u in range(6)] + [("last", u) for u in range(8)]:
        unit = store.unit(layer, number)
        found = unit.explanation()
        if found.reason is not None:
            continue
        explained += 1
        train, val, test = (unit.split == part for part in ("train", "val", "test"))
        P, q = unit.values(found).astype(np.float64), unit.activations.astype(np.float64)
        X = np.column_stack([P.T, np.ones(len(q))])
        w = np.linalg.lstsq(X[train], q[train], rcond=None)[0]
        np.testing.assert_allclose([*(t.weight for t in found.terms), found.bias], w, rtol=1e-4, atol=1e-6)
        simulated = unit.simulated(found)
        assert found.val_correlation == pytest.approx(np.corrcoef(simulated[val], q[val])[0, 1], abs=1e-6)
        score = found.score()
        assert (score.by, score.split, score.n) == ("label", "test", 18)
        assert score.value == pytest.approx(np.corrcoef(simulated[test], q[test])[0, 1], abs=1e-6)
        assert score.low < score.value < score.high
    assert explained >= 10


def test_a_class_of_a_single_image_is_no_concept_of_an_explanation(store):
    for _, row in store.unit_table().iterrows():
        assert "single" not in row["terms"]


def test_what_the_network_saw_is_kept_for_the_strongest(store):
    from io import BytesIO

    top = store.unit("last", 0).top(9)["image"].tolist()
    for image, blob in store.crops(top).items():
        assert Image.open(BytesIO(blob)).size == (24, 24), image
    sizes = {Image.open(BytesIO(b)).size for b in store.thumbnails(range(GOOD)).values()}
    assert sizes == {(32, 28)}  # smaller than a thumbnail may be, so as they are


def test_the_same_images_elsewhere_have_the_same_id_and_other_options_another(store, world, tmp_path):
    shutil.copytree(world / "images", tmp_path / "moved")
    data = config_dict(tmp_path / "moved", world / "tiny.py", tmp_path / "deep" / "copy.duckdb")
    data["probe"]["superclasses"] = str(world / "groups.json")
    with Store.open(build(parse_config(data, "copy"))) as copy:
        assert copy.id == store.id
        for layer in ("conv", "last"):
            left = copy.unit_table(layer).drop(columns="terms")
            assert left.equals(store.unit_table(layer).drop(columns="terms"))


def test_store_ids_tell_options_apart_but_not_places(world):
    from lexplain_core.model import load_target
    from lexplain_core.pipeline.persist_meta import store_id
    from lexplain_core.probe import load_probing_set

    probing = load_probing_set(settings(world, world / "x.duckdb").probe)
    model = load_target(settings(world, world / "x.duckdb").target)

    def identity(*overrides: str, probing=probing, model=model) -> str:
        return store_id(settings(world, world / "x.duckdb", "make", *overrides), probing, model)

    same = identity()
    assert len(same) == 12
    for override in (
        "store=/elsewhere/y.duckdb",
        "record.batch_size=7",
        "target.model=/other/place/tiny.py:make",
    ):
        assert identity(override) == same, override
    others = [
        "seed=1", "name=other", 'layers=["conv"]', "explain.epsilon=0.1", "target.model=resnet18",
        "target.model=timm/resnet18", "thumbnail=64",
    ]  # fmt: skip
    assert len({same, *map(identity, others)}) == len(others) + 1
    # the same paths and options, but other weights, labels, superclasses or pixels behind them
    trained = load_target(settings(world, world / "x.duckdb").target)
    with torch.no_grad():
        next(trained.module.parameters()).add_(1)
    first = replace(probing.superclasses[0], classes=probing.superclasses[0].classes[:1])
    contents = [
        identity(model=trained),
        identity(probing=replace(probing, labels=probing.labels[::-1].copy())),
        identity(probing=replace(probing, superclasses=(first, *probing.superclasses[1:]))),
        identity(probing=replace(probing, load=lambda i: probing.load(i).rotate(180))),
    ]
    assert len({same, *contents}) == len(contents) + 1
    assert identity(model=load_target(settings(world, world / "x.duckdb").target)) == same


@pytest.mark.parametrize("function", ["with_nan", "with_inf"])
def test_activations_that_are_no_numbers_stop_the_build_and_leave_the_store(world, tmp_path, function):
    path = tmp_path / "s.duckdb"
    path.write_bytes(b"an older store")
    with pytest.raises(UserError) as caught:
        build(settings(world, path, function, 'layers=["conv", "after"]'))
    text = str(caught.value)
    assert "after" in text and "green_disc/" in text and "\n" not in text
    assert path.read_bytes() == b"an older store" and [p.name for p in tmp_path.iterdir()] == ["s.duckdb"]


def test_a_folder_of_fewer_than_50_good_images_is_refused(world, tmp_path):
    for i in range(49):
        (tmp_path / "few" / "a").mkdir(parents=True, exist_ok=True)
        shutil.copy(world / "images/red_disc/000.png", tmp_path / "few/a" / f"{i}.png")
    (tmp_path / "few/a/bad.png").write_text("no image")
    config = settings(world, tmp_path / "s.duckdb", "make", f"probe.root={tmp_path / 'few'}")
    with pytest.raises(UserError, match="49 good images.*at least 50"):
        build(config)
    assert not (tmp_path / "s.duckdb").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (['layers=["lst"]'], "'lst'.*last"),
        (["explain.solver=glmsaga"], "no solver named 'glmsaga'"),
        (['explain.methods=["le-lable"]'], "no explanation method named 'le-lable'"),
        (["probe.root=/no/such/folder"], "/no/such/folder"),
        (["probe.set=foldr"], "no probing set named 'foldr'"),
        (["target.model=resnet51"], "resnet51"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(world, tmp_path, overrides, message):
    with pytest.raises(UserError, match=message) as caught:
        build(settings(world, tmp_path / "s.duckdb", "make", *overrides))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_where_no_store_can_be_written_is_said_before_anything_is_computed(world, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.duckdb").mkdir()
    for path in (tmp_path / "file" / "s.duckdb", tmp_path / "folder.duckdb", tmp_path / "s.txt"):
        progress = Listening()
        with pytest.raises(UserError, match=path.name):
            build(settings(world, path), progress)
        assert progress.notes == []


def test_a_build_without_methods_or_concepts(world, tmp_path):
    path = build(settings(world, tmp_path / "s.duckdb", "make", "explain.methods=[]"))
    with Store.open(path) as opened:
        assert opened.unit_table()["explanation"].tolist() == [""] * 14
        assert opened.info()["explanations"] == []
    with pytest.raises(UserError, match="No concept of “label” passes"):
        build(settings(world, tmp_path / "t.duckdb", "make", "explain.min_top5_mean=1.5"))


def test_a_store_is_current_until_its_config_changes(world, built, tmp_path):
    assert is_current(settings(world, built))
    assert not is_current(settings(world, built, "make", "explain.epsilon=0.03"))
    assert not is_current(settings(world, tmp_path / "none.duckdb"))
    (tmp_path / "text.duckdb").write_text("text")
    assert not is_current(settings(world, tmp_path / "text.duckdb"))


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([0, 0, 0], "dead"),
        ([0, 0.005, 0.0099], "dead"),
        ([-3, 0.005, -1], "dead"),
        ([0.005] * 3, "dead"),
        ([0, 0.0101, 0], "alive"),
        ([0.75] * 3, "constant"),
        ([-2.0] * 3, "constant"),
        ([-2.0, -1.0, -0.001], "negative"),
        ([-2.0, -1.0, 0.0], "negative"),
        ([-2.0, 5.0, 0.0], "alive"),
    ],
)
def test_statuses_of_units(values, status, monkeypatch):
    from lexplain_core.model import statistics

    filler = np.arange(3, dtype=np.float32)
    layer = np.stack([filler, np.array(values, np.float32), filler])
    for piece in (statistics._PIECE, 3):  # a unit at a time
        monkeypatch.setattr(statistics, "_PIECE", piece)
        frame = describe_units(layer, 0.01)
        assert frame["status"].tolist() == ["alive", status, "alive"]
        assert (frame["reason"][1] is None) == (status == "alive") and frame["reason"][0] is None
        row = np.array(values, np.float32).astype(np.float64)
        assert frame.loc[1, ["minimum", "maximum", "mean", "std"]].tolist() == pytest.approx(
            [row.min(), row.max(), row.mean(), row.std()]
        )
