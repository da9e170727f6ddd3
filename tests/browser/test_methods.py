"""Several methods and concept matrices: side by side, chosen by switches that the address keeps."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from lexplain_core.base.numbers import decimals, plain

from .helpers import charts, downloaded, heading, pictures, settle, wait_for_parameters

OWN, OTHER = "le-label", "le-siglip"


@pytest.fixture(scope="session")
def seen_by_all(store):
    """A unit whose explanations by both methods have several concepts and can be seen by every matrix."""
    names = set(store.matrices()["matrix"])
    assert len(names) == 3 and store.methods() == [OWN, OTHER]
    for row in store.unit_table().itertuples():
        if row.status == "alive" and row.length > 1:
            unit = store.unit(row.layer, row.unit)
            found = [unit.explanation(method) for method in (OWN, OTHER)]
            if all(not e.reason and set(unit.matrices(e)) == names for e in found):
                return unit
    pytest.fail("no unit of the demo is explained by both methods with labels")


def address(dashboard, store, unit, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{dashboard}/neuron?store={store.id}&layer={unit.layer}&unit={unit.unit}{extra}"


def encoder(store, role: str) -> str:
    frame = store.matrices()
    (name,) = [row.matrix for row in frame.itertuples() if row.kind == "encoder" and role in row.roles]
    return name


def choose(page, control: str, name: str) -> None:
    page.get_by_role("radiogroup", name=control).get_by_text(name, exact=True).click()


def chosen(page, control: str) -> str:
    group = page.get_by_role("radiogroup", name=control)
    return group.locator("[role=radio][aria-checked=true]").inner_text()


def two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def test_methods_stand_side_by_side_and_one_is_chosen(visit, dashboard, store, seen_by_all):
    unit = seen_by_all
    page = visit(address(dashboard, store, unit))
    heading(page, unit.layer, unit.unit)
    settle(page)
    rows = page.locator(".lx-compare tbody tr")
    expect(rows).to_have_count(2)
    for row, method in enumerate((OWN, OTHER)):
        found, text = unit.explanation(method), rows.nth(row).inner_text()
        assert found.text in text and method in text
        correlations = [score for score in found.scores if score.measure == "correlation"]
        ablations = [score for score in found.scores if score.measure == "ablation"]
        assert len(correlations) == 2 and ablations
        for score in ablations:
            assert f"{two(score.value)} ({two(score.low)} to {two(score.high)})" in text
        for score in correlations:
            assert f"{two(score.value)} ({two(score.low)} to {two(score.high)})" in text
            assert (
                f"chance {two(score.chance)}; {score.details['null_above']} of {score.details['null_units']} others"
                in text
            )
    expect(page.locator(".lx-compare .now")).to_contain_text(OWN)
    expect(page.locator(".lx-line")).to_have_text(unit.explanation(OWN).text)

    choose(page, "Explained by", OTHER)
    wait_for_parameters(page, method=OTHER)
    found = unit.explanation(OTHER)
    expect(page.locator(".lx-line")).to_have_text(found.text)
    expect(page.locator(".lx-compare .now")).to_contain_text(OTHER)
    settle(page)
    headline = page.locator(".lx-score").inner_text()
    assert f"Test correlation {two(found.score().value)}" in headline and found.simulator in headline
    assert f"below {two(found.score().chance)} on 95%" in headline
    assert chosen(page, "Concepts seen by") == found.matrix  # its own, not that of the other method
    assert len(charts(page)[1]["data"][0]["y"]) == found.length
    page.go_back()
    expect(page.locator(".lx-line")).to_have_text(unit.explanation(OWN).text)


@pytest.mark.parametrize("method", [OWN, OTHER])
def test_a_matrix_changes_the_area_and_the_simulation_and_is_in_the_address(
    visit, dashboard, store, seen_by_all, method
):
    unit, found = seen_by_all, seen_by_all.explanation(method)
    page = visit(address(dashboard, store, unit, method=method, tab="simulated"))
    heading(page, unit.layer, unit.unit)
    settle(page)
    assert check_charts(page, unit, found, found.matrix) == (
        found.matrix if found.matrix != "label" else "labels"
    )
    for name in [encoder(store, "simulator"), encoder(store, "explainer"), "label"]:
        choose(page, "Concepts seen by", "labels" if name == "label" else name)
        wait_for_parameters(page, matrix=name, method=method, tab="simulated")
        words = "the images’ labels" if name == "label" else name
        expect(page.get_by_text(f"predicts, with concepts seen by {words}.")).to_be_visible()
        settle(page)
        check_charts(page, unit, found, name)
        check_residuals(page, unit, found, name)
    choose(page, "Concepts seen by", encoder(store, "simulator"))
    wait_for_parameters(page, matrix=encoder(store, "simulator"))
    settle(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    params = dict(parse_qsl(urlsplit(link).query))
    assert (params["method"], params["matrix"]) == (method, encoder(store, "simulator"))
    other = visit(link)
    heading(other, unit.layer, unit.unit)
    settle(other)
    assert chosen(other, "Concepts seen by") == encoder(store, "simulator")
    assert charts(other) == charts(page) and pictures(other) == pictures(page)


def check_charts(page, unit, found, matrix: str) -> str:
    """The area shows the composition by the matrix, the scatter the simulation; returns what is chosen."""
    area, _, scatter = charts(page)
    frame = unit.composition(found, matrix).pivot(index="concept", columns="bucket", values="share")
    filled = np.asarray(unit.buckets.counts) > 0
    shown = sorted(
        round(sum(y for y in trace["y"] if y is not None), 6) for trace in area["data"] if trace["stacked"]
    )
    if filled.all():  # one run of buckets: the outer ones are there twice
        wanted = [row.sum() + row.iloc[0] + row.iloc[-1] for _, row in frame.iterrows()]
        assert shown == pytest.approx(sorted(wanted), abs=1e-5)
    x = page.evaluate(
        "() => { const t = [...document.querySelectorAll('.js-plotly-plot')].at(-1).data[1];"
        " return Array.from(t.x._inputArray || t.x); }"
    )
    test = unit.split == "test"
    assert sorted(x) == pytest.approx(sorted(unit.simulated(found, matrix)[test]), rel=1e-5, abs=1e-6)
    assert sorted(scatter["data"][1]["y"]) == pytest.approx(sorted(unit.activations[test].tolist()), abs=1e-6)
    return chosen(page, "Concepts seen by")


def check_residuals(page, unit, found, matrix: str) -> None:
    """Two rows of images: what the words miss, in both directions."""
    expect(page.get_by_role("heading", name="What the words miss")).to_be_visible()
    more, less = unit.residuals(found, matrix, 8)
    places = decimals(unit.maximum - unit.minimum, 100)
    words = [
        f"{row.label}, activation {plain(row.activation, places)}, simulated {plain(row.simulated, places)}"
        for frame in (more, less) for row in frame.itertuples()
    ]  # fmt: skip
    assert [alt for alt, _ in pictures(page)] == words and len(words) == 16
    rows = page.locator(".lx-row")
    expect(rows).to_have_count(2)
    for row, frame, title in ((0, more, "More than the words say"), (1, less, "Less than the words say")):
        expect(rows.nth(row)).to_contain_text(title)
        count = (frame["split"] == "test").sum()
        expect(rows.nth(row)).to_contain_text(f"{count} of them in the test split")
        assert rows.nth(row).locator("figcaption").count() == 8


def test_the_choice_stays_from_unit_to_unit(visit, dashboard, store, seen_by_all):
    unit, name = seen_by_all, encoder(store, "simulator")
    page = visit(address(dashboard, store, unit, method=OTHER, matrix=name))
    heading(page, unit.layer, unit.unit)
    settle(page)
    page.keyboard.press("ArrowRight")
    heading(page, unit.layer, (unit.unit + 1) % unit.units)
    wait_for_parameters(page, method=OTHER, matrix=name)
    page.keyboard.press("ArrowLeft")
    heading(page, unit.layer, unit.unit)
    settle(page)
    choose(page, "Explained by", OWN)  # a matrix that was chosen stays
    wait_for_parameters(page, method=OWN, matrix=name)
    settle(page)
    assert chosen(page, "Concepts seen by") == name


def test_the_overview_shows_each_methods_scores_with_chance(visit, dashboard, store):
    page = visit(f"{dashboard}/overview?store={store.id}&method={OTHER}")
    settle(page)
    table = store.unit_table(method=OTHER)
    rows = downloaded(page, "Table as CSV")
    assert [r["explanation"] for r in rows] == table["explanation"].tolist()
    for column in ("correlation", "correlation_chance"):
        assert [float(r[column] or "nan") for r in rows] == pytest.approx(table[column].tolist(), nan_ok=True)
    means = store.layers(method=OTHER)["mean_correlation"].tolist()
    assert [float(r["mean_correlation"]) for r in downloaded(page, "Layers as CSV")] == pytest.approx(means)
    rows = downloaded(page, "Concept matrices as CSV")
    assert [r["matrix"] for r in rows] == store.matrices()["matrix"].tolist()
    (scores,) = charts(page)
    assert sum(sum(trace["y"]) for trace in scores["data"]) == table["correlation"].notna().sum()


def test_the_filter_and_the_calibration_are_told(visit, dashboard, store, seen_by_all):
    page = visit(address(dashboard, store, seen_by_all, method=OTHER, tab="about"))
    heading(page, seen_by_all.layer, seen_by_all.unit)
    row = store.matrices().set_index("matrix").loc[encoder(store, "explainer")]
    words = f"{row['kept']:,} of {row['kept'] + row['dropped']:,} concepts"
    expect(page.get_by_text(words)).to_be_visible()
    settle(page)
    origins = {
        r["origin"]: [int(r["kept"]), int(r["dropped"])] for r in downloaded(page, "Concept filter as CSV")
    }
    assert origins == row["filter"]
    facts = {r["fact"]: r["value"] for r in downloaded(page, "Facts as CSV")}
    assert facts["concept matrix"] == encoder(store, "explainer") and "sigmoid(" in facts["P(concept)"]
    assert {"their loss", "sparse fit off by", "val correlation"} <= set(facts)
