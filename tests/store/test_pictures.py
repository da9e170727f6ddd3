"""Pictures of a store: what isn't one becomes a grey square with a note, never a page down."""

from __future__ import annotations

import pandas as pd
import pytest

from lexplain_core.base import pictures
from lexplain_core.figures.print import FigureChoice, gather, make, notes
from lexplain_core.store import Store, StoreError, StoreWriter

from ..awkward_pictures import bad, fake_ghostscript
from .helpers import fill, jpeg
from .helpers import make as made

BAD = bad()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The small store, in which the first images have such pictures, one kind each."""
    path = tmp_path_factory.mktemp("bad") / "bad.duckdb"
    with StoreWriter(path) as store:
        fill(store, made())
        for image, data in enumerate(BAD.values()):
            frame = pd.DataFrame({"image_id": [image], "picture": [data]})
            store._con.register("bad", frame)
            store._con.execute(
                "UPDATE images SET thumbnail = picture, crop = picture FROM bad WHERE images.image_id = bad.image_id"
            )
    return path


def test_bad_pictures_are_grey_squares_and_the_others_as_they_were(path, tmp_path, monkeypatch):
    started = fake_ghostscript(tmp_path, monkeypatch)
    ids = range(len(BAD) + 3)
    with Store.open(path) as store:
        for found in (store.thumbnails(ids), store.crops(ids)):
            for image, name in enumerate(BAD):
                assert found[image] == pictures.unreadable(), name
            assert set(store.unreadable) == set(range(len(BAD)))
        assert store.thumbnails(ids)[len(BAD)] == jpeg(len(BAD))
    assert not started.exists()


def test_a_picture_that_is_worked_on_is_refused_in_one_sentence(path):
    with Store.open(path) as store:
        for image, name in enumerate(BAD):
            for whole in (False, True):
                with pytest.raises(StoreError) as caught:
                    store.picture(image, whole)
                text = str(caught.value)
                assert f"image {image} in" in text and str(path) in text and "\n" not in text, name
        assert store.picture(len(BAD)).size == (12 if len(BAD) % 3 == 0 else 6,) * 2


def test_figures_for_print_show_grey_squares_and_say_so(path):
    with Store.open(path) as store:
        unit = max(range(2), key=lambda u: store.unit("layer1", u).activations[: len(BAD)].max())
        data = gather(store, FigureChoice("ranges", (("layer1", unit),), per=12))
        lost = sorted(i for i in data.pictures if i < len(BAD))
        assert lost and make(data, "svg") and make(data, "png")
        said = " ".join(notes(data))
    assert "grey squares" in said and f"{lost[0]}" in said
