"""Looking closer at a unit: ranges that are clicked, spans, levels, means, similar units."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .helpers import charts, heading, parameters, pictures, settle, wait_for_parameters


@pytest.fixture(scope="module")
def best(store):
    """The best explained unit of the network's last layer."""
    units = store.unit_table("block7")
    return units.loc[units["correlation"].idxmax()]


def address(dashboard, store, row, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{dashboard}/neuron?store={store.id}&layer={row['layer']}&unit={row['unit']}{extra}"


def click_range(page: Page, chart: str, bucket: int, height: float = 0.2) -> None:
    """Click a range of a chart, left of its middle, at a height from 0 (top) to 1 of its areas."""
    place = page.locator(f".st-key-{chart} .js-plotly-plot")
    place.scroll_into_view_if_needed()
    x, y = place.evaluate(
        """(p, [bucket, height]) => {
          const { xaxis, yaxis } = p._fullLayout, box = p.getBoundingClientRect();
          const trace = p.data.find(t => t.meta && t.meta.ranges), x = Array.from(trace.x._inputArray || trace.x);
          const per = x.length / trace.meta.ranges, at = x[bucket * per + Math.floor(per / 4)];
          return [box.left + xaxis._offset + xaxis.d2p(at), box.top + yaxis._offset + yaxis._length * height];
        }""",
        [bucket, height],
    )
    page.mouse.move(x - 2, y)
    page.mouse.click(x, y)


def shown(page: Page) -> list[float]:
    """The activations below the pictures."""
    settle(page)
    return [float(words.rsplit("activation ", 1)[1].replace("−", "-")) for words, _ in pictures(page)]


def test_a_click_on_a_range_shows_its_images_alone(visit, dashboard, store, best):
    unit = store.unit(best["layer"], int(best["unit"]))
    counts, edges = unit.buckets.counts, unit.buckets.edges
    page = visit(address(dashboard, store, best, tab="similar"))
    heading(page, best["layer"], best["unit"])
    settle(page)
    top = page.locator(".st-key-area .js-plotly-plot").bounding_box()["y"]
    assert top + 150 < page.viewport_size["height"]  # the chart begins on the first screen

    for bucket in (1, 6):
        click_range(page, "area", bucket)
        wait_for_parameters(page, only=str(bucket))
        expect(page.get_by_text(re.compile(r"images? of this range, from all splits"))).to_be_visible()
        values = shown(page)
        assert len(values) == min(40, counts[bucket])
        assert all(edges[bucket] - 0.01 <= value <= edges[bucket + 1] + 0.01 for value in values)
    assert "tab" not in parameters(page)  # it went to the examples
    click_range(page, "area", 6, height=0.9)  # once more: all again
    expect(page.get_by_text("of each range, from all splits")).to_be_visible()
    assert "only" not in parameters(page)
    assert len(shown(page)) == sum(min(8, int(n)) for n in [*counts, unit.buckets.negative])

    # by keyboard: the list of ranges, and the key that shows all
    box = page.get_by_role("combobox", name="Which range")
    box.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Show all ranges")).to_be_visible()
    bucket = int(parameters(page)["only"])
    assert len(shown(page)) == min(40, counts[bucket])
    page.locator("h2").first.click()
    page.keyboard.press("a")
    expect(page.get_by_text("of each range, from all splits")).to_be_visible()


def test_values_a_histogram_a_span_and_means(visit, dashboard, store, best):
    unit = store.unit(best["layer"], int(best["unit"]))
    low, high = 0.25 * unit.maximum, 0.5 * unit.maximum
    page = visit(address(dashboard, store, best, tab="values", above=f"{low:.4g}", below=f"{high:.4g}"))
    heading(page, best["layer"], best["unit"])
    low, high = float(f"{low:.4g}"), float(f"{high:.4g}")
    inside = ((unit.activations >= low) & (unit.activations <= high)).sum()
    expect(page.locator(".lx-row p").first).to_contain_text(f"{inside:,} images")
    values = shown(page)
    assert len(values) == min(40, inside) and min(values) >= low - 0.01 and max(values) <= high + 0.01
    settle(page)
    histogram = charts(page)[2]  # after the areas and the weights
    assert sum(histogram["data"][1]["y"]) == len(unit.activations)
    assert histogram["notes"] == [f"{count:,}" for count in unit.buckets.counts]
    means = unit.class_means()
    classes = charts(page)[3]
    assert classes["data"][0]["y"] == list(range(12)) and len(classes["notes"]) == 12
    assert float(classes["notes"][0].replace("−", "-")) == pytest.approx(means["mean"].iloc[0], abs=0.01)
    expect(page.locator("[data-testid=stMain]")).to_contain_text(
        f"By class, largest first (12 of {len(means)}; the CSV has all): from {means['label'].iloc[0]}"
    )

    page.get_by_role("radio", name="Linear counts").click()
    page.wait_for_function("() => new URL(location.href).searchParams.get('log') === '0'")
    settle(page)
    click_range(page, "histogram", 0, height=0.05)  # far above the bars
    wait_for_parameters(page, only="0", tab="values")
    expect(page.locator(".lx-row p").first).to_contain_text(f"{unit.buckets.counts[0]:,} images")
    settle(page)
    slider = page.get_by_role("slider").last
    slider.focus()
    page.keyboard.press("ArrowRight")  # the arrows are the slider's, not the way to the next unit
    page.wait_for_function("() => new URL(location.href).searchParams.has('below')")
    heading(page, best["layer"], best["unit"])
    assert "only" not in parameters(page)
    settle(page)
    below = float(parameters(page)["below"])
    assert below > unit.buckets.edges[1]
    assert max(shown(page)) <= below + 0.01


def test_similar_units_lead_to_themselves_and_side_by_side(visit, dashboard, store, best):
    unit = store.unit(best["layer"], int(best["unit"]))
    first, alike = unit.similar().iloc[0], unit.alike(count=10)
    page = visit(address(dashboard, store, best, tab="similar"))
    heading(page, best["layer"], best["unit"])
    settle(page)
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text(f"Correlation {first['correlation']:.2f}".replace("-", "−"))
    if len(alike):
        expect(main).to_contain_text(f"Cosine {alike['cosine'].iloc[0]:.2f}")
    beside = page.get_by_role("link", name="Compare", exact=True).nth(1)  # the first is the page's own
    assert f"{best['layer']}%3A{first['unit']}" in beside.get_attribute("href")
    page.get_by_role("link", name=f"unit {first['unit']}", exact=True).first.click()
    heading(page, best["layer"], int(first["unit"]))
    expect(page.locator(".lx-line")).to_have_text(
        store.unit(best["layer"], int(first["unit"])).explanation().text
    )


def test_the_areas_can_be_classes_and_superclasses(visit, dashboard, store, best):
    unit = store.unit(best["layer"], int(best["unit"]))
    page = visit(address(dashboard, store, best, tab="about"))
    heading(page, best["layer"], best["unit"])
    settle(page)
    for name, level in (("Classes", "classes"), ("Superclasses", "superclasses")):
        page.get_by_role("radio", name=name, exact=True).click()
        wait_for_parameters(page, level=level)
        settle(page)
        names = set(unit.composition(None, level=level)["name"])
        page.wait_for_function(
            """wanted => {
              const p = document.querySelector('.st-key-area .js-plotly-plot');
              const found = new Set(p.data.filter(t => t.stackgroup).map(t => t.name));
              return wanted.every(n => found.has(n)) && found.size === wanted.length; }""",
            arg=sorted(names),
        )
    dead = store.unit_table("planted").query("status == 'dead'").iloc[0]
    page = visit(address(dashboard, store, dead, level="classes"))  # without words, but with labels
    heading(page, "planted", dead["unit"])
    settle(page)
    assert charts(page)[0]["data"][-1]["name"] == "other"
