"""Several methods and concept matrices, and what a page does where they are not there."""

from __future__ import annotations

import re

import pytest

from lexplain_core import Store

from .helpers import alerts, elements, headings, inner, labels, of_class, opened, params, pictures, text

OWN, OTHER = "le-label", "le-siglip"
TWICE = "Explainer and simulator are the same model"


@pytest.fixture(scope="module")
def seen_by_all(demo_store) -> tuple[str, int]:
    """A unit whose explanations by both methods have several concepts and can be seen by every matrix."""
    with Store.open(demo_store) as store:
        names = set(store.matrices()["matrix"])
        assert len(names) == 3 and store.methods() == [OWN, OTHER]
        for row in store.unit_table().itertuples():
            if row.status == "alive" and row.length > 1:
                unit = store.unit(row.layer, row.unit)
                found = [unit.explanation(method) for method in (OWN, OTHER)]
                if all(not e.reason and set(unit.matrices(e)) == names for e in found):
                    return row.layer, row.unit
    pytest.fail("no unit of the demo is explained by both methods with labels")


def neuron(store: str, unit: tuple[str, int], **more):
    app = opened("neuron", store=store, layer=unit[0], unit=unit[1], **more)
    assert headings(app)[0].startswith(f"{unit[0]} · unit {unit[1]}")
    return app


def test_a_matrix_that_is_not_there_is_said(demo, seen_by_all):
    frame = demo.matrices()
    (own,) = [r.matrix for r in frame.itertuples() if r.kind == "encoder" and "explainer" in r.roles]
    app = neuron(demo.id, seen_by_all, matrix="nobody", method=OTHER)
    said = f"“nobody” has no values of this explanation’s concepts; they are shown as seen by {own}."
    assert said in alerts(app)[0]
    (chosen,) = [e.value for e in elements(app, "button_group") if e.label == "Concepts seen by"]
    assert chosen == own


def test_what_is_no_better_than_chance_is_flagged(demo):
    table = demo.unit_table()
    rows = table[(table["correlation_low"] <= 0) | (table["correlation"] <= table["correlation_chance"])]
    assert len(rows), "every unit of the demo is better explained than chance"
    good = table[(table["correlation_low"] > 0) & (table["correlation"] > table["correlation_chance"])]
    for row, flagged in ((rows.iloc[0], True), (good.iloc[0], False)):
        app = neuron(demo.id, (row["layer"], int(row["unit"])))
        (line,) = of_class(app, "lx-score")
        assert ("No better than chance" in inner(line)) == flagged
        assert ("No better" in inner(line)) == flagged


@pytest.mark.parametrize("tab", ["examples", "simulated", "images", "about"])
def test_words_that_nobody_can_see_in_images_are_shown_without_charts_of_them(demo, seen_by_all, tab):
    app = neuron("unseen", seen_by_all, tab=tab)
    assert "Nobody can say which images show these concepts" in text(app)
    assert headings(app).count("Weights") == 1
    (line,) = of_class(app, "lx-line")
    assert demo.unit(*seen_by_all).explanation(OWN).terms[0].name in inner(line)


def test_where_there_is_no_choice_there_is_no_switch(demo, seen_by_all):
    app = neuron("labels", seen_by_all, tab="simulated")
    assert not of_class(app, "lx-compare")
    assert not {"Explained by", "Concepts seen by"} & set(labels(app, "button_group"))
    (line,) = of_class(app, "lx-score")
    assert re.search(r"Test correlation .* Chance: these words", inner(line))
    assert params(app)["tab"] == "simulated" and len(pictures(app)) == 16


def test_the_same_model_twice_is_warned_of(demo, seen_by_all):
    assert TWICE in alerts(neuron("same", seen_by_all, method=OTHER))[0]
    assert "are the same model" not in text(neuron("same", seen_by_all, method=OWN))  # found with labels
    assert TWICE in alerts(opened("overview", store="same"))[0]


def test_the_demo_is_simulated_by_another_model(demo):
    assert demo.info()["same_encoder"] is False
    encoders = demo.matrices().query("kind == 'encoder'")
    assert len({config["fingerprint"] for config in encoders["config"]}) == 2
