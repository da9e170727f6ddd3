"""The Compare page: places in its address, the same images in every column, what each unit does on one of them."""

from __future__ import annotations

import shutil

import duckdb
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lexplain_core.base.numbers import plural
from lexplain_core.figures import Style
from lexplain_core.figures.palette import swatch
from lexplain_core.views.compare import (
    Place,
    images_column,
    marks,
    on_image,
    on_image_table,
    score_table,
)
from pages.compare import charts, images
from pages.compare import places as compare_places
from pages.ui import links, shell
from pages.ui.compare_link import filled, of_units, put

from .. import variants
from ..conftest import ROOT
from .helpers import at_page, params

OTHER = "another-store"


def test_places_close_their_ranks():
    view = links.Compare(store="s", a="x:1", c="y:2", key="k")
    assert filled(view) == ["x:1", "y:2"]
    assert put(view, filled(view)) == links.Compare(store="s", a="x:1", b="y:2", key="k")
    linked = of_units("s", Place("x", 1, "m", "s"), Place("y", 2, "m", "t"))
    assert filled(linked) == ["x:1:m", "y:2:m:t"]  # the page's own store needs no name


# -- on the demo store ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(demo_store, tmp_path_factory):
    """The demo store, and one like it in which every tenth image has another name, and every tenth another size."""
    folder = tmp_path_factory.mktemp("compare")
    shutil.copy(demo_store, folder / "demo.duckdb")
    variants.other_names(demo_store, folder / f"{OTHER}.duckdb")
    with duckdb.connect(str(folder / f"{OTHER}.duckdb")) as con:
        con.execute("UPDATE images SET width = width + 1 WHERE image_id % 10 = 1")
    return folder


