"""Imports into real stores: their own explanations come back the same, and their encoders are asked again."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import DualEncoder, view
from lexplain_core.config import parse_config
from lexplain_core.pipeline.build import build
from lexplain_core.pipeline.import_explanations import import_explanations
from lexplain_core.probe import load_probing_set, split
from lexplain_core.store import Store
from lexplain_core.store.appender import StoreAppender

from ..explanations import explanation, write_explanations
from ..small_folder import config_dict, make_world
from ..strangers import claim


@pytest.fixture
def file(tmp_path):
    return partial(write_explanations, tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A store by the real pipeline: a small image folder, a tiny network, the demo's two encoders."""
    folder = make_world(tmp_path_factory.mktemp("built"))
    config = config_dict(folder / "images", folder / "tiny.py", folder / "built.duckdb")
    config |= {"explainer": {"model": "demo/explainer"}, "simulator": {"model": "demo/simulator"}}
    config |= {"cache": str(folder / "cache")}
    config["explain"] |= {"methods": ["le-label", "le-siglip"], "min_top5_mean": 0.05}
    return build(parse_config(config, "of the test"))


@pytest.fixture
def real(built, tmp_path) -> Path:
    return Path(shutil.copy(built, tmp_path / "real.duckdb"))


def come_back(path: Path, file, layers: tuple[str, ...]) -> None:
    """A store's own explanations, brought in from a file, have the scores that the build gave them."""
    with Store.open(path) as store:
        own = {
            (method, layer, unit): store.unit(layer, unit).explanation(method)
            for method in store.methods()
            for layer in layers
            for unit in range(6)
        }
    compared = 0
    for method in {key[0] for key in own}:
        entries = [
            {"layer": layer, "unit": unit, "bias": e.bias, "terms": [[t.weight, t.name] for t in e.terms]}
            for (by, layer, unit), e in own.items()
            if by == method and e.terms
        ]
        done = import_explanations(file(entries), path, f"again-{method}")
        assert done.new_concepts == 0 and done.units == len(entries) > 3
        for entry in entries:
            again = explanation(path, entry["layer"], entry["unit"], f"again-{method}")
            first = own[method, entry["layer"], entry["unit"]]
            assert again.terms == first.terms
            assert {s.by for s in again.scores} == {s.by for s in first.scores}
            for score in first.scores:
                if score.measure != "correlation":
                    continue  # an import has no network at hand (docs/how-to/importing.md)
                same = again.score(by=score.by)
                # An encoder's P differs in its last digit with the number of texts asked at once.
                for name in ("value", "low", "high", "chance"):
                    assert getattr(same, name) == pytest.approx(getattr(score, name), abs=1e-4)
                assert (same.n, same.reason) == (score.n, score.reason)
                ours, theirs = dict(same.details), dict(score.details)
                assert ours.pop("null_mean", None) == pytest.approx(theirs.pop("null_mean", None), abs=1e-4)
                assert ours == theirs
                compared += score.chance is not None
    assert compared > 5


def test_a_stores_own_explanations_come_back_with_their_own_scores(real, file):
    come_back(real, file, ("conv", "last"))


def test_so_do_those_of_the_demo(demo_store, tmp_path, file):
    come_back(Path(shutil.copy(demo_store, tmp_path / "demo.duckdb")), file, ("planted", "block7"))


