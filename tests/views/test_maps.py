"""Maps over example images: colours, and what is said of them."""

from io import BytesIO

import numpy as np
from PIL import Image

from lexplain_core.live import overlay
from lexplain_core.store import UnitMap
from lexplain_core.views.examples import Overlay, map_words, overlaid
from lexplain_core.views.look import _colours

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
