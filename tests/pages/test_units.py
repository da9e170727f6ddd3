"""A unit's page as its address asks for it: tabs, maps, draws; units that are not alive."""

from __future__ import annotations

import pytest

from .helpers import alerts, charts, elements, headings, labels, notes, of_class, opened, pictures, text


def neuron(demo, layer: str, unit: int, store: str | None = None, **more):
    app = opened("neuron", store=store or demo.id, layer=layer, unit=unit, **more)
    assert headings(app)[0].startswith(f"{layer} · unit {unit}")
    return app


@pytest.fixture(scope="module")
def best(demo_store) -> tuple[str, int]:
    """The unit with the best score of the network's first layer."""
    from lexplain_core import Store

    with Store.open(demo_store) as store:
        units = store.unit_table()
    network = units[units["layer"] == units["layer"].iloc[0]]
    row = network.loc[network["correlation"].idxmax()]
    return row["layer"], int(row["unit"])


@pytest.mark.parametrize("tab", ["simulated", "effect", "images", "about"])
def test_tabs_are_in_the_address(demo, best, tab):
    app = neuron(demo, *best, tab=tab)
    assert len(pictures(app)) == (16 if tab == "simulated" else 0)
    if tab == "simulated":
        scatter = charts(app)[-1]
        assert [trace["name"].split(" (")[0] for trace in scatter["data"]] == [
            "train and val", "test", "simulated = actual",
        ]  # fmt: skip
    else:
        button = {"effect": "Pushes as CSV", "images": "Images as CSV", "about": "Terms as CSV"}[tab]
        assert button in labels(app, "download_button")


def test_units_that_are_not_alive_explain_themselves(demo):
    units = demo.unit_table()
    for status, said in [("dead", "A dead unit"), ("constant", "A constant unit"),
                         ("negative", "without a positive range")]:  # fmt: skip
        rows = units[units["status"] == status]
        assert len(rows), f"the demo has no {status} unit"
        app = neuron(demo, rows.iloc[0]["layer"], int(rows.iloc[0]["unit"]))
        assert said in text(app)
        assert not any("share" in str(notes(chart)) for chart in charts(app))


def test_planted_units_show_their_recipe(demo):
    planted = next(
        unit
        for row in demo.unit_table().itertuples()
        if ((unit := demo.unit(row.layer, row.unit)).truth or {}).get("terms")
    )
    app = neuron(demo, planted.layer, planted.unit, tab="about")
    assert "What it was made of" in headings(app)
    (weight, name), *_ = planted.truth["terms"]
    assert f"{weight:g}·{name}" in text(app)


@pytest.mark.parametrize("draw", ["-1", "2147483648", "9" * 100])
def test_a_draw_that_is_none_is_ignored(demo, draw):
    app = neuron(demo, demo.layers()["layer"].iloc[0], 0, draw=draw)
    said = f"draw={draw if len(draw) <= 60 else draw[:60] + '…'}, which is not a whole number"
    assert said in alerts(app)[0]
    assert "Draw 0:" in text(app)


# -- maps ------------------------------------------------------------------------------------------


@pytest.fixture
def mapped(demo) -> tuple[str, int]:
    """A living unit of the network whose examples have maps."""
    layers = demo.layers()
    layer = layers.loc[layers["kind"] == "map", "layer"].iloc[-1]
    table = demo.unit_table(layer)
    unit = demo.unit(layer, int(table.loc[table["correlation"].idxmax(), "unit"]))
    assert unit.maps(unit.examples(7)["image"].tolist()), "the demo keeps no maps of its examples"
    return layer, unit.unit


def test_computed_units_have_neither_maps_nor_a_closer_look(demo):
    layers = demo.layers()
    layer = layers.loc[layers["source"] == "computed", "layer"].iloc[0]
    app = neuron(demo, layer, 0, map=60)
    assert "Map" not in [slider.label for slider in elements(app, "slider")]
    assert "Look closer at one image" not in labels(app, "expander")


def test_without_the_network_a_sentence_says_so(demo, mapped):
    image = int(demo.unit(*mapped).top(1)["image"].iloc[0])
    app = neuron(demo, *mapped, store="elsewhere", image=image, map=60)
    said = "names the weights file /nowhere/else.pth, which this machine has not been told to trust"
    assert said in text(app)
    assert not of_class(app, "lx-look")
    assert text(app).count("one scale for all") == 1  # what is kept in the store is there


def test_an_image_that_is_not_there_is_said(demo, mapped):
    assert "This store has no image 999999." in alerts(neuron(demo, *mapped, image=999999))[0]
