"""What units do to the network, as the Importance page and a unit's own page say it."""

from __future__ import annotations

import re

import pytest

from lexplain_core.base.numbers import percent, plural
from lexplain_core.views.effect import effect_shares

from .helpers import alerts, charts, elements, headings, inner, of_class, opened, text

UNKNOWN = "Class [x] has no output."


def neuron(store, unit, **more):
    """A unit's page; unit: one of a store, or a layer with a number."""
    layer, number = unit if isinstance(unit, tuple) else (unit.layer, unit.unit)
    app = opened("neuron", store=store, layer=layer, unit=number, **more)
    assert headings(app)[0].startswith(f"{layer} · unit {number}")
    return app


def ablation(app) -> str:
    (line,) = of_class(app, "lx-ablation")
    return inner(line)


def test_layers_that_are_not_in_the_table_say_why(demo):
    layers = demo.layers()
    left_out = layers[layers["effect_reason"].notna()]
    assert len(left_out), "the demo has no computed layer"
    shown = text(opened("importance", store=demo.id))
    for row in left_out.itertuples():
        assert re.search(f"Not in the table: {row.layer}.*{re.escape(row.effect_reason)}", shown)


@pytest.mark.parametrize(
    ("part", "said"), [("top", "No impact was measured in"), ("together", "No explanation of")]
)
def test_a_layer_without_rows_leaves_all_layers(demo, part, said):
    layers = demo.layers()
    layer = layers.loc[layers["source"] == "computed", "layer"].iloc[0]
    app = opened("importance", store=demo.id, layer=layer, part=part)
    assert f"{said} “{layer}”" in alerts(app)[0]
    marks = [trace for trace in charts(app)[-1]["data"] if trace["name"] != "quadratic fit"]
    known = demo.impacts()["total"].gt(0).sum() if part == "top" else len(demo.score_pairs("ablation"))
    assert sum(len(trace["y"]) for trace in marks) == known > 0


@pytest.mark.parametrize("part", ["top", "together"])
def test_a_store_without_effects_says_why(demo, part):
    shown = text(opened("importance", store="without", part=part))
    assert len(re.findall("No (?:impact was measured|explanation) in this store", shown)) == 1
    assert shown.count(UNKNOWN) == len(demo.layers())


@pytest.mark.parametrize("tab", ["examples", "effect"])
def test_a_unit_without_effects_says_why(demo, measured, tab):
    app = neuron("without", measured, tab=tab)
    assert ablation(app) == f"No test ablation score: {UNKNOWN}"
    assert f"Effect on the network: unknown. {UNKNOWN}" in text(app)
    if tab == "effect":
        assert f"Nothing is known of this unit’s effect on the network. {UNKNOWN}" in text(app)
    else:
        assert "Map" not in [slider.label for slider in elements(app, "slider")]


def test_the_effect_of_each_range_stands_under_the_areas(demo, measured):
    app, unit = neuron(demo.id, measured), demo.unit(*measured)
    impact = unit.impact()
    (bars,) = [trace for trace in charts(app)[0]["data"] if trace["type"] == "bar"]
    assert bars["y"] == pytest.approx(effect_shares(impact.buckets)["share"].tolist())
    last = impact.buckets[impact.buckets["bucket"] == 7].iloc[0]
    images = percent(last["images"] / len(unit.activations))
    count = plural(int(last["images"]), "image")
    said = f"The last range holds {count} ({images}) and {percent(last['share'])} of the effect."
    assert said in text(app)


def test_an_estimate_says_so(demo):
    frame = demo.impacts()
    sampled = frame[frame["sampled"]]
    assert len(sampled), "every impact of the demo is exact"
    unit = demo.unit(sampled["layer"].iloc[0], int(sampled["unit"].iloc[0]))
    assert f"from a sample of {unit.impact().images:,} of" in text(neuron(demo.id, unit))


def test_ablation_stands_beside_correlation(demo, measured):
    app, unit = neuron(demo.id, measured), demo.unit(*measured)
    score = unit.explanation().score("ablation")
    said = f"{score.value:.2f} by norm, 95% interval {score.low:.2f} to {score.high:.2f}".replace("-", "−")
    assert said in ablation(app) and f"{score.n:,} images" in ablation(app)
    assert "ablation" not in inner(of_class(app, "lx-score")[0])


def test_an_undefined_score_shows_its_reason(demo):
    table = demo.unit_table()
    planted = table[table["ablation_reason"].notna() & table["correlation"].notna()].iloc[0]
    unit = demo.unit(planted["layer"], int(planted["unit"]))
    app = neuron(demo.id, unit)
    assert "No test ablation score" in ablation(app) and planted["ablation_reason"] in ablation(app)
    assert f"Effect on the network: unknown. {unit.effect_reason}" in text(app)
