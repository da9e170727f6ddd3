"""What a build found is in the store: concepts, values, scores and nulls, each by its definition."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pytest

from lexplain_core.base import memory
from lexplain_core.base.correlation import Correlation
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, ConceptMatrix, EncoderView
from lexplain_core.concepts.simulators import EncoderSimulator, LabelSimulator
from lexplain_core.config import Build, apply_overrides, parse_config
from lexplain_core.explain import ConfiguredMethod, Explanation
from lexplain_core.measures import ablation, correlation
from lexplain_core.measures.base import absent
from lexplain_core.measures.correlation import Scored
from lexplain_core.measures.null import Null
from lexplain_core.model import RecordingRun, load_target
from lexplain_core.pipeline import persist
from lexplain_core.pipeline.persist import (
    MethodResults,
    _write_concepts,
    _write_explanations,
    main_simulator,
)
from lexplain_core.pipeline.persist_meta import store_id, write_meta
from lexplain_core.pipeline.stage import Desk
from lexplain_core.pipeline.stages.concepts import Choice, Vocabulary
from lexplain_core.pipeline.stages.recording import Layer, Outputs
from lexplain_core.probe import load_probing_set
from lexplain_core.store import StoreWriter
from lexplain_core.store.rows import score_row, table

from ..conftest import ROOT
from ..small_folder import config_dict, make_world

N = 40
LABELS = (
    Concept("class:dog", "dog", "class"),
    Concept("class:cat", "cat", "class"),
    Concept("superclass:cat", "Cat", "superclass"),  # a second label of that text
    Concept("colour:blue", "blue", "colour"),
)
SET = (
    Concept("class:dog", "dog", "class, noun"),
    Concept("noun:sky", "sky", "noun"),
    Concept("noun:car", "car", "noun"),  # dropped by the filter
    Concept("mine:CAT", "CAT", "mine"),
    Concept("noun:tree", "tree", "noun"),  # kept, and used by nobody
)
KEPT = np.array([True, True, False, True, True])


def make_view(name: str, role: str, seed: int) -> EncoderView:
    """A real view whose texts are embedded already."""
    rng = np.random.default_rng(seed)

    def unit(rows: int) -> np.ndarray:
        vectors = rng.normal(size=(rows, 6)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    names = list(dict.fromkeys(c.name for c in (*LABELS, *SET)))
    config = {"fingerprint": name, "calibration": {"source": "calibrated", "loss": 0.1 * seed}}
    texts = dict(zip(names, unit(len(names)), strict=True))
    encoder = SimpleNamespace(fingerprint=f"print of {name}", device="cpu")
    return EncoderView(name, role, encoder, unit(N), 3.0 + seed, -0.5, config, _texts=texts)


@dataclass
class Results:
    """What the stages of a small build made."""

    config: Build
    layers: list[Layer]
    vocabulary: Vocabulary
    methods: list[MethodResults]


def make_results(concepts: tuple[Concept, ...] = ()) -> Results:
    """concepts: the build's set."""
    rng = np.random.default_rng(0)
    values = (rng.random((len(LABELS), N)) < 0.4).astype(np.float32)
    explainer, simulator = make_view("eye", "explainer", 1), make_view("other", "simulator", 2)
    matrix = explainer.matrix(SET)
    matrix.values[1] += np.float32(1e-3)  # so that its rows can be told from those made afresh
    overrides = {"explain.methods": ["le-label", "le-siglip"]}
    config = apply_overrides(
        config_dict(Path("."), Path("x.py"), Path("x.duckdb")),
        [f"{k}={json.dumps(v)}" for k, v in overrides.items()],
    )
    config = parse_config(config, "test")
    labels = ConceptMatrix("label", LABELS, values, {"source": "labels"})
    vocabulary = Vocabulary(
        concepts,
        {"explainer": explainer, "simulator": simulator},
        {"label": labels, "eye": matrix},
        (LabelSimulator(labels), EncoderSimulator(simulator)),
    )
    dead = Explanation(reason="It is dead.")
    found = {
        "le-label": {0: Explanation((0, 3), (2.0, -1.0), 0.5, 0.75, kkt_violation=1e-9), 1: dead},
        "le-siglip": {0: Explanation((3, 1), (1.5, 0.25), 0.1, 0.5, kkt_violation=2e-9), 1: dead},
    }
    null = Null(7, 0.01, 0.2, 1)
    nothing = "“sky” is not a label of the probing set."
    scored = {
        "le-label": {"label": Scored(Correlation(12, 0.6, 0.5, 0.7), null),
                     "other": Scored(Correlation(12, 0.4, 0.3, 0.5), null)},
        "le-siglip": {"label": Scored(Correlation(12, reason=nothing), Null(0, reason=nothing)),
                      "other": Scored(Correlation(12, 0.3, 0.2, 0.4), Null(1, reason="Only 1."))},
    }  # fmt: skip
    choices = {
        "le-label": Choice(labels, np.array([True, True, False, True]), {}),
        "le-siglip": Choice(matrix, KEPT, {}),
    }

    def rows(scored: dict[str, Scored]):
        missing, places = {1: dead.reason}, [Counter(), Counter()]
        for by, one in scored.items():
            for unit, score in [
                (0, one.score(by)), *absent(correlation.NAME, by, 12, missing),
                *absent(ablation.NAMES["norm"], by, 12, missing),
            ]:  # fmt: skip
                yield score_row(score, 0, unit, place=places[unit][score.measure])
                places[unit][score.measure] += 1

    methods_found = [
        MethodResults(
            ConfiguredMethod(name, config.explain),
            choices[name],
            {0: found[name]},
            scores=table("scores", rows(scored[name])),
        )
        for name in ("le-label", "le-siglip")
    ]
    layer = Layer(0, None, None)
    return Results(config, [layer], vocabulary, methods_found)


