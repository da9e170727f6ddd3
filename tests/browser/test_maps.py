"""Where a unit fires: maps over the examples that switch off, and a closer look at one image."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .helpers import heading, pick, pictures, settle, wait_for_parameters


@pytest.fixture(scope="session")
def mapped(store):
    """A living unit of the network whose examples have maps."""
    layers = store.layers()
    layer = layers.loc[layers["kind"] == "map", "layer"].iloc[-1]
    table = store.unit_table(layer)
    row = table.loc[table["correlation"].idxmax()]
    unit = store.unit(layer, int(row["unit"]))
    assert unit.maps(unit.examples(7)["image"].tolist()), "the demo keeps no maps of its examples"
    return unit


def address(dashboard, store, unit, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{dashboard}/neuron?store={store.id}&layer={unit.layer}&unit={unit.unit}{extra}"


def pixels(source: str, size: int = 96) -> np.ndarray:
    """(size, size, 3) of an image in an address."""
    jpeg = b64decode(source.partition("base64,")[2])
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB").resize((size, size)), np.float32)


def test_maps_lie_over_the_examples_and_switch_off(visit, dashboard, store, mapped):
    page = visit(address(dashboard, store, mapped))
    heading(page, mapped.layer, mapped.unit)
    settle(page)
    plain = pictures(page)
    shown = store.thumbnails(mapped.examples(7)["image"].tolist())
    assert b64decode(plain[0][1].partition("base64,")[2]) in shown.values()

    slider = page.get_by_role("slider", name="Map")
    slider.focus()
    page.keyboard.press("End")
    wait_for_parameters(page, map="100")
    expect(page.get_by_text("one scale for all")).to_be_visible()
    settle(page)
    laid = pictures(page)
    assert [words for words, _ in laid] == [words for words, _ in plain]
    first = mapped.examples(7)["image"].tolist()
    maps = mapped.maps(first)
    checked = 0
    for image, (_, before), (_, after) in zip(first, plain, laid, strict=False):
        if image in maps:
            check_overlay(maps[image].values, pixels(before), pixels(after))
            checked += 1
        else:
            assert before == after
    assert checked

    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("Off. Move it to see")).to_be_visible()
    page.wait_for_function("() => !new URL(location.href).searchParams.has('map')")
    settle(page)
    assert pictures(page) == plain
    page.keyboard.press("ArrowRight")  # moves the slider that has the focus, and leads to no other unit
    wait_for_parameters(page, map="10", unit=str(mapped.unit))


def check_overlay(values: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """The picture changed where the map is strong, and not where it is 0."""
    height, width = before.shape[:2]
    strength = np.asarray(
        Image.fromarray(np.maximum(values, 0)).resize((width, height), Image.Resampling.BILINEAR)
    )
    changed = np.abs(after - before).mean(axis=2)
    strong = strength >= 0.8 * strength.max()
    weak = strength <= 0.02 * strength.max()
    assert changed[strong].mean() > 25
    if weak.sum() > 50:
        assert changed[weak].mean() < 12 < changed[strong].mean()


def test_the_address_carries_the_maps(visit, dashboard, store, mapped):
    page = visit(address(dashboard, store, mapped))
    heading(page, mapped.layer, mapped.unit)
    settle(page)
    plain = pictures(page)
    other = visit(address(dashboard, store, mapped, map=60, pick="draw"))
    heading(other, mapped.layer, mapped.unit)
    settle(other)
    assert pictures(other) != plain
    other.get_by_role("button", name="Copy link").click()
    expect(other.get_by_role("button", name="Link copied")).to_be_visible()
    assert "map=60" in other.evaluate("navigator.clipboard.readText()")
    other.keyboard.press("ArrowRight")  # maps stay from unit to unit
    heading(other, mapped.layer, (mapped.unit + 1) % mapped.units)
    wait_for_parameters(other, map="60")


def test_a_closer_look_runs_the_network(visit, dashboard, store, mapped):
    image = int(mapped.top(1)["image"].iloc[0])
    page = visit(address(dashboard, store, mapped, pick="top"))
    heading(page, mapped.layer, mapped.unit)
    settle(page)
    page.locator("summary", has_text="Look closer at one image").click()
    pick(page, "Image", 0)
    wait_for_parameters(page, image=str(image))
    looks = page.locator("img.lx-look")
    expect(looks).to_have_count(2)
    settle(page)
    said = page.get_by_text(re.compile("The network gives this image")).inner_text()
    activation = float(re.search(r"gives this image ([\d.]+)", said)[1])
    assert activation == pytest.approx(float(mapped.activations[image]), rel=0.15)  # the crop is a JPEG
    sources = [looks.nth(i).get_attribute("src") for i in (0, 1)]
    check_overlay(mapped.maps([image])[image].values, *(pixels(source) for source in sources))

    group = page.get_by_role("radiogroup", name="Kind of map")
    group.get_by_text("Occlusion", exact=True).click()
    wait_for_parameters(page, kind="occlusion", image=str(image))
    expect(page.get_by_text("How much the activation drops when a grey square")).to_be_visible()
    settle(page)
    assert looks.nth(0).get_attribute("src") == sources[0]
    assert looks.nth(1).get_attribute("src") != sources[1]
    other = visit(page.url)
    heading(other, mapped.layer, mapped.unit)
    expect(other.locator("img.lx-look")).to_have_count(2)
    settle(other)
    assert other.locator("img.lx-look").nth(1).get_attribute("src") == looks.nth(1).get_attribute("src")
