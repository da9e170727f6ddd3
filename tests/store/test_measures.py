"""What a store's measures are called is the store's to say, and what can't be used of it is a sentence."""

from __future__ import annotations

import json

import duckdb
import pytest

from lexplain_core.base.measures import DERIVED, Description
from lexplain_core.measures import measures
from lexplain_core.store import Store, StoreError, UnitQuery

from .helpers import write

NEW = (
    "INSERT INTO measures BY NAME SELECT * REPLACE ('{}' AS measure, 99 AS place, 'beauty' AS title, "
    "'How beautiful.' AS help, 'unit' AS \"of\", 0 AS low, 1 AS high, 'low' AS best) FROM measures WHERE measure = 'observer'"
)


@pytest.fixture
def changed(tmp_path):
    """changed(SQL, …): the small store with these changes, open."""
    opened = []

    def change(*statements: str) -> Store:
        path = tmp_path / f"{len(opened)}.duckdb"
        write(path)
        with duckdb.connect(str(path)) as con:
            for statement in statements:
                con.execute(statement)
        opened.append(Store.open(path))
        return opened[-1]

    yield change
    for store in opened:
        store.close()


def test_they_are_those_that_were_written_in_order_and_what_is_derived(small):
    assert list(small.measures) == [one.name for one in (*measures.values(), *DERIVED)]
    for one in measures.values():
        facts = {name: getattr(one, name) for name in vars(small.measures[one.name])}
        assert small.measures[one.name] == Description(**facts)


def test_a_measure_that_nobody_knows_is_a_column_a_range_and_an_order(changed):
    rows = "INSERT INTO scores VALUES {}".format(", ".join(
        f"('beauty', 0, {unit}, NULL, 'me', 0, 'all', 60, {value}, NULL, NULL, NULL, false, NULL, NULL)"
        for unit, value in enumerate((0.75, 0.25, 0.5))
    ))  # fmt: skip
    store = changed(NEW.format("beauty"), rows)
    query, problems = store.read_query({"where": "beauty:..0.5", "sort": "beauty"})
    assert (
        not problems and store.sentence(query) == "Units: beauty at most 0.5. Sorted by beauty, best first."
    )
    found = store.find(query).rows
    assert found["unit"].tolist() == [1, 2] and found["beauty"].tolist() == [0.25, 0.5]
    assert store.spans()["beauty"] == (0.25, 0.75)
    assert store.unit_table("layer1")["beauty_by"].tolist() == ["me"] * 3 + [None] * 2
    assert store.layers()["mean_beauty"].tolist()[0] == 0.5
    assert store.unit("layer1", 0).score("beauty").value == 0.75
    frame = store.export(UnitQuery())
    assert frame["beauty"].count() == 3 and frame.attrs["columns"]["beauty"] == "beauty: How beautiful."
    info = json.loads(json.dumps(store.info(), allow_nan=False))
    (row,) = [row for row in info["scores"] if row["measure"] == "beauty"]
    assert (row["mean"], row["scored"], row["doubtful"], row["method"]) == (0.5, 3, 0, None)


@pytest.mark.parametrize(
    "name", ["select", "order", "group", "from", "table", "null", "true", "rank", "e", "s0", "value"]
)
def test_words_of_sql_are_names_as_others_are(changed, name):
    store = changed(NEW.format(name))
    query, problems = store.read_query({"where": f"{name}:0.1..", "sort": f"-{name}"})
    assert not problems and store.find(query).total == 0
    assert len(store.unit_table()) == 7 and len(store.export(query)) == 0
    assert store.find(UnitQuery(sort=name)).total == 7 and name in store.layers().columns.str.removeprefix(
        "mean_"
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (NEW.format("Beauty"), "a measure can't be named 'Beauty'"),
        (NEW.format("x; DROP TABLE units"), "a measure can't be named 'x; DROP TABLE units'"),
        (NEW.format("x" * 999), "a measure can't be named 'xxx"),
        (NEW.format("unit"), "tables have a column 'unit' already"),
        (NEW.format("correlation_low"), "tables have a column 'correlation_low' already"),
        (NEW.format("observer_n"), "tables have a column 'observer_n' already"),
        (NEW.format("length"), "can't be named 'length'"),
        (NEW.format("human"), "can't be named 'human'"),
        (NEW.format("rowid"), "can't be named 'rowid'"),
        ("DELETE FROM measures WHERE measure = 'correlation'", "doesn't say what its test correlations are"),
        ("DELETE FROM measures", "doesn't say what its test correlations are"),
        ("UPDATE measures SET best = 'both' WHERE measure = 'margin'", "the measure 'margin'"),
        ("""UPDATE measures SET "of" = 'layer' WHERE measure = 'margin'""", "the measure 'margin'"),
        ("UPDATE measures SET title = '' WHERE measure = 'margin'", "the measure 'margin' needs a title"),
    ],
)
def test_what_cant_be_used_is_one_sentence(changed, statement, said):
    store = changed(statement)
    asks = (lambda: store.measures, store.unit_table, store.layers, lambda: store.find(UnitQuery()), store.info,
            lambda: store.export(UnitQuery()))  # fmt: skip
    for ask in asks:
        with pytest.raises(StoreError) as error:
            ask()
        text = str(error.value)
        assert said in text and text.startswith("The store ") and "can't be used: " in text
        assert text.count(". ") == 0 and text.endswith(".") and "\n" not in text and len(text) < 400