@pytest.fixture(scope="module")
def work() -> Results:
    return make_results()


@pytest.fixture(scope="module")
def con(work, tmp_path_factory):
    path = tmp_path_factory.mktemp("persist") / "s.duckdb"
    with StoreWriter(path) as store:
        ids = _write_concepts(Silent(), work.config, work.vocabulary, work.methods, store)
        _write_explanations(work.layers, work.methods, work.vocabulary, ids, 0, store)
    with duckdb.connect(str(path), read_only=True) as con:
        yield con


def values(con, matrix: str) -> dict[str, np.ndarray]:
    """key -> P of the concepts that a matrix has."""
    rows = con.execute(
        "SELECT c.key, v.image_id, v.value FROM concept_values v JOIN concepts c USING (concept_id) "
        "WHERE v.matrix = ?",
        [matrix],
    ).fetchall()
    found: dict[str, np.ndarray] = {}
    for key, image, value in rows:
        found.setdefault(key, np.zeros(N, np.float32))[image] = value
    return found


def test_concepts_are_labels_and_what_passed_the_filter(con):
    rows = con.execute("SELECT key, name, origin FROM concepts ORDER BY concept_id").fetchall()
    assert rows == [
        ("class:dog", "dog", "class, noun"), ("class:cat", "cat", "class"), ("superclass:cat", "Cat", "superclass"),
        ("colour:blue", "blue", "colour"), ("noun:sky", "sky", "noun"), ("mine:CAT", "CAT", "mine"),
        ("noun:tree", "tree", "noun"),
    ]  # fmt: skip


def test_the_explainers_values_are_the_very_rows_that_were_explained_with(con, work):
    found = values(con, "eye")
    assert set(found) == {"class:dog", "colour:blue", "noun:sky", "mine:CAT"}  # those that are used
    matrix = work.vocabulary.matrices["eye"]
    for row, concept in enumerate(SET):
        if concept.key in found:
            np.testing.assert_array_equal(found[concept.key], matrix.values[row])
    assert np.abs(found["noun:sky"] - work.vocabulary.views["explainer"].values(["sky"])[0]).min() > 5e-4
    np.testing.assert_allclose(
        found["colour:blue"], work.vocabulary.views["explainer"].values(["blue"])[0], rtol=1e-5
    )


def test_the_simulator_sees_every_concept_in_use(con, work):
    found = values(con, "other")
    names = {"class:dog": "dog", "colour:blue": "blue", "noun:sky": "sky", "mine:CAT": "CAT"}
    assert set(found) == set(names)
    for key, name in names.items():
        np.testing.assert_allclose(
            found[key], work.vocabulary.views["simulator"].values([name])[0], rtol=1e-5
        )


def test_the_label_matrix_has_all_labels_and_what_is_a_label_by_its_text(con, work):
    found, labels = values(con, "label"), work.vocabulary.matrices["label"].values
    assert set(found) == {c.key for c in LABELS} | {"mine:CAT"}
    for row, concept in enumerate(LABELS):
        np.testing.assert_array_equal(found[concept.key], labels[row])
    np.testing.assert_array_equal(found["mine:CAT"], np.maximum(labels[1], labels[2]))


def test_a_matrix_is_sorted_by_concept_and_image(con):
    for matrix in ("label", "eye", "other"):
        query = "SELECT concept_id, image_id FROM concept_values WHERE matrix = ? ORDER BY rowid"
        rows = con.execute(query, [matrix]).fetchall()
        assert rows == sorted(rows) and len(rows) == len(set(rows))


