"""`import explanations`: what another method says of a store's units comes in scored, or not at all."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from lexplain_core.base.correlation import correlation
from lexplain_core.base.errors import UserError
from lexplain_core.cli import main
from lexplain_core.measures.range_shift import range_shift
from lexplain_core.pipeline.explanation_files import read_explanations
from lexplain_core.pipeline.import_explanations import import_explanations
from lexplain_core.store import MATCH, Store, StoreError
from lexplain_core.store.appender import StoreAppender

from ..conftest import ROOT
from ..explanations import explanation, write_explanations
from ..store.helpers import CONCEPTS, Made, make, write


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def written(tmp_path_factory, made) -> Path:
    """The small store: labels, and two encoders of which one simulates; concept "red" is unknown to them."""
    path = tmp_path_factory.mktemp("written") / "small.duckdb"
    write(path, made, simulators=("label", "other eye"))
    return path


@pytest.fixture
def small(written, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(written, tmp_path / "small.duckdb"))


@pytest.fixture
def labels_only(small) -> Path:
    with duckdb.connect(str(small)) as con:
        con.execute("DELETE FROM concept_values WHERE matrix <> 'label'")
        con.execute("DELETE FROM concept_matrices WHERE kind = 'encoder'")
        con.execute("DELETE FROM scores WHERE \"by\" NOT IN ('label', '')")
    return small


@pytest.fixture
def file(tmp_path):
    return partial(write_explanations, tmp_path)


def plain(q: np.ndarray, unit: int, simulated: np.ndarray, alive: list[int], test: np.ndarray):
    """Value, and null mean, high and above, one pair at a time."""
    own = np.corrcoef(q[unit, test], simulated[test])[0, 1]
    others = [np.corrcoef(q[u, test], simulated[test])[0, 1] for u in alive if u != unit]
    return own, np.mean(others), np.percentile(others, 95), sum(r >= own for r in others)


def test_explanations_come_in_with_terms_scores_and_nulls(small, made, file):
    mine = file(
        "layer,unit,concept,weight,bias\nlayer1,1,Boat ,2,0.5\nlayer1,1,crane_bird,1,\nlayer1,0,boat,-1,\n"
    )
    with duckdb.connect(str(small)) as con:  # so that each label has its own name
        con.execute("UPDATE concepts SET name = 'crane bird' WHERE key = 'class:crane_bird'")
    done = import_explanations(mine, small, "mine")
    assert (done.units, done.new_concepts, done.simulator) == (2, 0, "other eye")
    found = explanation(small, "layer1", 1)
    assert [(t.weight, t.name) for t in found.terms] == [(2.0, "boat"), (1.0, "crane bird")]
    assert (found.bias, found.matrix, found.simulator, found.reason) == (0.5, "other eye", "other eye", None)
    assert found.source.startswith("mine.csv, sha256 ") and found.config["file"] == "mine.csv"
    test = made.splits == "test"
    q = made.activations["layer1"].astype(np.float64)
    for matrix in ("label", "other eye"):
        p = made.p(matrix).astype(np.float64)
        simulated = 2 * p[0] + p[1] + 0.5
        value, mean, high, above = plain(q, 1, simulated, [0, 1, 4], test)
        score = found.score(by=matrix)
        assert (score.measure, score.split, score.n) == ("correlation", "test", test.sum())
        assert (score.value, score.details["null_mean"], score.chance) == pytest.approx(
            (value, mean, high), abs=1e-5
        )
        assert score.details == {
            "null_units": 2,
            "null_mean": score.details["null_mean"],
            "null_above": above,
            "null_reason": None,
        }
        assert score.reason is None
        wider = correlation(q[1, test], simulated[test], interval="wider")
        assert (score.low, score.high) == pytest.approx((wider.low, wider.high), abs=1e-9)
    with Store.open(small) as store:
        assert store.methods() == ["le-label", "mine"]
        assert store.unit_table("layer1", "mine")["explanation"][1] == "2·boat + 1·crane bird + 0.5"
        assert store.unit("layer1", 1).explanation("le-label").score(by="label") is not None


def test_two_faces_of_what_comes_in(small, made, file):
    text = "layer1,0,boat,1\nlayer1,0,red,2\nlayer1,1,boat,1\nlayer1,1,a warm feeling,1\nlayer1,3,boat,1\nlayer1,4,boat,1\n"
    import_explanations(file("layer,unit,concept,weight\n" + text), small, "mine")
    found = {unit: explanation(small, "layer1", unit) for unit in (0, 1, 3, 4)}
    assert found[0].matrix == "label"  # the encoders have no red
    with Store.open(small) as store:
        unit = store.unit("layer1", 0)
        expected = range_shift(unit.activations, unit.values(found[0]) >= MATCH, [1, 2])
    shifts = {unit: one.score("range_shift") for unit, one in found.items()}
    assert (shifts[0].value, shifts[0].reason) == expected
    assert shifts[1].value is None and "No concept matrix" in shifts[1].reason
    assert shifts[3].value is None and shifts[3].reason.endswith("It is constant.")
    assert shifts[4].value is None and "No activation is above 0" in shifts[4].reason


def test_what_is_no_label_has_no_score_by_labels_and_says_why(labels_only, file):
    done = import_explanations(
        file("layer,unit,text\nlayer1,0,a warm feeling\nlayer1,1,boat\n"), labels_only, "m"
    )
    assert done.scores["label"][0] == 1 and done.new_concepts == 1
    found = explanation(labels_only, "layer1", 0, "m")
    assert found.text == "1·a warm feeling"
    (score,) = [score for score in found.scores if score.measure == "correlation"]
    assert (score.value, score.low, score.details["null_mean"], score.details["null_above"]) == (
        None,
        None,
        None,
        None,
    )
    assert (
        score.reason == score.details["null_reason"] == "“a warm feeling” is not a label of the probing set."
    )
    assert found.terms[0].origin == "imported"
    assert explanation(labels_only, "layer1", 1, "m").score().value is not None
    with Store.open(labels_only) as store, pytest.raises(StoreError, match="no values of 'a warm feeling'"):
        store.unit("layer1", 0).simulated(store.unit("layer1", 0).explanation("m"))


def test_a_text_that_several_labels_share_means_any_of_them(labels_only, made, file):
    text = file("layer,unit,text\nlayer1,0,Crane\nlayer1,1,dog\n")
    assert import_explanations(text, labels_only, "m").new_concepts == 2
    with Store.open(labels_only) as store:
        unit = store.unit("layer1", 0)
        found = unit.explanation("m")
        assert found.terms[0].name == "Crane"
        cranes = [i for i, (_, name, _) in enumerate(CONCEPTS) if name == "crane"]
        assert unit.values(found)[0].tolist() == made.values[cranes].max(axis=0).tolist()
    # The next import takes the concept that is there now.
    assert import_explanations(text, labels_only, "other").new_concepts == 0
    same = explanation(labels_only, "layer1", 0, "m"), explanation(labels_only, "layer1", 0, "other")
    assert same[0].terms == same[1].terms and same[0].scores == same[1].scores


def test_dead_and_constant_units_keep_their_words_and_have_no_score(small, file):
    done = import_explanations(
        file("layer,unit,text\nlayer1,2,boat\nlayer1,3,boat\nlayer1,4,boat\n"), small, "m"
    )
    assert [n for n, _ in done.scores.values()] == [1, 1]
    for unit, word in ((2, "dead"), (3, "constant")):
        found = explanation(small, "layer1", unit, "m")
        assert "boat" in found.text
        assert {s.reason for s in found.scores if s.measure in ("correlation", "range_shift")} == {
            f"It is {word}."
        } and found.score().value is None


def test_a_prediction_that_is_the_same_everywhere_has_no_score(small, file):
    import_explanations(file([{"layer": "layer1", "unit": 0, "terms": [[0, "boat"]], "bias": 3}]), small, "m")
    score = explanation(small, "layer1", 0, "m").score()
    assert score.value is None and score.reason.startswith("The explanation predicts the same")


def test_a_small_layer_has_no_null(small, file):
    import_explanations(file("layer,unit,text\nplanted,0,boat\n"), small, "m")
    score = explanation(small, "planted", 0, "m").score(by="label")
    assert (
        score.value > 0.99
        and score.details["null_mean"] is None
        and "only 1 other unit" in score.details["null_reason"]
    )


WRONG = [
    ("layer,unit,text\nlayer2,0,boat\n", "mine", ["row 2", "layer 'layer2'", "has layer1, planted", "'layer1'"]),
    ("layer,unit,text\nlayer1,0,boat\nlayer1,5,boat\n", "mine", ["row 3", "unit 5 of 'layer1'", "0 to 4"]),
    ("layer,unit,text\nlayer1,0,\n", "mine", ["mine.csv", "row 2 has no text"]),
    ("layer,unit,text\nlayer1,0,boat\n", "le-label", ["'le-label' is lexplain's own"]),
    ("layer,unit,text\nlayer1,0,boat\n", "LE-SigLIP", ["'LE-SigLIP' is lexplain's own"]),
    ("layer,unit,text\nlayer1,0,boat\n", "a method", ["'a method' is not a name"]),
    ("layer,unit,text\nlayer1,0,boat\n", "", ["'' is not a name"]),
    ("layer,unit,text\nlayer1,0,boat\n", "a-second", ["has a method 'a-second' already", "--replace"]),
    ("layer,unit,text\nlayer1,0,boat\n", "A-Second", ["has a method 'a-second'", "quite another"]),
    ("layer,unit,text\nlayer1,0,boat\n", "built", ["The store's build made the method 'built'"]),
    ("layer,unit,concept,weight\nlayer1,0,boat,1e308\n", "mine", ["row 2", "weight '1e308'", "too large"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "method", "words"), WRONG)
def test_what_is_wrong_is_one_sentence_and_the_store_stays(tmp_path, made, file, content, method, words):
    store = tmp_path / "small.duckdb"
    write(store, made, second=True)
    with duckdb.connect(str(store)) as con:
        con.execute("INSERT INTO method_configs VALUES ('bui17', 'built', '{}', 'label', NULL)")
    path = file(content)
    before, names = store.read_bytes(), sorted(os.listdir(tmp_path))
    with pytest.raises(UserError) as caught:
        import_explanations(path, store, method)
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?"
    for word in words:
        assert word in message
    assert store.read_bytes() == before and sorted(os.listdir(tmp_path)) == names


def test_an_import_is_replaced_only_on_demand(labels_only, file):
    first = file("layer,unit,text\nlayer1,0,a warm feeling\nlayer1,1,boat\n")
    second = file("layer,unit,text\nlayer1,1,a cold feeling\n", "second.csv")
    import_explanations(first, labels_only, "mine")
    with pytest.raises(UserError, match="--replace"):
        import_explanations(second, labels_only, "mine")
    for path in (second, first, first):  # the same file again, too
        import_explanations(path, labels_only, "mine", replace=True)
    with Store.open(labels_only) as store:
        assert store.unit("layer1", 1).explanation("mine").terms[0].name == "boat"
        assert "a warm feeling" in set(store.concepts()["name"])
        assert "a cold feeling" not in set(store.concepts()["name"])  # nobody says it any more
    import_explanations(second, labels_only, "mine", replace=True)
    with Store.open(labels_only) as store:
        assert [e.method for e in store.unit("layer1", 0).explanations] == ["le-label"]
    with duckdb.connect(str(labels_only), read_only=True) as con:
        of_mine = "explanation_id IN (SELECT explanation_id FROM explanations WHERE method = 'mine')"
        kinds = con.execute("SELECT count(*) FROM measures WHERE \"of\" = 'explanation'").fetchone()[0]
        one_each = {"terms": 1, "scores": kinds}
        for table in ("terms", "scores"):
            assert con.execute(f"SELECT count(*) FROM {table} WHERE {of_mine}").fetchone() == (
                one_each[table],
            )
            orphans = f"SELECT count(*) FROM {table} WHERE explanation_id NOT IN (SELECT explanation_id FROM explanations)"
            assert con.execute(orphans).fetchone() == (0,)


def test_a_label_that_an_import_uses_stays_when_it_goes(labels_only, file):
    boats = file("layer,unit,text\nlayer1,0,boat\n")
    import_explanations(boats, labels_only, "mine")
    import_explanations(file("layer,unit,text\nlayer1,0,sea\n", "s.csv"), labels_only, "mine", replace=True)
    with Store.open(labels_only) as store:
        assert "boat" in set(store.concepts()["name"])
        assert store.unit("layer1", 1).explanation("le-label").score().value is not None


def test_a_reader_keeps_what_it_opened_and_a_link_stays_a_link(small, tmp_path, file):
    (tmp_path / "link.duckdb").symlink_to(small)
    with Store.open(small) as before:
        import_explanations(file("layer,unit,text\nlayer1,0,boat\n"), tmp_path / "link.duckdb", "mine")
        assert before.methods() == ["le-label"]
    assert (tmp_path / "link.duckdb").is_symlink()
    with Store.open(small) as after:
        assert after.methods() == ["le-label", "mine"]


def test_a_store_that_someone_else_changed_meanwhile_is_not_overwritten(small, made, tmp_path):
    with pytest.raises(StoreError, match="meanwhile"), StoreAppender(small) as out:
        out.meta(name="mine")
        write(small, made, name="theirs")
    with Store.open(small) as store:
        assert store.name == "theirs"
    assert [p.name for p in tmp_path.iterdir()] == ["small.duckdb"]


def test_an_error_leaves_the_store_as_it_was(small, tmp_path):
    before = small.read_bytes()
    with pytest.raises(RuntimeError), StoreAppender(small) as out:
        out.meta(name="half")
        raise RuntimeError
    assert small.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["small.duckdb"]


@pytest.mark.parametrize("name", ["none.duckdb", "text.duckdb"])
def test_what_is_no_store_is_said(tmp_path, file, name):
    (tmp_path / "text.duckdb").write_text("just notes")
    with pytest.raises(StoreError, match=name):
        import_explanations(file("layer,unit,text\nlayer1,0,boat\n"), tmp_path / name, "mine")


# -- command line ----------------------------------------------------------------------------


def test_the_command_says_what_it_did(small, file, monkeypatch, capsys):
    mine = file("layer,unit,text\nlayer1,0,boat\nlayer1,2,boat\n")

    def run(*more: str) -> tuple[int, str, str]:
        arguments = ["lexplain_core", "import", "explanations", str(mine), str(small), *more]
        monkeypatch.setattr(sys, "argv", arguments)
        monkeypatch.setattr(main, "out", main.Console(width=200))
        with pytest.raises(SystemExit) as left:
            main.main()
        return left.value.code or 0, *capsys.readouterr()

    code, out, _ = run("--method", "mine")
    assert code == 0 and "mine: 2 units explained, 0 new concepts" in out
    assert "by other eye: 1 of 2 units have a score, mean correlation " in out and "by label: 1 of 2" in out
    code, out, err = run("--method", "mine")
    assert code == 2 and out == "" and "Error: The store has a method 'mine' already" in err
    assert run("--method", "mine", "--replace")[0] == 0
    code, _, err = run()
    assert code == 2 and "--method" in err


def test_the_commands_help_reads_well():
    arguments = ["import", "explanations", "--help"]
    shown = CliRunner().invoke(main.app, arguments, env={"COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"})
    assert shown.exit_code == 0 and "None" not in shown.output
    for words in ("FILE", "STORE", "--method", "NAME", "--replace", "docs/how-to/importing.md"):
        assert words in shown.output


def test_the_examples_of_the_docs_are_read(tmp_path):
    text = (ROOT / "docs/how-to/importing.md").read_text("utf-8")
    blocks = re.findall(r"```(csv|json)\n(.*?)```", text, re.S)
    assert [kind for kind, _ in blocks] == ["csv", "csv", "json"]
    found = []
    for number, (kind, block) in enumerate(blocks):
        (tmp_path / f"{number}.{kind}").write_text(block, "utf-8")
        found.append(read_explanations(tmp_path / f"{number}.{kind}"))
    assert found[1][0].terms == found[2][0].terms == ((2.1, "red"), (-0.7, "snow"))
    assert [len(f) for f in found] == [2, 2, 3]


def test_values_of_a_concept_are_read_once_for_many_units(small, file, monkeypatch):
    asked = []
    values = StoreAppender.values

    def noted(self, matrix, concept):
        asked.append((matrix, concept))
        return values(self, matrix, concept)

    monkeypatch.setattr(StoreAppender, "values", noted)
    text = "layer1,0,boat,1\nlayer1,0,red,2\nlayer1,1,boat,1\nlayer1,1,red,3\n"
    import_explanations(file("layer,unit,concept,weight\n" + text), small, "mine")
    few = len(asked)
    asked.clear()
    monkeypatch.setattr("lexplain_core.pipeline.import_explanations._MATCH_BYTES", 1)  # room for one
    import_explanations(file("layer,unit,concept,weight\n" + text), small, "other")
    assert len(asked) == few + 2
