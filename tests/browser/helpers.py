"""What the browser tests read off a page."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page, expect


def parameters(page: Page) -> dict[str, str]:
    """The parameters of the page's address."""
    return dict(parse_qsl(urlsplit(page.url).query))


def wait_for_parameters(page: Page, **wanted: str) -> None:
    """Wait until the address says this."""
    page.wait_for_function(
        "wanted => { const p = new URL(location.href).searchParams;"
        " return Object.entries(wanted).every(([k, v]) => p.get(k) === v); }",
        arg=wanted,
    )


def heading(page: Page, layer: str, unit: int):
    """The heading of a unit's page; waits until it is there."""
    found = page.get_by_role("heading", name=re.compile(rf"^{re.escape(layer)} · unit {unit}\b"))
    expect(found).to_be_visible()
    return found


def settle(page: Page) -> None:
    """Wait until the script has run, charts are drawn and images are there."""
    page.wait_for_function(
        """() => {
          const app = document.querySelector('[data-testid=stApp]');
          return app && app.dataset.testScriptState === 'notRunning'
            && !document.querySelector('[data-testid=stSkeleton]')
            && !document.querySelector('[data-stale=true]')
            && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(c => c.querySelector('.main-svg'))
            && [...document.querySelectorAll('.lx-shots img')].every(i => i.complete && i.naturalWidth > 0);
        }"""
    )


def charts(page: Page) -> list[dict]:
    """Data and layout of every chart on the page, as plotly has them."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')].map(p => ({
             data: p.data.map(t => ({type: t.type, name: t.name, stacked: !!t.stackgroup, y: Array.from(t.y._inputArray || t.y || [])})),
             color: p.layout.font.color,
             notes: (p.layout.annotations || []).map(a => a.text) }))"""
    )


def pictures(page: Page) -> list[tuple[str, str]]:
    """(words, source) of every example image."""
    return [tuple(pair) for pair in page.evaluate(
        "() => [...document.querySelectorAll('.lx-shots img')].map(i => [i.alt, i.src])"
    )]  # fmt: skip


def whole_view(page: Page) -> dict:
    """All that a Neuron page shows, for comparing two."""
    settle(page)
    return {
        "heading": page.locator("h2").first.inner_text(),
        "explanation": page.locator(".lx-line").inner_text(),
        "score": page.locator(".lx-score").inner_text(),
        "layer": page.get_by_label("Layer").input_value() or page.get_by_label("Layer").inner_text(),
        "chosen": page.locator("[role=radio][aria-checked=true]").all_inner_texts(),
        "pictures": pictures(page),
        "charts": charts(page),
    }


def click_row(page: Page, row: int) -> None:
    """Click a row (from 0) of the table of units, beside its link."""
    place = page.locator(".st-key-units tbody tr").nth(row)
    place.scroll_into_view_if_needed()
    place.locator("td").last.click()


def table_of_units(page: Page) -> list[str]:
    """`layer · unit` of each row of the table of units."""
    return page.locator(".st-key-units tbody a").all_inner_texts()


def click_point(page: Page, chart: str) -> tuple[str, int, str]:
    """Click the point of a chart that stands farthest from all others; gives its layer, unit and method.

    chart: the key of the chart's element in the page.
    """
    place = page.locator(f".st-key-{chart} .js-plotly-plot")
    place.scroll_into_view_if_needed()
    point = place.evaluate(
        """p => {
          const { xaxis, yaxis } = p._fullLayout, list = (a) => Array.from(a._inputArray || a);
          const points = p.data.filter(t => t.customdata).flatMap(t => {
            const x = list(t.x), y = list(t.y);
            return t.customdata.map((c, i) => ({ c, x: xaxis.d2p(x[i]), y: yaxis.d2p(y[i]) }));
          });
          const room = (a) => Math.min(...points.filter(b => b !== a).map(b => Math.hypot(a.x - b.x, a.y - b.y)));
          const best = points.reduce((a, b) => room(b) > room(a) ? b : a);
          const box = p.getBoundingClientRect();
          return { c: best.c, x: box.left + xaxis._offset + best.x, y: box.top + yaxis._offset + best.y };
        }"""
    )
    page.mouse.move(point["x"] - 3, point["y"])
    page.mouse.click(point["x"], point["y"])
    layer, unit, method, *_ = point["c"]
    return layer, int(unit), method


def pick(page: Page, control: str, option: int) -> None:
    """Choose an option of a select box by its place, -1 for the last."""
    box = page.get_by_role("combobox", name=control)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list that is open when the page still scrolls is closed again
    box.click()
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    options.nth(option).click()


def downloaded(page: Page, button: str) -> list[dict]:
    """The rows of the CSV that a button offers."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8"))))