def test_facts_about_the_matrices(con):
    rows = con.execute(
        "SELECT matrix, kind, roles, a, b, loss, kept, dropped, filter FROM concept_matrices ORDER BY matrix"
    ).fetchall()
    (eye, label, other) = ([*row[:8], json.loads(row[8]) if row[8] else None] for row in rows)
    assert eye == ["eye", "encoder", ["explainer"], 4.0, -0.5, 0.1, 4, 1,
                   {"class": [1, 0], "noun": [3, 1], "mine": [1, 0]}]  # fmt: skip
    assert label == ["label", "label", ["explainer", "simulator"], None, None, None, 3, 1,
                     {"class": [2, 0], "superclass": [0, 1], "colour": [1, 0]}]  # fmt: skip
    assert other == ["other", "encoder", ["simulator"], 5.0, -0.5, 0.2, None, None, None]


def test_explanations_point_at_their_concepts(con):
    rows = con.execute(
        "SELECT e.method, e.matrix, e.bias, e.kkt_violation, list(c.key ORDER BY t.rank), list(t.weight ORDER BY t.rank) "
        "FROM explanations e JOIN terms t USING (explanation_id) JOIN concepts c USING (concept_id) "
        "GROUP BY ALL ORDER BY e.method"
    ).fetchall()
    assert rows == [
        ("le-label", "label", 0.5, 1e-9, ["class:dog", "colour:blue"], [2.0, -1.0]),
        ("le-siglip", "eye", 0.1, 2e-9, ["mine:CAT", "noun:sky"], [1.5, 0.25]),
    ]
    rows = con.execute(
        "SELECT method, unit, reason, length FROM explanations WHERE reason IS NOT NULL"
    ).fetchall()
    assert sorted(rows) == [(m, 1, "It is dead.", 0) for m in ("le-label", "le-siglip")]


def test_scores_nulls_and_reasons(con):
    columns = (
        "e.method, s.by, s.n, s.value, s.low, s.high, s.reason, (s.details->>'null_units')::INT, "
        "(s.details->>'null_mean')::DOUBLE, s.chance, (s.details->>'null_above')::INT, s.details->>'null_reason'"
    )
    query = f"SELECT {columns} FROM scores s JOIN explanations e USING (explanation_id) WHERE e.unit = ? "
    rows = con.execute(query + "AND s.measure = 'correlation' ORDER BY ALL", [0]).fetchall()
    nothing = "“sky” is not a label of the probing set."
    assert rows == [
        ("le-label", "label", 12, 0.6, 0.5, 0.7, None, 7, 0.01, 0.2, 1, None),
        ("le-label", "other", 12, 0.4, 0.3, 0.5, None, 7, 0.01, 0.2, 1, None),
        ("le-siglip", "label", 12, None, None, None, nothing, 0, None, None, None, nothing),
        ("le-siglip", "other", 12, 0.3, 0.2, 0.4, None, 1, None, None, None, "Only 1."),
    ]
    # Nothing was ablated here; what has no explanation has a reason in place of each score.
    why = "There is no explanation to score: It is dead."
    rows = con.execute(
        "SELECT e.unit, e.method, s.by, s.measure, s.split, s.n, s.value, s.low, s.high, s.reason, s.chance, "
        "s.details, s.place, s.layer_id, s.unit, s.sampled FROM scores s JOIN explanations e USING (explanation_id) "
        "WHERE e.unit = 1 OR s.measure <> 'correlation' ORDER BY ALL"
    ).fetchall()
    assert rows == [
        (1, method, simulator, kind, "test", 12, None, None, None, why, None, None, place, 0, 1, False)
        for method, places in (("le-label", (0, 1)), ("le-siglip", (1, 0)))
        for place, simulator in zip(places, ("label", "other"), strict=True)
        for kind in ("ablation", "correlation")
    ]


def test_the_main_simulator_and_what_the_method_depends_on(con, work):
    rows = {
        m: (s, json.loads(c))
        for m, s, c in con.execute("SELECT method, simulator, config FROM method_configs").fetchall()
    }
    assert (rows["le-label"][0], rows["le-siglip"][0]) == ("label", "other")
    assert rows["le-siglip"][1]["encoder"] == "print of eye" and rows["le-siglip"][1]["matrix"] == "eye"
    assert "encoder" not in rows["le-label"][1]


def test_the_other_simulator_where_the_main_one_was_not_run(work):
    def main(vocabulary: Vocabulary) -> list[str]:
        return [main_simulator(method, vocabulary) for method in work.methods]

    label, encoder = work.vocabulary.simulators
    assert main(replace(work.vocabulary, simulators=(encoder,))) == ["other", "other"]
    assert main(replace(work.vocabulary, views={}, simulators=(label,))) == ["label", "label"]