def test_new_words_are_seen_by_the_stores_encoders(real, file):
    with Store.open(real) as store:
        encoders = store.matrices().query("kind == 'encoder'").set_index("matrix")["roles"]
        simulator = next(name for name, roles in encoders.items() if "simulator" in roles)
    content = "layer,unit,text\nconv,0,a red circle in the snow\nconv,1,xyzzy on the moon\nconv,2,Red_Disc\n"
    done = import_explanations(file(content), real, "mine")
    assert done.new_concepts == 2 and (done.scores[simulator][0], done.scores["label"][0]) == (3, 1)
    view = load_view(real, simulator)
    with Store.open(real) as store:
        assert len(encoders) == 2
        for number, text in enumerate(["a red circle in the snow", "xyzzy on the moon"]):
            unit = store.unit("conv", number)
            found = unit.explanation("mine")
            assert found.matrix == found.simulator == simulator and found.terms[0].origin == "imported"
            test = unit.split == "test"
            expected = view.values([text])[0]
            assert unit.values(found)[0] == pytest.approx(expected, abs=1e-6)
            value = np.corrcoef(expected[test].astype(np.float64), unit.activations[test])[0, 1]
            assert found.score().value == pytest.approx(value, abs=1e-4)
            assert found.score(by="label").reason == f"“{text}” is not a label of the probing set."
            assert set(unit.matrices(found)) == set(encoders.index)
        label = store.unit("conv", 2).explanation("mine")
        assert label.terms[0].origin == "class" and label.score(by="label").value is not None
        again = store.unit("conv", 0).explanation("le-siglip")
        assert again.score().value is not None  # what was there is there


def test_embeddings_are_kept_where_this_machine_says_and_not_the_store(real, file, tmp_path, monkeypatch):
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    claim(real, cache=str(theirs))
    monkeypatch.setenv("LEXPLAIN_CACHE", str(mine))
    import_explanations(file("layer,unit,text\nconv,0,a red circle in the snow\n"), real, "one")
    assert not theirs.exists() and len(list(mine.glob("images/*"))) == 2
    named = tmp_path / "named"
    import_explanations(file("layer,unit,text\nconv,0,a green pea\n"), real, "two", cache=named)
    assert not theirs.exists() and len(list(named.glob("images/*"))) == 2


def load_view(path: Path, name: str):
    """An encoder of a store, by way of its config alone."""
    with Store.open(path) as store:
        config = parse_config(store.meta["config"], "of the store")
        row = store.matrices().set_index("matrix").loc[name]
    probing = load_probing_set(config.probe, config.seed)
    train = split(len(probing), config.seed) == "train"
    spec = config.simulator.model_copy(update={"a": row["a"], "b": row["b"]})
    return view(spec, "simulator", probing, train, "cpu")


class Recorder(Silent):
    """Notes, and the labels and totals of tasks."""

    def __init__(self):
        self.tasks, self.notes = [], []

    @contextmanager
    def task(self, label, total):
        self.tasks.append((label, total))
        yield lambda n=1: None

    def note(self, text):
        self.notes.append(text)


def test_encoders_read_the_images_once_and_embed_only_what_is_asked_for(real, file):
    watched = Recorder()
    content = "layer,unit,text\nconv,0,a red circle in the snow\nconv,1,xyzzy on the moon\n"
    import_explanations(file(content), real, "mine", progress=watched)
    labels = [label for label, _ in watched.tasks]
    assert labels.count("looking for changed images") == 1
    embedded = [total for label, total in watched.tasks if label.startswith("embedding texts")]
    assert embedded == [2, 2]  # by both encoders, and no labels to calibrate with
    assert not [note for note in watched.notes if "is not asked" in note]


def _without_folder(part: str, name: str):
    def change(path: Path) -> None:
        with StoreAppender(path) as out:
            config = json.loads(out._con.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()[0])
            config[part][name] = str(path.parent / "gone")
            out._con.execute("DELETE FROM meta WHERE key = 'config'")
            out.meta(config=config)

    return change


