"""Units side by side in a real browser: an image highlighted in one is highlighted in all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .. import variants
from .conftest import lent
from .helpers import downloaded, parameters, settle, wait_for_parameters

OTHER = "another-store"


@pytest.fixture(scope="module")
def site(dashboard, shelf):
    """The dashboard over the demo store and one like it, in which every tenth image has another name."""
    with lent(shelf, OTHER, variants.other_names):
        yield dashboard


@pytest.fixture(scope="module")
def pair(store):
    """Two living units with words, of different layers of the network."""
    table = store.unit_table()
    layers = list(store.layers().query("source == 'network'")["layer"])
    found = []
    for layer in (layers[0], layers[-1]):
        rows = table[(table["layer"] == layer) & (table["status"] == "alive")]
        found.append(store.unit(layer, int(rows.loc[rows["correlation"].idxmax(), "unit"])))
    return found


def images(page, column: int | None = None):
    """The images of a column, or of all, as buttons."""
    return page.locator("button[data-key]" if column is None else f"button[data-key][data-column='{column}']")


def highlighted(page) -> list[tuple[str, str]]:
    """(column, key) of every image that is highlighted."""
    found = page.locator("button[data-key][aria-pressed=true]")
    return [(one.get_attribute("data-column"), one.get_attribute("data-key")) for one in found.all()]


def numbers(page) -> list[str]:
    """Each unit's activation for the highlighted image, as the table says it."""
    return page.locator(".lx-tight tbody td:nth-child(2)").all_inner_texts()


def marks(page) -> list[str]:
    """What the charts say of the highlighted image, and that each has a line there."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(p =>
             (p.layout.annotations || []).filter(a => a.name === 'marked image').map(a => a.text.replace(/<[^>]*>/g, '')))"""
    )


def said(value: float, text: str) -> bool:
    return float(text.replace("−", "-")) == pytest.approx(value, abs=0.006 + 0.01 * abs(value))


def test_an_image_highlighted_in_one_unit_is_highlighted_in_all(visit, site, store, pair):
    a, b = pair
    keys = store.images()["key"]
    page = visit(
        f"{site}/compare?store={store.id}&a={a.layer}:{a.unit}&b={b.layer}:{b.unit}&c={b.layer}:{b.unit}::{OTHER}"
    )
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    images(page).first.wait_for()
    settle(page)
    for unit in pair:
        expect(page.get_by_text(unit.explanation().text, exact=True).first).to_be_visible()
    assert highlighted(page) == [] and marks(page) == []

    tenth = store.images()["key"].iloc[::10]
    shared = [one.get_attribute("data-key") for one in images(page, 0).all()]
    key = next(key for key in shared if key not in set(tenth))
    image = int(keys[keys == key].index[0])
    page.locator(f"button[data-key='{key}'][data-column='1']").click()
    wait_for_parameters(page, key=key)
    expect(page.get_by_role("button", name="Let go")).to_be_visible()
    settle(page)
    assert highlighted(page) == [(str(column), key) for column in range(3)]
    shown = [a.activations[image], b.activations[image], b.activations[image]]
    assert all(said(float(v), text) for v, text in zip(shown, numbers(page), strict=True))
    assert all(said(float(v), text.strip("◂ ")) for v, text in zip(shown, marks(page), strict=True))
    share = (a.activations < a.activations[image]).mean() + (a.activations == a.activations[image]).mean() / 2
    cell = page.locator(".lx-tight tbody tr").first.locator("td").nth(2)
    assert float(re.match(r"[\d.]+", cell.inner_text()).group()) == pytest.approx(100 * share, abs=0.06)

    # by keyboard: the next image of the column, then none
    focused = page.locator(f"button[data-key='{key}'][data-column='1']")
    focused.focus()
    own = [one.get_attribute("data-key") for one in images(page, 1).all()]
    step = "ArrowRight" if own.index(key) + 1 < len(own) else "ArrowLeft"
    other = own[own.index(key) + (1 if step == "ArrowRight" else -1)]
    page.keyboard.press(step)
    page.keyboard.press("Enter")
    wait_for_parameters(page, key=other)
    settle(page)
    assert {pressed for _, pressed in highlighted(page)} == {other}
    here = page.url

    # the address holds it all
    fresh = visit(here)
    images(fresh).first.wait_for()
    expect(fresh.get_by_role("button", name="Let go")).to_be_visible()
    settle(fresh)
    assert highlighted(fresh) == highlighted(page) and numbers(fresh) == numbers(page)
    assert [i.get_attribute("data-key") for i in images(fresh).all()] == [
        i.get_attribute("data-key") for i in images(page).all()
    ]

    # an image that the other store hasn't
    lacking = next((key for key in shared if key in set(tenth)), None)
    assert lacking is not None
    page.locator(f"button[data-key='{lacking}'][data-column='0']").click()
    wait_for_parameters(page, key=lacking)
    expect(page.get_by_text("not in this store", exact=True)).to_be_visible()
    assert [column for column, _ in highlighted(page)] == ["0", "1"]
    page.locator(f"button[data-key='{lacking}'][data-column='0']").focus()
    page.keyboard.press("Escape")
    page.wait_for_function("() => !new URL(location.href).searchParams.has('key')")
    expect(page.get_by_role("button", name="Let go")).to_be_hidden()
    assert highlighted(page) == []


def axes(page) -> list[list[float]]:
    """The ranges of the stacked charts' x axes."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')].filter(p => p.data.some(t => t.stackgroup))
             .map(p => p._fullLayout.xaxis.range)"""
    )


def test_axes_places_and_scores(visit, site, store, pair):
    a, b = pair
    page = visit(f"{site}/neuron?store={store.id}&layer={a.layer}&unit={a.unit}")
    page.get_by_role("link", name="Compare with").click()
    page.wait_for_url(re.compile(r"/compare\?"))
    page.get_by_role("button", name=re.compile("The most alike")).click()
    images(page, 1).first.wait_for()
    settle(page)
    alike = a.similar().query("rank == 1").iloc[0]
    second = store.unit(a.layer, int(alike["unit"]))
    assert re.match(rf"{a.layer}:{second.unit}\b", parameters(page)["b"])
    assert axes(page) == [[0, pytest.approx(max(a.maximum, second.maximum))]] * 2

    page.get_by_role("radio", name="Each its own").click()
    wait_for_parameters(page, scale="own")
    settle(page)
    assert axes(page) == [[0, pytest.approx(a.maximum)], [0, pytest.approx(second.maximum)]]
    page.get_by_role("radio", name="Superclasses").click()
    wait_for_parameters(page, level="superclasses")
    settle(page)
    names = set(a.composition(None, None, "superclasses")["name"])
    drawn = page.evaluate("() => document.querySelector('.js-plotly-plot').data.map(t => t.name)")
    assert set(drawn) == names

    rows = downloaded(page, "Scores as CSV")
    wanted = [s for unit in (a, second) for s in unit.explanation().scores]
    assert [row["measure"] for row in rows] == [s.measure for s in wanted]
    assert [float(row["value"]) if row["value"] else None for row in rows] == [
        None if s.value is None else pytest.approx(s.value) for s in wanted
    ]
    page.get_by_role("button", name="Take A away").click()
    expect(images(page, 1)).to_have_count(0)
    wait_for_parameters(page, a=f"{a.layer}:{second.unit}:{store.default_method}")
    assert "b" not in parameters(page)
