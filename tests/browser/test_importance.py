"""What units do to the network: the Importance page, and the effect on a unit's own page."""

from __future__ import annotations

import json
import re
import shutil
from urllib.parse import urlsplit

import duckdb
import pytest
from playwright.sync_api import expect

from lexplain_core.figures import effect_shares, percent, plural, quadratic

from .conftest import serving
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


def test_layers_that_are_not_in_the_table_say_why(visit, dashboard, store):
    layers = store.layers()
    left_out = layers[layers["effect_reason"].notna()]
    assert len(left_out), "the demo has no computed layer"
    page = visit(f"{dashboard}/importance?store={store.id}")
    for row in left_out.itertuples():
        expect(page.get_by_text(f"Not in the table: {row.layer}")).to_contain_text(row.effect_reason)


@pytest.mark.parametrize(
    ("part", "words"), [("top", "No impact was measured in"), ("together", "No explanation of")]
)
def test_a_layer_without_rows_leaves_all_layers(visit, dashboard, store, part, words):
    layers = store.layers()
    layer = layers.loc[layers["source"] == "computed", "layer"].iloc[0]
    page = visit(f"{dashboard}/importance?store={store.id}&layer={layer}&part={part}")
    expect(page.get_by_role("alert")).to_contain_text(f"{words} “{layer}”")
    settle(page)
    marks = [trace for trace in charts(page)[-1]["data"] if trace["name"] != "quadratic fit"]
    known = store.impacts()["total"].gt(0).sum() if part == "top" else len(store.score_pairs("ablation-norm"))
    assert sum(len(trace["y"]) for trace in marks) == known > 0


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
    pairs = store.score_pairs("ablation-norm")
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
    pairs = store.score_pairs("ablation-optim")
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


@pytest.fixture(scope="module")
def without(demo_store, tmp_path_factory):
    """The demo store as it would be without outputs for its classes: nothing was measured."""
    folder = tmp_path_factory.mktemp("without")
    shutil.copy(demo_store, folder / "without.duckdb")
    with duckdb.connect(str(folder / "without.duckdb")) as con:
        con.execute("UPDATE meta SET value = ? WHERE key IN ('id', 'name')", [json.dumps("without")])
        for table in ("impacts", "top_impacts", "bucket_impacts", "pushes", "maps"):
            con.execute(f"DELETE FROM {table}")
        con.execute("DELETE FROM scores WHERE kind <> 'correlation'")
        con.execute("UPDATE layers SET way = NULL, effect_reason = 'Class [x] has no output.'")
    with serving(folder) as address:
        yield address


@pytest.mark.parametrize("part", ["top", "together"])
def test_a_store_without_effects_says_why(visit, without, store, part):
    page = visit(f"{without}/importance?store=without&part={part}")
    settle(page)
    expect(
        page.get_by_text(re.compile("^No (impact was measured|explanation) in this store"))
    ).to_be_visible()
    expect(page.get_by_text("Class [x] has no output.")).to_have_count(len(store.layers()))


@pytest.mark.parametrize("tab", ["examples", "effect"])
def test_a_unit_without_effects_says_why(visit, without, measured, tab):
    page = visit(f"{without}/neuron?store=without&layer={measured.layer}&unit={measured.unit}&tab={tab}")
    heading(page, measured.layer, measured.unit)
    settle(page)
    expect(page.locator(".lx-ablation")).to_have_text("No test ablation score: Class [x] has no output.")
    expect(page.get_by_text("Effect on the network: unknown. Class [x] has no output.")).to_be_visible()
    if tab == "effect":
        words = "Nothing is known of this unit’s effect on the network. Class [x] has no output."
        expect(page.locator("[data-testid=stMain]")).to_contain_text(words)
    else:
        assert page.get_by_role("slider", name="Map").count() == 0


# -- a unit -----------------------------------------------------------------------------------------


