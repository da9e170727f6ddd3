"""What several widgets change in one moment all reaches the address, and no address breaks a page."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace

import pytest

from lexplain_core.figures import print as prints
from lexplain_core.notes import Notes
from lexplain_core.store import Store
from lexplain_core.views.ranges import images_in, none_to_show
from lexplain_core.views.studio import moved
from pages.ui import links

from .helpers import opened, params


@pytest.fixture
def own(demo_store, tmp_path, monkeypatch):
    """A copy of the demo store alone in a folder of its own, opened; its notes are as new."""
    with Store.open(shutil.copy(demo_store, tmp_path / "own.duckdb")) as store:
        monkeypatch.setenv("LEXPLAIN_STORES", str(tmp_path))
        monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path))
        yield store


def keyed(widgets, key: str):
    return next(widget for widget in widgets if widget.key == key)


def test_all_that_was_changed_in_one_moment_is_in_the_address(own):
    app = opened("overview", store=own.id)
    app.text_input(key="overview q").set_value("dog")
    app.number_input(key="overview length from").set_value(2)
    app.selectbox(key="overview sort").set_value("correlation")
    app.run()
    assert not app.exception
    found = params(app)
    assert (found["q"], found["where"], found["sort"]) == ("dog", "length:2..", "-correlation")
    # what was put back to its default in the same moment stays there
    app.text_input(key="overview q").set_value("")
    app.number_input(key="overview length from").set_value(3)
    app.run()
    assert "q" not in params(app) and params(app)["where"] == "length:3.."


def test_a_weight_that_is_typed_in_is_kept_by_the_click_that_ends_it(own):
    unit = next(unit for number in range(80) if (unit := own.unit("block7", number)).explanation().length > 1)
    app = opened("words", store=own.id, layer="block7", unit=unit.unit, method=own.default_method)
    weight = next(w for w in app.number_input if (w.key or "").startswith("weight "))
    concept = int(weight.key.split()[1])
    app.text_input(key="name of the words").set_value("by hand")
    weight.set_value(1.25)
    keyed(app.button, "keep words").set_value(True)
    app.run()
    assert not app.exception
    (made,) = Notes.of(own).explanations()
    key = own.concepts().set_index("concept")["key"][concept]
    assert dict((key, weight) for weight, key in made.terms)[key] == pytest.approx(1.25)
    assert params(app)["way"] == "keep" and f"{concept}:1.25" in params(app)["terms"]
    assert any("Kept as “by hand”" in one.value for one in app.success)
    assert keyed(app.button, "keep words").label == "Replace “by hand”"
    # other words to start from, another name
    app.selectbox(key="words method").set_value("")
    app.run()
    assert app.text_input(key="name of the words").value == ""
    assert keyed(app.button, "keep words").label == "Keep"


def test_two_weights_and_a_removal_at_once(own):
    unit = next(unit for number in range(80) if (unit := own.unit("block7", number)).explanation().length > 2)
    app = opened("words", store=own.id, layer="block7", unit=unit.unit, method=own.default_method)
    weights = [w for w in app.number_input if (w.key or "").startswith("weight ")]
    first, second, third = [int(w.key.split()[1]) for w in weights[:3]]
    weights[0].set_value(1.5)
    weights[1].set_value(-2.5)
    keyed(app.button, f"remove {third}").set_value(True)
    app.run()
    assert not app.exception
    terms = dict(piece.split(":") for piece in params(app)["terms"].split(","))
    assert (terms[str(first)], terms[str(second)]) == ("1.5", "-2.5") and str(third) not in terms


def test_a_layer_and_a_unit_of_two_places_at_once(own):
    app = opened("compare", store=own.id, a="block7:3", b="block7:5")
    app.number_input(key="compare a unit").set_value(4)
    app.number_input(key="compare b unit").set_value(6)
    app.run()
    assert not app.exception
    found = params(app)
    assert found["a"].startswith("block7:4") and found["b"].startswith("block7:6")


def test_a_range_of_hidden_images_is_not_called_empty(own, monkeypatch):
    unit = own.unit("block7", 3)
    bucket = next(b for b in reversed(range(8)) if unit.buckets.counts[b])
    monkeypatch.setattr(own, "hidden", frozenset({1}))
    count = images_in(unit, bucket)
    said = none_to_show(unit, bucket)
    assert said.startswith(f"All {count:,} images" if count > 1 else "The one image") and "hidden" in said
    monkeypatch.setattr(own, "hidden", frozenset())
    assert none_to_show(unit, bucket).startswith("No image")


# -- the studio -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "move", "place", "order", "then"),
    [
        (2, "up", 1, "bac", 1),
        (2, "down", 0, "bac", 1),
        (1, "up", 1, "bac", 2),
        (3, "remove", 0, "bc", 2),
        (3, "remove", 2, "ab", 2),
        (1, "up", 0, "abc", 1),
        (1, "remove", 7, "abc", 1),
        (1, "down", 2, "abc", 1),
    ],
)
def test_the_unit_whose_images_are_chosen_moves_along(at, move, place, order, then):
    units = [(name, 0) for name in "abc"]
    found, now = moved(units, at, move, place)
    assert "".join(name for name, _ in found) == order and now == then


def test_a_figure_is_kept_for_the_session_and_its_link_is_whole(own):
    app = opened("studio", store=own.id)
    query = app.session_state[f"studio of {own.id}"]
    assert query["units"] == params(app)["units"] != ""


# -- addresses ------------------------------------------------------------------------------------

CASES = [(page, field.name) for page, view in links.VIEWS.items() for field in fields(view)]


@pytest.mark.parametrize(("page", "name"), CASES)
def test_no_value_of_an_address_breaks_its_parser(page, name):
    for text in ("foo", "-7", "nan", "1e999", "<b>", ":", "é" * 200):
        view, problems = links.parse(page, {name: text})
        assert getattr(view, name) == text or problems or isinstance(getattr(view, name), int | float)
        assert links.parse(page, links.query(view, full=True)) == (view, [])


@pytest.mark.parametrize(
    "page", ["overview", "neuron", "words", "picture", "compare", "studio"]
)  # the pages with the most to say
def test_a_page_shows_what_it_can_of_an_address_of_nonsense(own, page):
    names = [
        field.name for field in fields(links.VIEWS[page]) if field.name not in ("store", "layer", "unit")
    ]
    app = opened(page, store=own.id, **dict.fromkeys(names, "foo"))
    assert app.warning


def test_choices_of_the_studio_are_the_figures_own():
    assert links.PALETTES == prints.PALETTES and links.COLUMNS == tuple(prints.COLUMNS)
    assert replace(links.Studio(), palette="grey") == links.parse("studio", {"palette": "grey"})[0]


def test_a_store_whose_hidden_images_are_unknown_is_not_shown(own):
    Notes.of(own).path.write_bytes(b"another program's file, and long enough to be taken for one" * 20)
    for page in ("overview", "neuron"):
        app = opened(page, store=own.id)
        assert len(app.error) == 1 and "images may be hidden in them" in app.error[0].value
        assert not app.dataframe and not app.tabs and not app.checkbox
