"""A map laid over its image."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lexplain_core.live import overlay
from lexplain_core.model.maps import ActivationMap

from ..conftest import ROOT


def picture(width=60, height=40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def one_cell(value: float = 1.0) -> np.ndarray:
    values = np.zeros((4, 6), np.float32)
    values[1, 4] = value
    return values


def changed(before: Image.Image, after: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(after, int) - np.asarray(before, int)).sum(2)


def test_it_is_an_rgb_image_of_the_same_size_and_the_picture_stays_as_it_was():
    image = picture()
    before = np.asarray(image).copy()
    found = overlay(image, ActivationMap("activation", one_cell()), 0.8)
    assert found.mode == "RGB" and found.size == image.size
    np.testing.assert_array_equal(np.asarray(image), before)
    assert (
        overlay(image.convert("RGBA"), one_cell()).mode
        == overlay(image.convert("L"), one_cell()).mode
        == "RGB"
    )


def test_nothing_is_laid_over_at_opacity_0_and_where_the_map_is_0():
    image = picture()
    np.testing.assert_array_equal(np.asarray(overlay(image, one_cell(), 0)), np.asarray(image))
    for nothing in (np.zeros((4, 6)), np.full((4, 6), np.nan)):
        np.testing.assert_array_equal(np.asarray(overlay(image, nothing, 1)), np.asarray(image))
    difference = changed(image, overlay(image, one_cell(), 1))
    assert difference[15, 45] > 0
    difference[:31, 29:] = 0  # the cell, and as far as it fades out
    assert not difference.any()


def test_the_peak_is_where_the_map_has_it_in_the_palettes_last_colour():
    import matplotlib

    black = Image.new("RGB", (60, 40))
    for palette in ("inferno", "viridis", "cividis"):
        found = np.asarray(overlay(black, one_cell(), 1, palette), int)
        row, column = np.unravel_index(found.sum(2).argmax(), (40, 60))
        assert row in (14, 15) and column in (44, 45)
        last = 255 * np.array(matplotlib.colormaps[palette](1.0)[:3])
        flat = np.asarray(overlay(black, np.full((3, 2), 7.0), 1, palette), int)
        assert np.abs(flat - last).max() < 1
    half, whole = (changed(black, overlay(black, one_cell(), o))[15, 45] for o in (0.5, 1))
    assert abs(whole - 2 * half) <= 3


def test_values_below_0_have_colours_of_their_own_or_none():
    image = Image.new("RGB", (60, 40), (128, 128, 128))
    values = one_cell()
    values[3, 0] = -1
    signed = np.asarray(overlay(image, values, 1), int)
    up, down = signed[15, 45], signed[38, 2]
    assert up[0] > up[2] + 50 and down[2] > down[0] + 20  # orange and purple
    np.testing.assert_array_equal(np.asarray(overlay(image, values, 1, signed=True)), signed)
    unsigned = changed(image, overlay(image, values, 1, signed=False))
    assert unsigned[15, 45] > 0 and not unsigned[30:, :10].any()
    np.testing.assert_array_equal(np.asarray(overlay(image, -one_cell(), 1, signed=False)), np.asarray(image))


def test_one_scale_for_several_images():
    image = Image.new("RGB", (60, 40))
    strong, weak = overlay(image, one_cell(4), 1, scale=4), overlay(image, one_cell(1), 1, scale=4)
    assert changed(image, strong)[15, 45] > 3 * changed(image, weak)[15, 45] > 0
    np.testing.assert_array_equal(
        np.asarray(overlay(image, one_cell(9), 1)), np.asarray(overlay(image, one_cell(4), 1))
    )


def test_a_few_pixels_of_a_saliency_map_do_not_hide_the_others():
    image = Image.new("RGB", (60, 40))
    values = np.full((40, 60), 0.1, np.float32)
    values[20, 30] = 5
    by_kind = {
        k: changed(image, overlay(image, ActivationMap(k, values), 1)) for k in ("saliency", "gradcam")
    }
    assert by_kind["saliency"][0, 0] > 400 and by_kind["gradcam"][0, 0] < 10
    values[:] = 0
    values[20, 30] = 5
    assert changed(image, overlay(image, ActivationMap("saliency", values), 1))[20, 30] > 400


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="opacity"):
        overlay(picture(), one_cell(), 1.5)
    with pytest.raises(ValueError, match="palette is one of inferno"):
        overlay(picture(), one_cell(), 1, "jet")


def test_overlays_need_no_torch():
    code = "from lexplain_core.live import overlay; import sys; assert not {'torch', 'captum'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