def _other_images(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE images SET width = width + 1 WHERE image_id = 0")


def _exchanged_images(path: Path) -> None:
    """Two images have taken each other's name: same number, same names, same sizes."""
    with duckdb.connect(str(path)) as con:
        first, second = (
            row[0]
            for row in con.execute(
                "SELECT digest FROM images WHERE image_id < 2 ORDER BY image_id"
            ).fetchall()
        )
        con.execute(
            "UPDATE images SET digest = CASE image_id WHEN 0 THEN ? ELSE ? END WHERE image_id < 2",
            [second, first],
        )


def _other_weights(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        for matrix, config in con.execute("SELECT matrix, config FROM concept_matrices").fetchall():
            changed = json.dumps(json.loads(config) | {"fingerprint": "0"})
            con.execute("UPDATE concept_matrices SET config = ? WHERE matrix = ?", [changed, matrix])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_folder("simulator", "model"), "names the encoder"),
        (_without_folder("probe", "root"), "gone"),
        (_other_images, "not those that the store was built with"),
        (_exchanged_images, "is not the one that the store was built with, nor are 1 more"),
        (_other_weights, "has other weights than when the store was built"),
    ],
    ids=["no weights", "no images", "other images", "exchanged images", "other weights"],
)
def test_an_encoder_that_cannot_be_asked_gives_its_reason_and_the_others_their_scores(
    real, file, change, words
):
    with Store.open(real) as store:
        encoders = store.matrices().query("kind == 'encoder'").set_index("matrix")["roles"]
        simulator = next(name for name, roles in encoders.items() if "simulator" in roles)
        known = store.unit("conv", 2).explanation("le-label").terms[0].name
        labels = [c.name for c in store.concepts().itertuples() if c.origin.startswith("class")]
    with duckdb.connect(str(real)) as con:  # a label that no encoder was asked about
        of_it = "concept_id = (SELECT min(concept_id) FROM concepts WHERE name = ?)"
        asked = next(name for name in labels if name != known)
        con.execute(f"DELETE FROM concept_values WHERE matrix <> 'label' AND {of_it}", [asked])
    change(real)
    watched = Recorder()
    content = f"layer,unit,text\nconv,0,xyzzy\nconv,1,{asked}\nconv,2,{known}\n"
    done = import_explanations(file(content), real, "mine", progress=watched)
    assert (done.scores["label"][0], done.scores[simulator][0]) == (2, 1)
    assert any(simulator in note and words in note for note in watched.notes)
    with Store.open(real) as store:
        new, label, old = (store.unit("conv", unit) for unit in range(3))
        for unit in (new, label):
            score = unit.explanation("mine").score(by=simulator)
            assert (score.value, score.low, score.details["null_mean"]) == (None, None, None)
            assert words in score.reason and score.reason == score.details["null_reason"]
            assert "\n" not in score.reason and score.reason[-1] in ".?"
        assert old.explanation("mine").score(by=simulator).value is not None
        for unit in (label, old):
            assert unit.explanation("mine").score(by="label").value is not None
        assert (label.explanation("mine").matrix, old.explanation("mine").matrix) == ("label", simulator)
        assert np.isfinite(label.simulated(label.explanation("mine"))).all()


def test_scores_can_be_had_once_the_encoder_is_back(real, built, file):
    text = file("layer,unit,text\nconv,0,xyzzy\n")
    _without_folder("simulator", "model")(real)
    assert explanation_score(text, real, replace=False) is None
    with Store.open(built) as store:
        config = store.meta["config"]
    with StoreAppender(real) as out:
        out._con.execute("DELETE FROM meta WHERE key = 'config'")
        out.meta(config=config)
    assert explanation_score(text, real, replace=True) is not None


def explanation_score(text: Path, store: Path, replace: bool) -> float | None:
    import_explanations(text, store, "mine", replace=replace)
    return explanation(store, "conv", 0, "mine").score().value


def test_one_text_that_an_encoder_cannot_read_spoils_no_other(real, file, monkeypatch):
    plain_texts = DualEncoder.embed_texts

    def picky(self, texts, advance=None):
        if "xyzzy" in texts:
            raise UserError("The text 'xyzzy' has tokens that nobody knows.")
        return plain_texts(self, texts, advance)

    monkeypatch.setattr(DualEncoder, "embed_texts", picky)
    content = "layer,unit,text\nconv,0,xyzzy\nconv,1,snow in summer\n"
    import_explanations(file(content), real, "mine")
    refused, fine = (explanation(real, "conv", unit, "mine").score() for unit in (0, 1))
    assert refused.reason == "The text 'xyzzy' has tokens that nobody knows." and refused.value is None
    assert fine.value is not None
