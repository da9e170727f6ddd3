"""What units do to the network: the Importance page, and the effect on a unit's own page."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from lexplain_core.base.numbers import percent
from lexplain_core.views.importance import quadratic

from .helpers import charts, click_point, downloaded, heading, parameters, pick, settle, wait_for_parameters

BETAS = (0.0003, 0.002, 0.02, 0.1, 0.5)


@pytest.fixture(scope="session")
def measured(store):
    """The unit of the network whose impact is exact and largest."""
    frame = store.impacts()
    exact = frame[~frame["sampled"] & frame["reason"].isna()]
    row = exact.loc[exact["total"].idxmax()]
    return store.unit(row["layer"], int(row["unit"]))


def address(dashboard, store, unit, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{dashboard}/neuron?store={store.id}&layer={unit.layer}&unit={unit.unit}{extra}"


# -- the page ---------------------------------------------------------------------------------------


def test_table_1_is_the_stores(visit, dashboard, store):
    page = visit(f"{dashboard}/importance?store={store.id}")
    expect(page.get_by_role("heading", name="What units do to the network")).to_be_visible()
    settle(page)
    table = store.table1()
    rows = downloaded(page, "Top Impact as CSV")
    assert [(r["layer"], float(r["beta"])) for r in rows] == list(
        table[["layer", "beta"]].itertuples(False, None)
    )
    for column in ("mean", "std", "error"):
        assert [float(r[column]) for r in rows] == pytest.approx(table[column].tolist(), rel=1e-9, abs=1e-12)
    shown = page.locator(".lx-table1 tbody tr")
    layers = list(table["layer"].unique())
    expect(shown).to_have_count(len(layers))
    for number, layer in enumerate(layers):
        own = table[table["layer"] == layer]
        cells = shown.nth(number).locator("td").all_inner_texts()
        wanted = [own[(own["beta"] - beta).abs() < 1e-9].iloc[0] for beta in BETAS]
        assert cells[:-1] == [f"{percent(w['mean'])} ± {percent(w['std'])}" for w in wanted]
        units = f"{wanted[0]['units']:,}"
        assert cells[-1].startswith((f"all {units} units", f"{units} of "))
        head = shown.nth(number).locator("th").inner_text()
        assert head.startswith(layer) and ("estimate" in head) == bool(own["sampled"].any())
    curves, points = charts(page)
    assert len(curves["data"]) == len(layers) + 1
    assert sum(len(trace["y"]) for trace in points["data"]) == (store.impacts()["total"] > 0).sum()


def test_a_click_on_a_point_opens_its_unit(visit, dashboard, store):
    layer = store.impacts()["layer"].iloc[0]
    page = visit(f"{dashboard}/importance?store={store.id}&layer={layer}")
    settle(page)
    layer, unit, _ = click_point(page, "impact-points")
    heading(page, layer, unit)
    assert urlsplit(page.url).path == "/neuron"
    settle(page)
    page.go_back()
    expect(page.get_by_role("heading", name="What units do to the network")).to_be_visible()
    wait_for_parameters(page, layer=layer)


def test_scores_together_opens_units_and_says_the_fit(visit, dashboard, store):
    page = visit(f"{dashboard}/importance?store={store.id}&part=together")
    settle(page)
    pairs = store.score_pairs("ablation")
    (chart,) = charts(page)
    marks = [trace for trace in chart["data"] if trace["name"] != "quadratic fit"]
    assert sorted(y for trace in marks for y in trace["y"]) == pytest.approx(sorted(pairs["ablation"]))
    assert {trace["name"].split(" (")[0] for trace in marks} == set(pairs["method"])
    _, r2 = quadratic(pairs["correlation"], pairs["ablation"])
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text(f"a quadratic to these {len(pairs):,} points: ablation ≈")
    expect(main).to_contain_text(f"{r2:.0%} of the variance")
    layer, unit, method = click_point(page, "score-points")
    heading(page, layer, unit)
    wait_for_parameters(page, method=method)
    page.go_back()
    wait_for_parameters(page, part="together")
    expect(page.get_by_role("button", name="Scores as CSV")).to_be_visible()
    settle(page)
    assert urlsplit(page.url).path == "/importance"  # the point is not clicked again


def test_back_leads_to_the_unit_that_was_left(visit, dashboard, store, measured):
    layers = store.impacts()["layer"].unique()
    page = visit(f"{dashboard}/importance?store={store.id}&layer={layers[0]}")
    settle(page)
    page.get_by_role("link", name="Neuron").click()
    expect(page.get_by_role("combobox", name="Layer")).to_be_visible()
    settle(page)
    before = page.locator("h2").first.inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("h2").first).not_to_have_text(before)
    page.wait_for_function("() => new URL(location.href).searchParams.has('method')")
    settle(page)
    left = page.locator("h2").first.inner_text()
    page.get_by_role("link", name="Importance").click()
    wait_for_parameters(page, layer=layers[0])
    settle(page)
    page.go_back()
    expect(page.get_by_role("heading", name=left)).to_be_visible()


def test_the_filters_of_scores_together_are_in_the_address(visit, dashboard, store):
    pairs = store.score_pairs("ablation_optim")
    assert len(pairs), "the demo has no scores by optim"
    method, layer = pairs["method"].iloc[0], pairs["layer"].iloc[0]
    page = visit(f"{dashboard}/importance?store={store.id}&part=together&method={method}&layer={layer}")
    settle(page)
    page.get_by_role("radiogroup", name="c and d found by").get_by_text("optim", exact=True).click()
    wait_for_parameters(page, fit="optim", method=method, layer=layer)
    settle(page)
    wanted = pairs[(pairs["method"] == method) & (pairs["layer"] == layer)]
    rows = downloaded(page, "Scores as CSV")
    assert [int(r["unit"]) for r in rows] == wanted["unit"].tolist()
    assert [float(r["ablation"]) for r in rows] == pytest.approx(wanted["ablation"].tolist())


# -- a unit -----------------------------------------------------------------------------------------


def test_the_outputs_that_a_unit_pushes(visit, dashboard, store, measured):
    page = visit(address(dashboard, store, measured, tab="effect"))
    heading(page, measured.layer, measured.unit)
    settle(page)
    output_effects = measured.output_effects()
    highest = output_effects["bucket"].max()
    check_pushes(page, output_effects[output_effects["bucket"] == highest])
    rows = downloaded(page, "Pushes as CSV")
    assert [float(r["change"]) for r in rows] == pytest.approx(output_effects["change"].tolist(), rel=1e-5)
    pick(page, "Images whose activation", -1)
    lowest = output_effects["bucket"].min()
    wait_for_parameters(page, bucket=str(lowest), tab="effect")
    first = output_effects[(output_effects["bucket"] == lowest) & (output_effects["rank"] == 1)].iloc[0]
    expect(page.get_by_text(f"the unit pushes up {first['output']} by")).to_be_visible()
    settle(page)
    check_pushes(page, output_effects[output_effects["bucket"] == lowest])
    curve = charts(page)[-1]["data"][0]
    top = measured.impact().top
    assert curve["y"] == pytest.approx(top.loc[top["value"] > 0, "value"].tolist())
    assert parameters(page)["bucket"] == str(lowest)


def check_pushes(page, rows) -> None:
    """The bars are these outputs' changes."""
    bars = charts(page)[2]["data"][0]
    x = page.locator(".st-key-output_effects .js-plotly-plot").evaluate(
        "p => Array.from(p.data[0].x._inputArray || p.data[0].x)"
    )
    assert bars["type"] == "bar"
    assert x == pytest.approx(sorted(rows["change"].tolist(), reverse=True), rel=1e-5)