@pytest.fixture
def opened(folder, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    stores = {entry.id: shell.opened_by_id(entry.id) for entry in shell.entries()}
    (other,) = [stores.pop(OTHER)]
    (own,) = stores.values()
    assert other.store.name == "The other"
    return own


def view_of(opened, *texts, **more):
    return put(links.Compare(store=opened.store.id, **more), list(texts))


@pytest.fixture
def some(opened):
    """A unit of a network's layer in two stores and a negative one, with the view of them."""
    layer = opened.store.layers()["layer"].iloc[0]
    table = opened.store.unit_table()
    negative = table[table["status"] == "negative"].iloc[0]
    view = view_of(
        opened, f"{layer}:3", f"{layer}:3::{OTHER}", f"{negative['layer']}:{negative['unit']}", draw=2
    )
    shown, problems = compare_places.resolve(view, opened)
    assert not problems
    return view, shown


def test_places_are_read_and_filled_in(opened, some):
    view, shown = some
    method = opened.store.default_method
    assert [one.place.store for one in shown] == [opened.store.id, OTHER, opened.store.id]
    assert [one.place.method for one in shown[:2]] == [method, method]
    assert [one.letter for one in shown] == ["A", "B", "C"]
    assert shown[0].explanation.terms and shown[0].matrix == "label"


def test_what_cannot_be_shown_is_said_in_sentences(opened):
    layer = opened.store.layers()["layer"].iloc[0]
    view = view_of(opened, "nonsense", "nowhere:1", f"{layer}:1::elsewhere", f"{layer}:2:unheard")
    shown, problems = compare_places.resolve(view, opened)
    assert [(one.letter, one.place.unit, one.place.method) for one in shown] == [
        ("A", 2, opened.store.unit(layer, 2).explanations[0].method)
    ]
    assert len(problems) == 4
    for problem, word in zip(problems, ("nonsense", "nowhere", "elsewhere", "unheard"), strict=True):
        assert word in problem
    many = view_of(opened, f"{layer}:100000")
    assert compare_places.resolve(many, opened)[0] == []


def test_the_start_is_the_best_unit_by_two_methods(opened):
    first, second = compare_places.first_sight(opened)
    table = opened.store.unit_table()
    rows = table[(table["layer"] == first.layer) & (table["status"] == "alive")]
    assert rows.set_index("unit")["correlation"].idxmax() == first.unit == second.unit
    assert first.method == opened.store.default_method != second.method


def test_suggestions_are_new_and_can_be_shown(opened, some):
    _, shown = some
    for there in ([shown[0]], shown):
        found = compare_places.suggestions(there)
        assert 2 <= len(found) <= 6
        assert not {place.text for _, place in found} & {one.place.text for one in there}
        view = view_of(opened, *(place.text for _, place in found[:4]))
        assert compare_places.resolve(view, opened)[1] == []
    labels = " ".join(label for label, _ in compare_places.suggestions([shown[0]]))
    assert "The other" in labels and "most alike" in labels


# -- the same images ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pick", ["draw", "top"])
def test_every_unit_brings_in_the_examples_of_its_ranges(opened, pick):
    layer = opened.store.layers()["layer"].iloc[0]
    view = view_of(opened, f"{layer}:3", f"{layer}:4", pick=pick, draw=5)
    shown, _ = compare_places.resolve(view, opened)
    picked = images.selection(view, shown, None)
    wanted = []
    for one in shown:
        for bucket in (*reversed(range(8)), -1):
            wanted += list(one.unit.examples(bucket, 3, seed=5, top=pick == "top")["key"])
    assert picked.keys == list(dict.fromkeys(wanted))
    assert picked.ids[0] == picked.ids[1]


def test_an_image_of_two_stores_is_one_by_path_and_size(some):
    view, shown = some
    picked = images.selection(view, shown, None)
    keys = shell.images(shown[0].opened)["key"]
    for key, own, other in zip(picked.keys, picked.ids[0], picked.ids[1], strict=True):
        if own is None:
            assert key.startswith("other/") or other % 10 == 1
        else:
            assert keys[own] == key
            assert other == (None if own % 10 in (0, 1) else own)
    assert any(other is None for other in picked.ids[1]) and any(other is not None for other in picked.ids[1])


def test_a_column_sorts_all_images_by_what_its_unit_does(some):
    view, shown = some
    picked = images.selection(view, shown, None)
    for one, ids in zip(shown, picked.ids, strict=True):
        column = images_column(one, ids)
        found = []
        for cell in column["cells"]:
            values = [float(one.unit.activations[ids[n]]) for n, _ in cell["items"]]
            assert values == sorted(values, reverse=True)
            if cell["row"] is not None and cell["row"] >= 0:
                assert set(one.unit.buckets.assign(np.float32(values)).tolist()) <= {cell["row"]}
                assert cell["note"].startswith(
                    f"{len(values)} of {one.unit.buckets.counts[cell['row']]:,} image"
                )
            found += [n for n, _ in cell["items"]]
        order = [cell["row"] for cell in column["cells"]]
        assert order == [None] or order == sorted(
            order, reverse=True
        )  # keys go through them as they are seen
        assert sorted(found) == [n for n, i in enumerate(ids) if i is not None]
        missing = len(ids) - len(found)
        assert column["note"] == (f"{plural(missing, 'image')} not in this store" if missing else "")


def test_hidden_images_are_in_no_column(some, monkeypatch):
    view, shown = some
    before = images.selection(view, shown, None)
    gone = next(
        other
        for own, other in zip(before.ids[0], before.ids[1], strict=True)
        if own is not None and other is not None
    )
    key = shell.images(shown[1].opened)["key"][gone]
    monkeypatch.setattr(
        shown[1].opened.store, "hidden", frozenset([gone])
    )  # hidden in one store: shown in none
    after = images.selection(view, shown, None)
    assert key in before.keys and key not in after.keys
    chosen = images.chosen_of(links.Compare(key=key), shown)
    assert chosen.hidden == ["The other"]
    assert key not in images.selection(view, shown, chosen).keys


# -- the highlighted one ------------------------------------------------------------------------------


def test_the_highlighted_image_is_in_all_columns_and_rows_say_what_units_do(some):
    view, shown = some
    image = 123  # in both stores
    key = shell.images(shown[0].opened)["key"][image]
    chosen = images.chosen_of(links.Compare(key=key), shown)
    assert chosen.ids == [image] * 3 and chosen.hidden == []
    assert key in images.selection(view, shown, chosen).keys
    frame = on_image(shown, chosen)
    for one, row, mark in zip(shown, frame.itertuples(), marks(shown, chosen), strict=True):
        q = one.unit.activations
        assert row.activation == mark == q[image]
        smaller, as_large = sum(float(v) < mark for v in q), sum(float(v) == mark for v in q)
        assert row.percentile == pytest.approx((smaller + as_large / 2) / len(q))
        assert row.split == one.unit.split[image]
        if one.in_words:
            assert row.simulated == one.unit.simulated(one.in_words, one.matrix)[image]
        if one.unit.buckets is not None:
            assert row.range == one.unit.buckets.assign(q[[image]])[0] + 1
            assert row.place == pytest.approx(mark / one.unit.maximum)
    assert np.isnan(frame["range"].iloc[2])


def test_an_image_that_a_store_lacks_is_said_to_be_missing_there(some):
    _, shown = some
    for image in (10, 11):  # another name; another size under the same name
        key = shell.images(shown[0].opened)["key"][image]
        chosen = images.chosen_of(links.Compare(key=key), shown)
        assert chosen.ids == [image, None, image]
        assert marks(shown, chosen)[1] is None
        html = on_image_table(on_image(shown, chosen))
        assert html.count("not in this store") == 1
    assert images.chosen_of(links.Compare(key="no such"), shown) is None


# -- charts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", links.LEVELS)
def test_a_name_has_one_style_in_all_charts(some, level):
    _, shown = some
    made = charts.compositions(shown, level)
    assert [composition is None for composition in made] == [False, False, True]
    styles = charts.styles_of(shown, made, level)
    names = {name for c in made[:2] for name in c.loc[c["concept"] != -1, "name"]}
    assert names <= set(styles)
    assert len({(s.color, s.pattern) for s in styles.values()}) == min(28, len(styles))


def test_swatches_are_css_of_every_pattern():
    for pattern in ("", "/", ".", "x"):
        assert "#0072B2" in swatch(Style("#0072B2", pattern))
    assert "&lt;b&gt;" in charts.legend({"<b>": Style("#0072B2")})


def test_the_table_of_scores_holds_every_score(some):
    _, shown = some
    table = score_table(shown)
    wanted = sum(len(one.in_words.scores) if one.in_words and one.in_words.scores else 1 for one in shown)
    assert len(table) == wanted
    own = table[table["place"] == "A"]
    assert list(own["value"].dropna()) == [s.value for s in shown[0].in_words.scores if s.value is not None]
    assert set(table["store"]) == {shown[0].opened.store.name, "The other"}


# -- the page -------------------------------------------------------------------------------------------


def address(app) -> links.Compare:
    """What the address bar says."""
    view, problems = links.parse("compare", params(app))
    assert not problems
    return view


def test_the_page_starts_by_itself_and_changes_its_places(opened):
    app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=120)
    at_page(app, "compare")
    app.query_params["store"] = opened.store.id
    app.run()
    assert not app.exception
    first, second = compare_places.first_sight(opened)
    assert [Place.of(text).unit for text in filled(address(app))] == [first.unit, second.unit]
    layer, unit, method = (next(w for w in app.selectbox if w.label == "Layer of B"),
                           next(w for w in app.number_input if w.label.startswith("Unit of B")),
                           next(w for w in app.selectbox if w.label == "Explained by, B"))  # fmt: skip
    assert (layer.value, unit.value, method.value) == (second.layer, second.unit, second.method)
    unit.set_value(0 if second.unit else 1).run()
    assert not app.exception
    changed = address(app)
    assert Place.of(changed.b).unit == (0 if second.unit else 1) and Place.of(changed.a).unit == first.unit
    app.button(key="compare a remove").click().run()
    left = address(app)
    assert (left.a, left.b) == (changed.b, "")
    app.button(key="compare suggestion 0").click().run()
    assert not app.exception
    assert len(filled(address(app))) == 2


def test_addresses_that_name_nothing_usable_lead_to_sentences(opened):
    app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=120)
    at_page(app, "compare")
    app.query_params.update({"store": opened.store.id, "a": "rubbish", "key": "no such image"})
    app.run()
    assert not app.exception
    assert any("rubbish" in warning.value for warning in app.warning)
    assert any("nothing to compare" in info.value for info in app.info)
    app.button(key="compare start").click().run()
    assert not app.exception and not app.info
    assert not app.warning  # the image went with the places


def test_a_link_leads_from_a_unit_to_its_place(opened):
    view = links.Neuron(store=opened.store.id, layer="x:y", unit=4, method="m", level="classes")
    linked = of_units(view.store, Place(view.layer, view.unit, view.method), level=view.level)
    assert links.query(linked) == {"store": opened.store.id, "a": "x%3Ay:4:m", "level": "classes"}
