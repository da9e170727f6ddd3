"""What people add to a store: explanations made by hand among its own, and images that are shown no more."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

from lexplain_core.notes import Notes, take_in
from lexplain_core.store import Made, Score, Store


@pytest.fixture
def store(demo_store, tmp_path):
    """A copy of the demo store, with no notes beside it."""
    with Store.open(shutil.copy(demo_store, tmp_path / "copy.duckdb")) as opened:
        yield opened


def made(method="mine", **changes) -> Made:
    scores = (
        Score("label", "correlation", "test", 400, 0.5, 0.4, 0.6, None),
        Score("demo/simulator", "correlation", "test", 400, None, None, None, "It is constant."),
    )
    facts = {
        "layer": "block7",
        "unit": 3,
        "method": method,
        "terms": ((1.5, "class:dog"), (-0.5, "class:cat")),
        "bias": 0.1,
        "matrix": "label",
        "simulator": "label",
        "val_correlation": 0.55,
        "scores": scores,
        "config": {"way": "refit", "from": "le-label"},
        "made": "2026-11-20T10:00:00+00:00",
    }
    return Made(**facts | changes)


def test_a_made_explanation_stands_beside_the_stores_own(store):
    own, before = store.methods(), store.unit_table(method="le-label")
    # "aaa" would come first by name; machine methods stay first, and the default one
    assert store.take_in([made("aaa")], []) == []
    assert store.methods() == [*own, "aaa"] and store.default_method == "le-label"
    assert store.by_hand == {"aaa"}
    unit = store.unit("block7", 3)
    assert {e.method for e in unit.explanations} == {*own, "aaa"}
    one = unit.explanation("aaa")
    assert [(t.weight, t.name) for t in one.terms] == [(1.5, "dog"), (-0.5, "cat")]
    assert (one.bias, one.matrix, one.simulator, one.val_correlation) == (0.1, "label", "label", 0.55)
    assert one.source is None and one.reason is None
    assert one.config == {
        "by": "hand",
        "made": "2026-11-20T10:00:00+00:00",
        "way": "refit",
        "from": "le-label",
    }
    assert one.score() == made().scores[0]
    assert one.score(simulator="demo/simulator") == made().scores[1]
    assert one.score("ablation-norm").reason == "Explanations made by hand get no ablation scores."
    # it counts as a method: in tables, in the search, in what the store says of itself
    row = store.unit_table(method="aaa").set_index(["layer", "unit"]).loc[("block7", 3)]
    assert row["explanation"] == "1.5·dog − 0.5·cat + 0.1" and row["score"] == 0.5 and row["length"] == 2
    facts = next(e for e in store.info()["explanations"] if e["method"] == "aaa")
    assert facts["explained"] == 1 and facts["mean_correlation"] == 0.5
    assert store.unit_table(method="le-label").equals(before)


def test_it_is_simulated_and_drawn_like_any_other(store):
    store.take_in([made()], [])
    unit = store.unit("block7", 3)
    one = unit.explanation("mine")
    dog, cat = unit.values(one)
    assert np.allclose(unit.simulated(one), 1.5 * dog - 0.5 * cat + 0.1, atol=1e-6)
    shares = unit.composition(one)
    assert shares.groupby("bucket")["count"].sum().tolist() == unit.buckets.counts.tolist()


def test_what_was_taken_in_is_replaced(store):
    store.take_in([made("one"), made("two")], [])
    ids = {e.id for e in store.unit("block7", 3).explanations}
    store.take_in([made("two", bias=0.2)], [])
    assert store.by_hand == {"two"}
    assert store.unit("block7", 3).explanation("two").bias == 0.2
    assert not {store.unit("block7", 3).explanation("two").id} & ids  # whoever kept it by id sees the change
    store.take_in([], [])
    assert store.by_hand == frozenset() and "two" not in store.methods()
    for number in range(6):
        store.take_in([made(bias=number)], [])
    left = store._all("SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'made_%'")
    assert len(left) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer": "nope"}, "no layer 'nope'"),
        ({"unit": 10_000}, "no unit 10000"),
        ({"method": "le-label"}, "a method of the store has that name"),
        ({"matrix": "nope"}, "no concept matrix 'nope'"),
        ({"terms": ((1.0, "class:dog"), (1.0, "nope"))}, "no concept 'nope'"),
        ({"terms": ()}, "no concepts"),
    ],
)
def test_what_the_store_cannot_hold_is_left_out_in_a_sentence(store, changes, words):
    problems = store.take_in([made(**changes), made("good")], [])
    assert len(problems) == 1 and words in problems[0] and problems[0].endswith(".")
    assert store.by_hand == {"good"}


def test_hidden_images_are_shown_nowhere_and_counted_everywhere(store):
    unit = store.unit("block7", 3)
    counts, top = unit.buckets.counts.tolist(), unit.top(9)
    one = unit.explanation("le-label")
    more, less = unit.residuals(one)
    keys = [*top["key"][:3], more["key"].iloc[0], less["key"].iloc[0], "no such image"]
    assert store.take_in([], keys) == []
    assert len(store.hidden) == len({*keys}) - 1
    unit = store.unit("block7", 3)
    assert unit.buckets.counts.tolist() == counts and len(unit.activations) == 2000
    assert unit.top(6)["key"].tolist() == [k for k in top["key"] if k not in keys][:6]
    shown = [
        unit.bottom(9),
        *unit.residuals(one),
        *(unit.examples(b, top=t) for b in range(8) for t in (0, 1)),
    ]
    assert not {k for frame in shown for k in frame["key"]} & {*keys}
    store.take_in([], [])
    assert store.unit("block7", 3).top(9)["key"].tolist() == top["key"].tolist()


def test_notes_are_taken_in_when_they_change_and_only_then(store):
    notes = Notes.of(store)
    assert take_in(store) == ("", ())
    notes.keep(made())
    notes.keep(made("le-siglip"))
    version, problems = take_in(store)
    assert version == notes.version() and store.by_hand == {"mine"}
    assert len(problems) == 1 and "a method of the store has that name" in problems[0]
    laid = list(store._laid)
    notes.star("A", "block7", 3)
    assert take_in(store) == (version, problems) and store._laid == laid
    notes.hide(store.images([0])["key"][0])
    assert take_in(store)[0] != version and store.hidden == {0} and store.by_hand == {"mine"}
    notes.path.unlink()
    assert take_in(store) == ("", ()) and store.hidden == frozenset() and store.by_hand == frozenset()


def test_threads_read_while_notes_are_taken_in(store):
    problems, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                store.unit("block7", 3).explanation("le-label")
                store.layers()
            except Exception as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(8):
        store.take_in([made(bias=number)] if number % 3 else [], [])
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
