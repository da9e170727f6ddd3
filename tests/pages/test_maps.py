"""What the pages say of maps: their colours, and pictures that are smaller than what the network saw."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lexplain_core.live import overlay
from lexplain_core.store import UnitMap
from lexplain_core.views.examples import Overlay, map_words, overlaid
from lexplain_core.views.look import _colours
from pages.ui import look, shell

POSITIVE = UnitMap("activation", np.array([[0, 1], [2, 3]], np.float32))
SIGNED = UnitMap("activation", np.array([[-4, 1], [2, 3]], np.float32))


def test_the_words_beside_the_slider_fit_the_scale():
    assert map_words(70, {0: POSITIVE}, 1) == (
        "Where the unit fires: the brighter (yellow), the more; one scale for all."
    )
    words = map_words(70, {0: POSITIVE, 1: SIGNED}, 3)
    assert words.startswith("Where the unit fires: orange is above 0, purple below; one scale for all.")
    assert words.endswith("1 image without a kept map is plain.") and "yellow" not in words


def test_signed_maps_are_drawn_in_the_colours_that_are_told():
    jpeg = BytesIO()
    Image.new("RGB", (96, 96), "white").save(jpeg, "JPEG")
    maps = {
        0: UnitMap("activation", np.full((2, 2), -1, np.float32)),
        1: UnitMap("activation", np.ones((2, 2))),
    }
    laid = overlaid(dict.fromkeys(maps, jpeg.getvalue()), Overlay(maps, 1.0))
    below, above = (Image.open(BytesIO(laid[i])).getpixel((48, 48)) for i in maps)
    assert below[2] > below[0] and above[0] > above[2]  # purple, orange


def test_the_colours_of_a_closer_look():
    assert _colours(SIGNED.values, "activation") == (
        "Orange is above 0, purple below; the strongest colour is ±4, and 0 is transparent."
    )
    assert _colours(POSITIVE.values, "gradcam") == "Yellow is the largest value, 3; 0 is transparent."
    assert _colours(np.zeros((2, 2)), "saliency").startswith("It is 0 everywhere")


def test_the_scale_of_a_saliency_map_ends_where_the_overlay_ends_it():
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    values[-1, -1] = 5
    assert _colours(values, "saliency") == (
        "Yellow is 0.99 and more, which 1% of the pixels reach (the largest is 5); 0 is transparent."
    )
    assert _colours(values, "occlusion") == "Yellow is the largest value, 5; 0 is transparent."
    picture = Image.new("RGB", (100, 100), "white")
    drawn = [np.asarray(overlay(picture, UnitMap(kind, values), 1.0)) for kind in ("saliency", "occlusion")]
    assert (drawn[0][-1, :-1] == drawn[0][-1, -1]).all()  # the top 1% have the last colour
    assert not (drawn[1][-1, 50] == drawn[1][-1, -1]).all()
    few = np.zeros((20, 20), np.float32)  # its 99 % quantile is 0: the overlay takes the largest
    few[0, 0] = 2
    assert _colours(few, "saliency") == "Yellow is the largest value, 2; 0 is transparent."


def jpeg_of(size):
    buffer = BytesIO()
    Image.new("RGB", size).save(buffer, "JPEG")
    return buffer.getvalue()


def smaller(monkeypatch, whole, saw, crop, thumbnail):
    """What is said of an image, from sizes (width, height): its own, what the network saw, what is kept."""
    store = SimpleNamespace(
        crops=lambda ids: {ids[0]: jpeg_of(crop or thumbnail)},
        thumbnails=lambda ids: {ids[0]: jpeg_of(thumbnail)},
        picture=lambda i: Image.new("RGB", crop or thumbnail),
    )
    frame = pd.DataFrame({"width": [whole[0]], "height": [whole[1]]})
    monkeypatch.setattr(shell, "images", lambda opened: frame)
    looker = SimpleNamespace(seen=lambda image: image.resize(saw))
    return look._smaller(SimpleNamespace(store=store), 0, looker)


def test_a_picture_smaller_than_what_the_network_saw_is_told(monkeypatch):
    def said(*sizes):
        return smaller(monkeypatch, *sizes)

    assert said((500, 375), (224, 224), (128, 128), (128, 96)) == (
        "The store keeps only a small picture of what the network saw, 128 × 128 pixels, which the network is given "
        "here; it saw 224 × 224."
    )
    assert "thumbnail of the whole image, 128 × 96 pixels" in said((500, 375), (224, 224), None, (128, 96))
    assert "288 × 288 pixels" in said((500, 500), (384, 384), (288, 288), (128, 128))


@pytest.mark.parametrize(
    "sizes",
    [
        ((500, 375), (224, 224), (224, 224), (128, 96)),  # the crop is kept as it was
        ((64, 64), (224, 224), (128, 128), (64, 64)),  # the image itself is no larger
        ((64, 64), (64, 64), None, (64, 64)),
        ((500, 500), (64, 64), None, (128, 128)),  # the network sees less than the thumbnail has
    ],
)
def test_a_picture_that_is_large_enough_is_not(monkeypatch, sizes):
    assert smaller(monkeypatch, *sizes) == ""