def test_store_ids_know_encoders_by_what_they_are(tmp_path):
    make_world(tmp_path)
    base = config_dict(tmp_path / "images", tmp_path / "tiny.py", tmp_path / "x.duckdb")
    base["explain"]["methods"] = ["le-label", "le-siglip"]
    plain = parse_config(base, "test")
    probing, model = load_probing_set(plain.probe, 0, Silent()), load_target(plain.target)

    def identity(*overrides: str, prints=("a", "b"), concepts=(["k", "n"],)) -> str:
        encoders = {
            "encoders": dict(zip(("explainer", "simulator"), prints, strict=True)),
            "concepts": list(concepts),
        }
        return store_id(
            parse_config(apply_overrides(base, list(overrides)), "test"), probing, model, encoders
        )

    same = identity("explainer.model=/here/one", "explainer.pretrained=/here/w.pt")
    for override in ("cache=/elsewhere", "explainer.model=/there/one", "simulator.model=x", "explainer.batch_size=3",
                     "explainer.tokenizer=/there", 'concepts.sets=["labels", "/there/mine.txt"]'):  # fmt: skip
        assert identity(override) == same, override
    others = [
        identity(prints=("a", "c")), identity(prints=("c", "b")), identity(concepts=(["k", "m"],)),
        identity(concepts=()), identity("explainer.a=3", "explainer.b=0"), identity("simulate.labels=false"),
        identity("explain.signed=true"),
    ]  # fmt: skip
    assert len({same, *others}) == len(others) + 1


def test_labels_by_another_key_are_written_in_batches_by_one_simulator(tmp_path, monkeypatch):
    made, written = [], []

    class Counted(LabelSimulator):
        def __init__(self, matrix):
            made.append(matrix)
            super().__init__(matrix)

    class Watched(StoreWriter):
        def concept_values(self, matrix, concept_ids, values):
            written.append((matrix, list(concept_ids)))
            super().concept_values(matrix, concept_ids, values)

    monkeypatch.setattr(persist, "LabelSimulator", Counted)
    monkeypatch.setattr(memory, "BLOCK", 4 * N)
    rng = np.random.default_rng(0)
    labels = [Concept(f"class:{i}", f"thing {i}", "class") for i in range(9)]
    used = [Concept(f"noun:{i}", f"Thing_{i}", "noun") for i in range(9)]
    used.insert(2, Concept("noun:sky", "sky", "noun"))
    used.insert(0, labels[3])
    ids = {concept.key: number for number, concept in enumerate((*labels, *used[1:]))}
    values_of = (rng.random((9, N)) < 0.3).astype(np.float32)
    with Watched(tmp_path / "s.duckdb") as store:
        persist._write_labels_of(ConceptMatrix("label", tuple(labels), values_of, {}), used, ids, store)
        rows = store._con.execute("SELECT DISTINCT concept_id FROM concept_values ORDER BY 1").fetchall()
        assert [row[0] for row in rows] == [ids[f"noun:{i}"] for i in range(9)]
        for i in range(9):
            query = "SELECT image_id FROM concept_values WHERE value = 1 AND concept_id = ? ORDER BY 1"
            found = [row[0] for row in store._con.execute(query, [ids[f"noun:{i}"]]).fetchall()]
            assert found == np.flatnonzero(values_of[i]).tolist()
    assert len(made) == 1 and [len(some) for _, some in written] == [3, 4, 2]


def test_versions_are_kept_of_all_that_computes_or_reads(tmp_path):
    make_world(tmp_path)
    config = parse_config(
        config_dict(tmp_path / "images", tmp_path / "tiny.py", tmp_path / "x.duckdb"), "test"
    )
    probing, model = load_probing_set(config.probe, 0, Silent()), load_target(config.target)
    run = RecordingRun([], None, 3, "cpu", 1.0)
    outputs = Outputs(None, [None] * len(probing.classes), np.zeros(len(probing), int), "No output.")
    desk = Desk(Silent(), tmp_path)
    with StoreWriter(tmp_path / "s.duckdb") as store:
        write_meta(
            desk,
            config,
            "make it",
            probing,
            model,
            run,
            outputs,
            make_results().vocabulary,
            False,
            None,
            store,
        )
    with duckdb.connect(str(tmp_path / "s.duckdb"), read_only=True) as con:
        (text,) = con.execute("SELECT value FROM meta WHERE key = 'versions'").fetchone()
    pinned = dict(
        line.split("==") for line in (ROOT / "requirements.txt").read_text("utf-8").split() if "==" in line
    )
    versions = json.loads(text)
    for name in ("torch", "open_clip_torch", "timm", "transformers", "sentencepiece", "safetensors"):
        assert name in pinned and versions[name] == metadata.version(name)
