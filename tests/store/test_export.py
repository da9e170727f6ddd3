"""Explanations and scores to take away: the same rows in CSV, JSON and Parquet, and from the command line."""

from __future__ import annotations

import io
import json
import shutil

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lexplain_core.base.errors import UserError
from lexplain_core.cli.main import _fields, app
from lexplain_core.notes import Notes
from lexplain_core.store import (
    Score,
    Store,
    StoreError,
    UnitQuery,
    UserExplanation,
    as_bytes,
    csv_bytes,
)
from lexplain_core.store.export import export_columns, guarded
from lexplain_core.store.tables import stored


@pytest.fixture
def store(demo_store, tmp_path):
    with Store.open(shutil.copy(demo_store, tmp_path / "copy.duckdb")) as opened:
        yield opened


def test_every_unit_has_a_row_a_method_or_one_without(store):
    frame = store.export(UnitQuery())
    assert list(frame.columns) == list(export_columns(store))
    units = {(layer, unit) for layer, unit in zip(frame["layer"], frame["unit"], strict=True)}
    assert len(units) == store.info()["units"]
    assert not frame.duplicated(["layer", "unit", "method"]).any()
    for method in store.methods():
        table = store.unit_table(method=method).set_index(["layer", "unit"])
        rows = frame[frame["method"] == method].set_index(["layer", "unit"])
        table = table.loc[rows.index]
        # what both have has one name
        numbers = [f"{name}{end}" for name in stored(store) for end in ("", "_low", "_high", "_n", "_chance")]
        assert {"correlation_low", "correlation_chance", "ablation", "impact", "observer", "margin"} <= set(
            numbers
        )
        for name in (*numbers, "maximum"):
            a, b = rows[name].to_numpy(float, na_value=np.nan), table[name].to_numpy(float, na_value=np.nan)
            assert np.array_equal(a, b, equal_nan=True), name
        assert rows["explanation"].fillna("").tolist() == table["explanation"].tolist()
        assert [sorted(t["concept"] for t in terms) for terms in rows["terms"]] == [
            sorted(t) for t in table["terms"]
        ]
    without = frame[frame["method"].isna()]
    assert set(without["status"]) <= {"dead", "constant"} and (without["terms"].map(len) == 0).all()


def test_only_the_filters_units_in_its_order_and_only_the_methods_asked_for(store):
    wanted = UnitQuery(layer="block7", q="dog", sort="-correlation")
    found = store.find(wanted, None).rows
    assert 0 < len(found) < 80
    frame = store.export(wanted, methods=["le-label"])
    assert frame["unit"].tolist() == found["unit"].tolist() and set(frame["method"]) == {"le-label"}
    assert frame["correlation"].dropna().is_monotonic_decreasing
    among = UnitQuery(among=(("block7", 5), ("block4", 2)))
    assert set(zip(*[store.export(among)[c] for c in ("layer", "unit")], strict=True)) == {*among.among}
    assert store.export(UnitQuery(among=())).empty
    with pytest.raises(StoreError, match="no explanations by 'nope'; it has le-label"):
        store.export(UnitQuery(), methods=["nope"])


def test_people_and_hand_made_explanations_are_in_it(store):
    score = Score("correlation", "label", "test", 400, 0.5, 0.4, 0.6, None)
    terms = ((1.0, "class:dog"), (-2.0, "class:cat"))
    seen = {"test_scores_seen": 2}
    made = UserExplanation("block7", 3, "=mine", terms, 0.0, "label", "label", 0.4, (score,), config=seen)
    store = store.with_notes([made])
    human = pd.DataFrame({"layer": ["block7"], "unit": [3], "human": [0.75]})
    frame = store.export(UnitQuery(among=(("block7", 3), ("block7", 4))), human)
    rows = frame[frame["unit"] == 3]
    assert rows["method"].tolist() == ["le-label", "le-siglip", "=mine"]
    assert rows["origin"].tolist() == ["build", "build", "hand"]
    assert rows["test_scores_seen"].isna().tolist() == [True, True, False]
    assert rows["test_scores_seen"].iloc[-1] == 2
    assert rows["human"].tolist() == [0.75] * 3 and frame[frame["unit"] == 4]["human"].isna().all()
    last = rows.iloc[-1]
    assert [(t["weight"], t["key"]) for t in last["terms"]] == [(1.0, "class:dog"), (-2.0, "class:cat")]
    assert [(s["by"], s["value"]) for s in last["scores"] if s["measure"] == "correlation"] == [
        ("label", 0.5)
    ]
    assert ",'=mine,hand," in as_bytes(frame, "csv").decode()


