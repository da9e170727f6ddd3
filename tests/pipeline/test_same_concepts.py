"""Concepts that are on the same images: one of them is named, always the same, and the others are found by it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lexplain_core.concepts import first_alike
from lexplain_core.config import apply_overrides, parse_config
from lexplain_core.pipeline.build import build
from lexplain_core.pipeline.import_explanations import import_explanations
from lexplain_core.store import Store, UnitQuery

from ..small_folder import config_dict, make_folder, make_network
from .test_build import Listening

# Of one class each, by two names, and of the same two classes.
GROUPS = {
    "reds": ["red_disc"], "Rubies": ["red_disc"], "greens": ["green_disc"],
    "disc": ["green_disc", "red_disc"], "round": ["red_disc", "green_disc"], "never": ["single"],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("same")
    make_folder(folder / "images")
    (folder / "groups.json").write_text(json.dumps(GROUPS))
    config = config_dict(folder / "images", make_network(folder), folder / "same.duckdb")
    off = [f"{section}.run=false" for section in ("ablation", "importance", "maps", "observer")]
    progress = Listening()
    build(parse_config(apply_overrides(config, off), "of the test"), progress)
    return folder / "same.duckdb", progress.notes


@pytest.fixture(scope="module")
def store(built):
    with Store.open(built[0]) as opened:
        yield opened


def terms(store):
    return [t for layer in ("conv", "last") for u in range(store.layers().set_index("layer").loc[layer, "units"])
            for e in store.unit(layer, u).explanations for t in e.terms]  # fmt: skip


def test_the_first_of_equal_rows():
    rows = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1], [1, 1, 1]], np.float32)
    assert first_alike(rows).tolist() == [0, 1, 0, 1, 4]
    assert first_alike(np.zeros((0, 3), np.float32)).tolist() == []


def test_a_class_is_named_before_superclasses_and_these_in_their_order(store):
    used = {t.name for t in terms(store)}
    assert {"red_disc", "green_disc"} & used and not used & {"reds", "Rubies", "greens", "round"}
    same = {t.name: t.same for t in terms(store)}
    assert all(same[name] == others for name, others in
               {"red_disc": ("reds", "Rubies"), "green_disc": ("greens",), "disc": ("round",)}.items() if name in same)  # fmt: skip
    assert {k: sorted(v) for k, v in store.info()["matrices"][0]["same"].items()} == {
        "red_disc": ["Rubies", "reds"], "green_disc": ["greens"], "disc": ["round"]}  # fmt: skip


def test_merged_concepts_count_once(store, built):
    row = store.matrices().iloc[0]
    # blue, green, red and disc; single and never are on one image, too few for the filter
    assert (row.kept, row.dropped) == (4, 2) and row["filter"] == {"class": [3, 1], "superclass": [1, 1]}
    assert any(
        "4 of them can't be told from another and stand under its name: reds = red_disc" in n
        for n in built[1]
    )


@pytest.mark.parametrize(
    ("other", "name"), [("reds", "red_disc"), ("rubies", "red_disc"), ("greens", "green_disc")]
)
@pytest.mark.parametrize("more", ["", "+", "-"])
def test_units_are_found_by_every_name(store, other, name, more):
    found = [store.find(UnitQuery(q=f"{more}{q}"), None) for q in (other, name)]
    rows = [list(zip(f.rows["layer"], f.rows["unit"], strict=True)) for f in found]
    assert rows[0] == rows[1] and (more or rows[0]) and not found[0].missing


def test_every_name_scores_alike(built, tmp_path):
    scores = []
    for name in ("red_disc", "reds", "Rubies"):
        (tmp_path / "x.csv").write_text(f"layer,unit,concept,weight\nlast,0,{name},2\n")
        import_explanations(tmp_path / "x.csv", built[0], f"by-{name}")
        with Store.open(built[0]) as opened:
            explanation = opened.unit("last", 0).explanation(f"by-{name}")
            assert [t.name for t in explanation.terms] == [name]
            scores.append(explanation.score().value)
    assert scores[0] is not None and scores == [scores[0]] * 3


def test_exports_and_tables_name_the_others(store):
    frame = store.export(UnitQuery(q="+red_disc"))
    said = frame[frame["explanation"].fillna("").str.contains("red_disc")]["same"]
    assert len(said) and all("red_disc = reds = Rubies" in text for text in said)


def test_other_names_stand_in_captions_and_where_a_concept_is_chosen(store, built):
    from lexplain_core.figures.print import FigureChoice, caption, gather

    units = [store.unit("last", u) for u in range(3)]
    named = {u.unit: t for u in units for t in u.explanation().terms if t.same}
    assert named
    data = gather(store, FigureChoice(units=tuple(("last", u) for u in named)))
    for term in named.values():
        assert f"“{term.name}” stands for “{term.same[0]}”" in caption(data)
    frame = store.sayable("label").set_index("name")
    assert frame["same"]["red_disc"] == "reds, Rubies" and frame["same"]["reds"] == ""


def test_texts_that_an_encoder_takes_for_one_are_merged_too():
    from types import SimpleNamespace

    from lexplain_core.concepts import Concept, EncoderView
    from lexplain_core.pipeline.stages.concepts import same_concepts

    vectors = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    texts = {"co-op": vectors[0], "dog": vectors[1], "co op": vectors[0].copy(), "cat": vectors[2]}
    images = np.eye(8, dtype=np.float32)
    encoder = SimpleNamespace(fingerprint="x", device="cpu")
    view = EncoderView("eye", "explainer", encoder, images, 9.0, 0.0, {}, _texts=texts)
    matrix = view.matrix([Concept(f"noun:{text}", text, "noun") for text in texts])
    splits = np.array(["train"] * 8)
    assert same_concepts(matrix, np.ones(4, bool), splits, view) == {2: 0}
    assert same_concepts(matrix, np.array([False, True, True, True]), splits, view) == {}