def test_the_effect_of_each_range_stands_under_the_areas(visit, dashboard, store, measured):
    page = visit(address(dashboard, store, measured))
    heading(page, measured.layer, measured.unit)
    settle(page)
    impact = measured.impact()
    (bars,) = [trace for trace in charts(page)[0]["data"] if trace["type"] == "bar"]
    assert bars["y"] == pytest.approx(effect_shares(impact.buckets)["share"].tolist())
    last = impact.buckets[impact.buckets["bucket"] == 7].iloc[0]
    images = percent(last["images"] / len(measured.activations))
    count = plural(int(last["images"]), "image")
    words = f"The last range holds {count} ({images}) and {percent(last['share'])} of the effect."
    expect(page.get_by_text(words)).to_be_visible()


def test_an_estimate_says_so(visit, dashboard, store):
    frame = store.impacts()
    sampled = frame[frame["sampled"]]
    assert len(sampled), "every impact of the demo is exact"
    unit = store.unit(sampled["layer"].iloc[0], int(sampled["unit"].iloc[0]))
    page = visit(address(dashboard, store, unit))
    heading(page, unit.layer, unit.unit)
    expect(page.get_by_text(f"from a sample of {unit.impact().images:,} of")).to_be_visible()


def test_ablation_stands_beside_correlation(visit, dashboard, store, measured):
    page = visit(address(dashboard, store, measured))
    heading(page, measured.layer, measured.unit)
    settle(page)
    score = measured.explanation().score("ablation-norm")
    words = f"{score.value:.2f} by norm, 95% interval {score.low:.2f} to {score.high:.2f}".replace("-", "−")
    expect(page.locator(".lx-ablation")).to_contain_text(words)
    expect(page.locator(".lx-ablation")).to_contain_text(f"{score.n:,} images")
    assert "ablation" not in page.locator(".lx-score").inner_text()


def test_an_undefined_score_shows_its_reason(visit, dashboard, store):
    table = store.unit_table()
    planted = table[table["ablation_reason"].notna() & table["score"].notna()].iloc[0]
    unit = store.unit(planted["layer"], int(planted["unit"]))
    page = visit(address(dashboard, store, unit))
    heading(page, unit.layer, unit.unit)
    expect(page.locator(".lx-ablation")).to_contain_text("No test ablation score")
    expect(page.locator(".lx-ablation")).to_contain_text(planted["ablation_reason"])
    settle(page)
    expect(page.get_by_text(f"Effect on the network: unknown. {unit.effect_reason}")).to_be_visible()


def test_the_outputs_that_a_unit_pushes(visit, dashboard, store, measured):
    page = visit(address(dashboard, store, measured, tab="effect"))
    heading(page, measured.layer, measured.unit)
    settle(page)
    pushes = measured.pushes()
    highest = pushes["bucket"].max()
    check_pushes(page, pushes[pushes["bucket"] == highest])
    rows = downloaded(page, "Pushes as CSV")
    assert [float(r["change"]) for r in rows] == pytest.approx(pushes["change"].tolist(), rel=1e-5)
    pick(page, "Images whose activation", -1)
    lowest = pushes["bucket"].min()
    wait_for_parameters(page, bucket=str(lowest), tab="effect")
    first = pushes[(pushes["bucket"] == lowest) & (pushes["rank"] == 1)].iloc[0]
    expect(page.get_by_text(f"the unit pushes up {first['output']} by")).to_be_visible()
    settle(page)
    check_pushes(page, pushes[pushes["bucket"] == lowest])
    curve = charts(page)[-1]["data"][0]
    top = measured.impact().top
    assert curve["y"] == pytest.approx(top.loc[top["value"] > 0, "value"].tolist())
    assert parameters(page)["bucket"] == str(lowest)


def check_pushes(page, rows) -> None:
    """The bars are these outputs' changes."""
    bars = charts(page)[2]["data"][0]
    x = page.locator(".st-key-pushes .js-plotly-plot").evaluate(
        "p => Array.from(p.data[0].x._inputArray || p.data[0].x)"
    )
    assert bars["type"] == "bar"
    assert x == pytest.approx(sorted(rows["change"].tolist(), reverse=True), rel=1e-5)