def test_only_methods_leave_out_what_only_others_explain(store):
    mine = UserExplanation("block7", 3, "mine", ((1.0, "class:dog"),), 0.0, "label", "label", 0.4)
    frame = store.with_notes([mine]).export(UnitQuery(), methods=["mine"])
    assert frame["method"].dropna().tolist() == ["mine"]
    without = frame[frame["method"].isna()]
    assert set(without["status"]) <= {"dead", "constant"} and frame[frame["status"] == "alive"][
        "unit"
    ].tolist() == [3]
    everything = store.export(UnitQuery())
    assert len(without) == everything["method"].isna().sum()


def test_a_missing_ablation_score_has_the_reason_that_tables_give(demo_store, tmp_path):
    path = shutil.copy(demo_store, tmp_path / "copy.duckdb")
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM scores WHERE measure LIKE 'ablation%' AND layer_id = 0")
        con.execute(
            "UPDATE scores SET value = NULL, low = NULL, high = NULL, reason = 'Imported explanations get no ablation score.' "
            "FROM explanations e WHERE e.explanation_id = scores.explanation_id AND measure = 'ablation' "
            "AND e.method = 'le-siglip'"
        )
    with Store.open(path) as store:
        frame = store.export(UnitQuery())
        for method in ("le-label", "le-siglip"):
            table = store.unit_table(method=method).set_index(["layer", "unit"])["ablation_reason"]
            rows = frame[frame["method"] == method].set_index(["layer", "unit"])["ablation_reason"]
            assert rows.tolist() == table.loc[rows.index].tolist()
            assert rows.notna().sum() > 0 and rows.isna().sum() > 0
        assert "Imported explanations get no ablation score." in set(rows)
        first = store.layers()["layer"][0]  # which has no rows
        assert rows.loc[first].isna().all() and rows.drop(first, level=0).notna().all()


def test_an_export_reads_the_terms_and_scores_of_its_units_alone(store, monkeypatch):
    read, all_ = [], Store.rows

    def counted(self, *args):
        rows = all_(self, *args)
        read.append(len(rows))
        return rows

    store.export(UnitQuery())  # what is read once
    monkeypatch.setattr(Store, "rows", counted)
    frame = store.export(UnitQuery(among=(("block7", 3),)))
    assert len(frame) == 2 and (frame["scores"].map(len) > 0).all()
    assert max(read) <= frame["scores"].map(len).sum()


def test_three_formats_say_the_same(store):
    frame = store.export(UnitQuery(layer="block7"))
    facts = {"store": {"id": store.id, "name": store.name}, "filter": "In block7 – „ü“."}
    table = pd.read_csv(io.BytesIO(as_bytes(frame, "csv", facts)))
    whole = json.loads(as_bytes(frame, "json", facts))
    parquet = pq.read_table(io.BytesIO(as_bytes(frame, "parquet", facts)))
    assert whole["filter"] == facts["filter"] and whole["columns"] == export_columns(store)
    assert json.loads(parquet.schema.metadata[b"lexplain"]) == facts
    assert parquet.schema.field("bias").metadata[b"about"].decode() == export_columns(store)["bias"]
    assert (
        list(table.columns) == parquet.column_names == list(export_columns(store)) == list(whole["rows"][0])
    )
    assert len(table) == len(whole["rows"]) == parquet.num_rows == len(frame) > 80
    rows = parquet.to_pylist()
    for number, row in enumerate(whole["rows"]):
        assert row == rows[number]
        for column in ("terms", "scores"):
            assert json.loads(table.loc[number, column]) == row[column]
        for column in ("correlation", "bias", "length", "explanation", "correlation_n"):
            value = table.loc[number, column]
            assert (None if pd.isna(value) else value) == row[column]
    with pytest.raises(StoreError, match="no format 'xls'"):
        as_bytes(frame, "xls")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx", "\r", "-", "--1", "+1e", "=-1"])
def test_formulas_are_guarded(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "a=b", "-1", "+2.5", "-.5e-3", "1·dog", "−0.5·dog", None, -3, 2.5])
def test_what_is_no_formula_is_left_alone(value):
    assert guarded(value) == value


# -- the command ----------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, ["export", *map(str, words)])


