"""What pages share: the cache, the table, and widgets that stand for fields of an address."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lexplain_core.views.opened import Opened
from pages.ui.cache import cached

from .helpers import opened, params


def test_a_store_counts_as_another_one_where_its_key_changes():
    calls = []

    @cached()
    def asked(opened: Opened, layer: str, _more: object = None) -> int:
        calls.append(layer)
        return len(calls)

    first = Opened("a store", ("file", 1))
    assert asked(first, "a") == asked(Opened("the same one, opened again", ("file", 1)), "a") == 1
    assert asked(first, "a", object()) == 1  # begins with an underscore
    assert asked(first, "b") == 2
    assert asked(Opened("a store", ("file", 2)), "a") == 3  # replaced, or noted upon


def test_a_file_is_read_again_where_it_changed(tmp_path):
    @cached()
    def read(paths: tuple[Path, ...]) -> list[str]:
        return [path.read_text() for path in paths]

    file = tmp_path / "a.txt"
    file.write_text("one")
    assert read((file,)) == read((file,)) == ["one"]
    file.write_text("two")
    os.utime(file, (1, 1))
    assert read((file,)) == ["two"]


def table():
    import pandas as pd

    from pages.ui import tables

    frame = pd.DataFrame(
        {
            "z": ["x", "y"],
            "gone": [float("nan")] * 2,
            "never": [0, 0],
            "share": [-0.001, 0.5],
            "hidden": [1, 2],
        }
    )
    columns = {
        "share": tables.number("Share", format="%.2f"),
        "gone": "Gone",
        "never": tables.number("Never"),
        "z": tables.text("Z"),
        "missing": "Missing",
    }
    assert tables.show(frame, "table", "A table", columns, optional=("gone", "never")) is None


def test_a_table_shows_its_columns_in_order_and_no_minus_zero():
    app = AppTest.from_function(table).run(timeout=30)
    assert not app.exception
    shown = app.dataframe[0].value
    assert list(shown) == ["share", "z"]
    assert [str(value) for value in shown["share"]] == ["0.0", "0.5"]


@pytest.mark.parametrize(
    ("page", "key", "value", "found"),
    [
        ("neuron", "neuron map", 40, {"map": "40"}),
        ("neuron", "neuron unit", 5, {"unit": "5"}),
        ("try_it", "try_it count", 3, {"count": "3"}),
        ("studio", "studio words", False, {"words": "0"}),
        ("importance", "importance layer", "block7", {"layer": "block7"}),
    ],
)
def test_what_a_widget_says_is_in_the_address_which_brings_it_back(demo, page, key, value, found):
    def widget(app: AppTest):
        kinds = (app.slider, app.number_input, app.selectbox, app.toggle)
        return next(one for kind in kinds for one in kind if one.key == key)

    place = {"store": demo.id} | ({"layer": "block7", "unit": 3} if page == "neuron" else {})
    app = opened(page, **place)
    assert widget(app).value != value
    widget(app).set_value(value)
    app.run()
    assert not app.exception and found.items() <= params(app).items()
    again = opened(page, **params(app))
    assert widget(again).value == value == widget(app).value
