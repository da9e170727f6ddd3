"""Units are found, sorted and paged as a plain loop over them says."""

import threading

import numpy as np
import pandas as pd
import pytest

from benchmarks.finding import METHODS
from benchmarks.finding import write as write_many
from lexplain_core.base.measures import DERIVED
from lexplain_core.measures import measures
from lexplain_core.store import Store, StoreError, StoreWriter, UnitQuery
from lexplain_core.store.search import query
from lexplain_core.store.search import table as find_table
from lexplain_core.store.search.query import columns, ranged, sort_words
from lexplain_core.store.search.table import Tables

from .helpers import SECOND, fill, make, write

UNITS = 90
COLUMNS = columns({one.name: one for one in (*measures.values(), *DERIVED)})


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "many.duckdb"
    write_many(path, UNITS, 3, seed=3)
    with Store.open(path) as store:
        yield store


@pytest.fixture(scope="module")
def human():
    """What people scored of every third unit, with ties."""
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {"layer": [f"layer{i % 3}" for i in range(UNITS // 3)], "unit": range(UNITS // 3),
         "human": rng.integers(5, 10, UNITS // 3) / 10}
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain(many, human):
    """Everything about every unit, by loops: a dictionary each, in the store's order."""
    tables = {method: many.unit_table(method=method) for method in METHODS}
    judged = {(r["layer"], r["unit"]): r["human"] for _, r in human.iterrows()}
    units = []
    for place in range(UNITS):
        row = tables["le-label"].iloc[place].to_dict()
        scores = [tables[m].iloc[place]["correlation"] for m in METHODS]
        key = (row["layer"], row["unit"])
        row["gap"] = abs(scores[0] - scores[1])
        row["human"] = judged.get(key, np.nan)
        row["chance"], row["length"] = row["correlation_chance"], row["length"] or np.nan
        row["said"] = {e.method: [(t.name, t.weight) for t in e.terms] for e in many.unit(*key).explanations}
        terms = row["said"]["le-label"]
        row["explanation"] = max(terms, key=lambda t: abs(t[1]))[0] if terms else None
        units.append(row)
    both = [r for r in units if not np.isnan(r["human"]) and not np.isnan(r["correlation"])]
    frame = pd.DataFrame({"human": [r["human"] for r in both], "score": [r["correlation"] for r in both]})
    ranks = (frame.rank() - 1) / (len(both) - 1)
    for r in units:
        r["apart"] = np.nan
    for r, one, other in zip(both, ranks["human"], ranks["score"], strict=True):
        r["apart"] = round(abs(one - other), 6)
    return units


def keys(rows) -> list[tuple[str, int]]:
    if isinstance(rows, pd.DataFrame):
        return list(zip(rows["layer"], rows["unit"], strict=True))
    return [(r["layer"], r["unit"]) for r in rows]


@pytest.mark.parametrize("sort", [way + name for name in COLUMNS for way in ("", "-")])
def test_every_order_is_that_of_a_plain_sort(many, human, plain, sort):
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name == "unit":
        expected = plain[::-1] if down else plain
    else:
        known = [r for r in plain if not pd.isna(r[name])]
        known.sort(key=lambda r: r[name], reverse=down)  # stable, both ways
        expected = known + [r for r in plain if pd.isna(r[name])]
    found = many.find(UnitQuery(sort=sort), None, 0, human)
    values = [r[name] for r in expected]
    assert found.total == found.of == UNITS
    if name in ("explanation", "unit"):
        assert keys(found.rows) == keys(expected)
    else:
        got = {**dict.fromkeys(COLUMNS), **found.rows}[name if name != "chance" else "correlation_chance"]
        got = got.where(got != 0) if name == "length" else got
        if isinstance(values[0], str):
            assert list(got) == values
        else:
            np.testing.assert_allclose(got, np.array(values, float), rtol=1e-12)
        assert keys(found.rows) == keys(expected)
    pages = [many.find(UnitQuery(sort=sort), 40, at, human) for at in range(0, UNITS, 40)]
    assert [k for page in pages for k in keys(page.rows)] == keys(expected)
    assert {page.total for page in pages} == {UNITS}


def has(said: dict, terms, by: str = "") -> list[str]:
    """The methods one explanation of which has all terms: (text, test of the weight)."""
    return sorted(
        method for method, found in said.items()
        if (not by or method == by) and all(any(text in name and test(w) for name, w in found) for text, test in terms)
    )  # fmt: skip


def any_weight(weight):
    return True


SEARCHES = [
    ("ba", [("ba", any_weight)]),
    ("BA lu", [("ba", any_weight), ("lu", any_weight)]),
    ("+ba", [("ba", lambda w: w > 0)]),
    ("-ba +lu", [("ba", lambda w: w < 0), ("lu", lambda w: w > 0)]),
    ("ba>0.5 lu", [("ba", lambda w: w > 0.5), ("lu", any_weight)]),
    ("a<-1 o>=0.25", [("a", lambda w: w < -1), ("o", lambda w: w >= 0.25)]),
    ('"a "', [("a ", any_weight)]),
    ("+a<0", [("a", lambda w: 0 < w < 0)]),
]


@pytest.mark.parametrize("by", ["", *METHODS])
@pytest.mark.parametrize(("q", "terms"), SEARCHES)
def test_a_search_is_for_one_explanation(many, plain, q, terms, by):
    if q == '"a "':  # white space is put together
        terms = [("a", any_weight)]
    expected = [(r, methods) for r in plain if (methods := has(r["said"], terms, by))]
    found = many.find(UnitQuery(q=q, by=by), None)
    assert keys(found.rows) == keys([r for r, _ in expected]) and found.total == len(expected)
    assert list(found.rows["found"]) == [tuple(methods) for _, methods in expected]


@pytest.mark.parametrize("name", ranged(COLUMNS))
@pytest.mark.parametrize("ends", [(0.3, 0.6), (0.5, None), (None, 0.4)])
def test_ranges_hold_their_ends_and_leave_out_the_unknown(many, human, plain, name, ends):
    scale = {"length": 7, "maximum": 5}.get(name, 1)
    values = sorted({r[name] for r in plain if not pd.isna(r[name])})
    # ends that are values themselves, so that a strict comparison would show
    low, high = (None if e is None else min(values, key=lambda v: abs(v - e * scale)) for e in ends)
    expected = [
        r for r in plain
        if not pd.isna(r[name]) and (low is None or r[name] >= low) and (high is None or r[name] <= high)
    ]  # fmt: skip
    found = many.find(UnitQuery(ranges={name: (low, high)}), None, 0, human)
    assert 0 < len(expected) < UNITS
    assert keys(found.rows) == keys(expected)


def test_all_filters_at_once(many, human, plain):
    wanted = UnitQuery(
        layer="layer1", q="a", by=METHODS[1], status="alive", sort="-gap",
        ranges={"correlation": (0.2, None), "length": (2, None)},
        among=tuple(keys(plain)[::2]),
    )  # fmt: skip
    expected = [
        r for r in plain[::2]
        if r["layer"] == "layer1" and r["status"] == "alive" and r["correlation"] >= 0.2 and r["length"] >= 2
        and has(r["said"], [("a", any_weight)], METHODS[1])
    ]  # fmt: skip
    expected.sort(key=lambda r: -r["gap"])
    found = many.find(wanted, 5, 0, human)
    assert len(expected) > 5
    assert keys(found.rows) == keys(expected)[:5] and (found.total, found.of) == (len(expected), UNITS)


def test_rows_are_those_of_the_table_of_units(many, human, plain):
    rows = many.find(UnitQuery(method=METHODS[1], sort="-correlation"), 7, 3, human).rows
    table = many.unit_table(method=METHODS[1]).set_index(["layer", "unit"])
    expected = table.loc[keys(rows)].reset_index()
    pd.testing.assert_frame_equal(rows[expected.columns], expected, check_dtype=False)


def test_surprises_are_alive_and_among_the_found(many):
    wanted = UnitQuery(layer="layer2", q="a")
    allowed = set(keys(many.find(UnitQuery(layer="layer2", q="a", status="alive"), None).rows))
    drawn = {many.surprise(wanted) for _ in range(15)}
    assert drawn <= allowed and len(drawn) > 1
    assert many.surprise(UnitQuery(status="dead")) is None


def test_spans_and_the_column_of_scores(many, human, plain):
    spans = many.spans(None, human)
    assert set(spans) == {name for name in COLUMNS if COLUMNS[name].number}
    for name, ends in spans.items():
        values = [r[name] for r in plain if not pd.isna(r[name])]
        assert ends == pytest.approx((min(values), max(values)))
    assert not {"human", "apart"} & set(many.spans())
    column = many.score_column()
    assert list(column["layer"]) == [r["layer"] for r in plain]
    np.testing.assert_array_equal(column["score"], [r["correlation"] for r in plain])


def test_starting_points_are_the_first_of_their_tables(many, human, plain):
    starts = {start.name: start for start in many.starting_points(human)}
    for name, column in {"best": "correlation", "range-shift": "range_shift", "longest": "length", "gap": "gap", "apart": "apart"}.items():  # fmt: skip
        most = max(r[column] for r in plain if not pd.isna(r[column]))
        assert starts[name].units[0][2] == pytest.approx(most) and starts[name].reason is None
    assert starts["worst"].units[0][2] == min(r["correlation"] for r in plain if r["status"] == "alive")
    for start in starts.values():
        assert [u[:2] for u in start.units] == keys(many.find(start.query, 3, 0, human).rows)
    alone = {start.name: start for start in many.starting_points()}
    assert alone["apart"].units == () and "People have judged" in alone["apart"].reason


def test_many_threads_find_the_same(many, human):
    results = []

    def work(place):
        results.append(
            (
                place % 4,
                keys(
                    many.find(
                        UnitQuery(q="a", sort=["unit", "-gap", "correlation", "-apart"][place % 4]),
                        20,
                        0,
                        human,
                    ).rows
                ),
            )
        )

    threads = [threading.Thread(target=work, args=(place,)) for place in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12 and len({str(r) for r in results}) == 4


@pytest.mark.parametrize("turns", [3, pytest.param(10, marks=pytest.mark.proofs)])
def test_sessions_with_different_methods_keep_their_tables(many, human, turns):
    """More tables are asked for than are kept, each by someone who is about to read it."""
    problems, rows = [], human.to_dict("records")
    with Store.open(many.path) as store:

        def work(place):
            try:
                for turn in range(turns):
                    # people's answers come in, so that each turn has a table of its own
                    judged = pd.DataFrame(rows[: 1 + (place * turns + turn) % len(rows)])
                    wanted = UnitQuery(q="a", sort="-apart", method=METHODS[place % len(METHODS)])
                    found = store.find(wanted, 5, 0, judged)
                    assert found.rows["human"].notna().any()
                    store.spans(wanted.method, judged)
            except Exception as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        left = store.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'finding_%'")[0][0]
        assert left == len(store.kept(Tables)._tables) == find_table._KEPT
        # a table that is read stays, whatever others ask for
        with store.kept(Tables).of(store.use, METHODS[0], human) as (wide, people):
            for count in range(1, 12):
                store.find(UnitQuery(method=METHODS[1]), 1, 0, pd.DataFrame(rows[:count]))
            assert store.rows(f"SELECT count(*) FROM {wide} JOIN {people} USING (layer_id, unit)")[0][
                0
            ] == len(human)


def test_a_method_alone_is_a_filter(many, plain):
    for by in METHODS:
        found = many.find(UnitQuery(by=by), None)
        expected = [r for r in plain if r["said"].get(by)]
        assert keys(found.rows) == keys(expected) and 0 < found.total < UNITS
    assert UnitQuery(by=METHODS[0]).filtered
    assert many.sentence(UnitQuery(by="le-label")) == "Units: with an explanation by le-label."
    drawn = {many.surprise(UnitQuery(by=METHODS[0], layer="layer1")) for _ in range(9)}
    assert drawn <= set(keys(many.find(UnitQuery(by=METHODS[0]), None).rows))


@pytest.mark.parametrize(
    "wanted", [UnitQuery(method="nope"), UnitQuery(by="nope"), UnitQuery(by="nope", q="a")]
)
def test_a_method_that_is_not_there(many, wanted):
    for ask in (many.find, many.surprise):
        with pytest.raises(StoreError, match=f"no explanations by 'nope'; it has .*{METHODS[0]}"):
            ask(wanted)


# -- a small store with names, an imported method and few scores ------------------------------------


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    path = tmp_path_factory.mktemp("named") / "small.duckdb"
    write(path, second=True)
    with Store.open(path) as store:
        yield store


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("p1", [("planted", 1)]),
        ("P1 crane", [("planted", 1)]),  # the name, and one of its concepts
        ("layer1:2", [("layer1", 2)]),  # dead, without words
        ("LAYER1:1 boat", [("layer1", 1)]),
        ("layer1:1 zebra", []),
        ("layer1:22", []),
        ("+p1", []),  # a weight is asked for, and names have none
        ("boat>1", [("layer1", 1), ("planted", 0)]),
        ("boat<-1", [("layer1", 1), ("planted", 0)]),  # by the other method, with the signs turned
        ("boat>1 boat<-1", []),  # never in one explanation
    ],
)
def test_names_and_numbers_of_units_are_found(named, q, expected):
    assert keys(named.find(UnitQuery(q=q)).rows) == expected


def test_a_search_says_who_found_and_what_nobody_has(named):
    found = named.find(UnitQuery(q="boat<-1"))
    assert list(found.rows["found"]) == [(SECOND,), (SECOND,)]
    assert found.rows["terms"].iloc[0][0] == "boat"  # the shown method's own words
    assert named.find(UnitQuery(q="zebra boat layer1:1 p0")).missing == ("zebra",)
    assert named.find(UnitQuery(q="boat")).missing == ()


def test_what_a_store_cannot_have_is_left_out_with_a_reason(named):
    reasons = {start.name: start.reason for start in named.starting_points()}
    assert reasons["gap"] is None or "two methods" in reasons["gap"]
    assert "ranges" in reasons["range-shift"] and reasons["best"] is None
    assert "impact" not in named.spans()


def test_sentences(named):
    wanted = UnitQuery(
        layer="a", q='dog +"polar bear" snow>0.5', status="alive",
        ranges={"correlation": (-0.25, 0.75), "length": (None, 3)},
        among=(("a", 1),), listed="on the list “x”", sort="-correlation",
    )  # fmt: skip
    assert named.sentence(wanted) == (
        "Units: in “a”; on the list “x”; alive; with “dog” and “polar bear” (positive weight) and “snow” (weight above 0.5) "
        "in one explanation or the unit’s name; test correlation from −0.25 to 0.75; length at most 3. "
        "Sorted by test correlation, best first."
    )
    assert named.sentence(UnitQuery(q="-dog", by="le-label")) == (
        "Units: with “dog” (negative weight) in the explanation by le-label."
    )


# What addresses of the first edition say => the ranges that are meant.
OLD = {
    "score=0.2..": {"correlation": (0.2, None)},
    "low=0.2": {"correlation": (0.2, None)},
    "high=0.7": {"correlation": (None, 0.7)},
    "low=-0.2&high=0.7": {"correlation": (-0.2, 0.7)},
    "score=0.4..0.5&low=0.2": {"correlation": (0.4, 0.5)},
    "ablation=0.1..": {"ablation": (0.1, None)},
    "observer=0.9..": {"observer": (0.9, None)},
    "human=..0.8": {"human": (None, 0.8)},
    "impact=0.001..": {"impact": (0.001, None)},
    "length=2..4": {"length": (2, 4)},
    "maximum=1..": {"maximum": (1, None)},
    "two_faced=0.5..": {"range_shift": (0.5, None)},
    "two_faced=0.5..&where=length:..4": {"range_shift": (0.5, None), "length": (None, 4)},
}


@pytest.mark.parametrize("text", OLD)
def test_old_addresses_mean_what_they_meant(named, text):
    texts = dict(part.split("=", 1) for part in text.split("&"))
    assert named.read_query(texts) == (UnitQuery(ranges=OLD[text]), [])
    where = {"where": query.where_of(texts)}
    assert named.read_query(where) == named.read_query({"where": query.write_where(OLD[text])})


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize(
    ("old", "name"), [("score", "correlation"), ("two_faced", "range_shift"), ("observer", "observer")]
)
def test_old_orders_mean_what_they_meant(named, way, old, name):
    assert named.read_query({"sort": way + old}) == (UnitQuery(sort=way + name), [])


@pytest.mark.parametrize(
    ("where", "kept", "said"),
    [
        ("correlation", {}, "“” is not a range of test correlation"),
        ("correlation:", {}, "“” is not a range of test correlation"),
        ("correlation:much", {}, "“much” is not a range of test correlation"),
        ("correlation:0.7..0.2,length:..4", {"length": (None, 4)}, "“0.7..0.2” is not a range"),
        ("correlation:nan..", {}, "“nan..” is not a range"),
        ("correlation:1e999..", {}, "“1e999..” is not a range"),
        ("beauty:0.5..", {}, "“beauty” is no number of this store’s units; there are correlation,"),
        ("gap:0.5..", {}, "“gap” is no number"),
        ("score:0.5..", {}, "“score” is no number"),
        ("status:1..", {}, "“status” is no number"),
        ('x" OR 1=1 --:1..', {}, "is no number"),
        ("0.2..0.7", {}, "“0.2..0.7” is no number"),
        ("b" * 999, {}, f"“{'b' * 60}” is no number"),
    ],
)
def test_ranges_that_cant_be_read_are_said(named, where, kept, said):
    wanted, problems = named.read_query({"where": where})
    assert wanted == UnitQuery(ranges=kept) and len(problems) == 1 and said in problems[0]
    assert problems[0].endswith(".") and len(problems[0]) < 400


def test_ranges_are_written_as_they_are_read(named):
    wanted, problems = named.read_query({"where": " correlation:0.2..0.7 ,, length:..4,maximum:5,"})
    assert not problems
    assert wanted.ranges == {"correlation": (0.2, 0.7), "length": (None, 4), "maximum": (5, 5)}
    again = query.write_where(wanted.ranges)
    assert named.read_query({"where": again}) == (wanted, [])
    assert (
        query.write_where({"length": (None, None)}) == ""
        and not named.read_query({"where": ",,"})[0].filtered
    )


def test_sentences_count(named):
    assert named.sentence(UnitQuery(), named.find(UnitQuery())) == "All 7 units."
    wanted = UnitQuery(q="boat", sort="length")
    assert named.sentence(wanted, named.find(wanted, 1)) == (
        "2 of 7 units: with “boat” in one explanation or the unit’s name. Sorted by length, smallest first."
    )
    assert sort_words("-status", named.columns) == "status, Z to A"


def test_every_filter_has_words_and_reads_back(named):
    texts = {
        "layer": "a", "q": "dog", "status": "dead", "ablation": "0.1..", "observer": "..0.9", "human": "0.5..0.6",
        "impact": "..1", "length": "2..3", "maximum": "5", "two_faced": "0.2..", "low": "0.1", "high": "",
        "sort": "-apart", "method": "m", "by": "m", "store": "ignored",
    }  # fmt: skip
    others = set(ranged(named.columns)) - {"correlation", "range_shift", *texts}
    texts["where"] = ",".join(f"{name}:0.25.." for name in others)
    wanted, problems = named.read_query(texts)
    assert not problems and wanted.filtered
    assert wanted.range("correlation") == (0.1, None) and wanted.range("human") == (0.5, 0.6)
    words = named.sentence(wanted)
    assert set(wanted.ranges) == set(ranged(named.columns))
    for name in wanted.ranges:
        assert named.columns[name].name in words
    assert not UnitQuery(sort="-correlation", method="m").filtered


def test_what_cannot_be_used_is_said(named):
    wanted, problems = named.read_query(
        {
            "length": "short",
            "sort": "colour",
            "status": "asleep",
            "q": 'dog "cat',
            "low": "0.9",
            "high": "0.1",
        }
    )
    assert wanted == UnitQuery(q='dog "cat') and len(problems) == 5
    for word in ("short", "colour", "asleep", "quotation mark", "0.9..0.1"):
        assert sum(word in problem for problem in problems) == 1


def test_a_layer_that_is_not_there(named):
    with pytest.raises(StoreError, match="no layer 'nowhere'"):
        named.find(UnitQuery(layer="nowhere"))
    assert named.find(UnitQuery(among=(("nowhere", 1), ("layer1", 99)))).total == 0
    assert named.find(UnitQuery(among=())).total == 0


@pytest.fixture(scope="module", params=["Café au lait", "cafe\u0301 au lait"])
def accented(request, tmp_path_factory):
    """A store that names a concept and a unit so."""
    path = tmp_path_factory.mktemp("accented") / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, make())
        store._con.execute("UPDATE concepts SET name = ? WHERE key = 'class:boat'", [request.param])
        store._con.execute("UPDATE units SET name = ? WHERE layer_id = 1 AND unit = 1", [request.param])
    with Store.open(path) as store:
        yield store


@pytest.mark.parametrize("asked", ["café", "cafe\u0301", "CAFÉ", "ｃａｆé", "caf\u200bé"])
def test_a_search_finds_names_however_their_accents_are_written(accented, asked):
    found = accented.find(accented.read_query({"q": f'"{asked} au"'})[0])
    assert [(r.layer, r.unit) for r in found.rows.itertuples()] == [
        ("layer1", 1),
        ("planted", 0),
        ("planted", 1),
    ]
    assert not found.missing