def test_the_command_writes_what_an_address_filters(store, tmp_path):
    out = tmp_path / "units.csv"
    result = run(
        store.path,
        "--out",
        out,
        "--filter",
        f"http://localhost/overview?store={store.id}&layer=block7&q=dog&low=0.3",
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out)
    wanted = UnitQuery(layer="block7", q="dog", ranges={"correlation": (0.3, None)})
    assert table["unit"].unique().tolist() == store.find(wanted, None).rows["unit"].tolist()
    assert f"{len(table)} rows" in result.output and "in “block7”" in result.output


def test_the_command_takes_a_list_and_hand_made_explanations(store, tmp_path):
    notes = Notes.of(store)
    notes.star_all("Animals", [("block7", 3), ("block4", 1)])
    notes.keep(UserExplanation("block7", 3, "mine", ((1.0, "class:dog"),), 0.0, "label", "label", None))
    out = tmp_path / "units.parquet"
    assert run(store.path, "--out", out, "--list", "Animals", "--method", "mine").exit_code == 0
    rows = pq.read_table(out).to_pylist()
    # the other unit has explanations, though none by this method
    assert [(r["layer"], r["unit"], r["method"]) for r in rows] == [("block7", 3, "mine")]
    out = tmp_path / "units.json"
    assert (
        run(store.path, "--out", out, "--list", "Animals", "--filter", "units=block7:3,block7:9").exit_code
        == 0
    )
    facts = json.loads(out.read_text())
    assert {row["unit"] for row in facts["rows"]} == {3}
    assert facts["filter"].startswith("Units: on the list that the address holds and on the list “Animals”")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("q=+snow", {"q": "+snow"}),
        ("q=dog +snow&layer=a", {"q": "dog +snow", "layer": "a"}),
        ("q=polar+bear+%2Bsnow&low=", {"q": "polar bear +snow", "low": ""}),  # as links write it
        ("q=what?&layer=x", {"q": "what?", "layer": "x"}),
        ("?layer=x", {"layer": "x"}),
        ("overview?q=a?b&shown=2", {"q": "a?b", "shown": "2"}),
        ("http://host:1/a=b/overview?store=s&q=dog#top", {"store": "s", "q": "dog"}),
        ("", {}),
    ],
)
def test_an_address_is_read_as_it_stands(text, fields):
    assert _fields(text) == fields


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "x.txt"), "must end in .csv, .json, .parquet"),
        (("--out", "/proc/x.csv"), "can't be written"),
        (("--out", "x.csv", "--filter", "layer=nope"), "no layer 'nope'"),
        (("--out", "x.csv", "--filter", "block7"), "says nothing"),
        (("--out", "x.csv", "--filter", "overview?store=zz&q=dog"), "of another store, 'zz'"),
        (("--out", "x.csv", "--filter", "scores=0.5.."), "has 'scores', which the Overview has no filter of"),
        (("--out", "x.csv", "--filter", "layer=block7&dog"), "has 'dog', which"),
        (("--out", "x.csv", "--filter", "neuron?layer=block7&unit=3"), "has 'unit', which"),
        (("--out", "x.csv", "--filter", "q=dog&q=cat"), "a field twice"),
        (("--out", "x.csv", "--filter", "by=nope"), "no explanations by 'nope'"),
        (("--out", "x.csv", "--filter", "method=nope"), "no explanations by 'nope'"),
        (("--out", "x.csv", "--filter", "length=zz"), "not a range of length"),
        (("--out", "x.csv", "--filter", "units=zz"), "is not a unit"),
        (("--out", "x.csv", "--list", "nope"), "no list 'nope'"),
        (("--out", "x.csv", "--method", "nope"), "no explanations by 'nope'"),
    ],
)
def test_the_command_says_in_a_sentence_what_is_wrong(store, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(store.path, *words)
    assert isinstance(result.exception, UserError) and message in str(result.exception)
    assert not (tmp_path / "x.csv").exists()


def test_any_table_as_csv_has_no_formulas_and_its_numbers_as_they_are():
    frame = pd.DataFrame({"=a": ["=1+1", "-2", None], "n": [1.5, -2.0, np.nan], "b": [True, False, True]})
    lines = csv_bytes(frame).decode().splitlines()
    assert lines == ["'=a,n,b", "'=1+1,1.5,True", "-2,-2.0,False", ",,True"]
    assert frame.columns[0] == "=a"
