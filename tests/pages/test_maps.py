"""What the pages say of maps: their colours, and pictures that are smaller than what the network saw."""

from io import BytesIO
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from pages.ui import look, shell


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
