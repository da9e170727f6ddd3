"""Images of the probing set: their pictures, and what all units of a layer do on one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..base import pictures
from ..base.pictures import UnreadableImage
from .catalog import Catalog
from .version import StoreError


def recorded(store: Catalog, layer: str, image: int) -> np.ndarray:
    """The recorded activations of an image, one per unit of a layer: float32 (K,).

    `StoreError` where the store has no such layer or image.
    """
    layer_id = store.layer_id(layer)
    store.images([image])  # says it where there is none
    found = store.arrays(
        "SELECT value FROM activations WHERE layer_id = ? AND image_id = ? ORDER BY unit",
        [layer_id, int(image)],
    )["value"]
    if not len(found):
        raise StoreError(f"The store {store.name!r} has no activations of image {image} in {layer!r}.")
    return np.asarray(found, dtype=np.float32)


def blobs(store: Catalog, column: str, ids: Sequence[int], hidden: bool) -> dict[int, bytes]:
    """See `Store.thumbnails` and `Store.crops`."""
    wanted = sorted({int(i) for i in ids})
    query = f"SELECT image_id, {column} FROM images WHERE image_id IN ?::INT[]"
    found = {image: _sound(store, image, bytes(blob)) for image, blob in store.rows(query, [wanted])}
    return found if hidden else found | dict.fromkeys(store.hidden & found.keys(), pictures.grey())


def _sound(store: Catalog, image: int, picture: bytes) -> bytes:
    """A picture that may go to a browser as it is, or the grey square in its place."""
    try:
        pictures.stored_type(picture)
    except UnreadableImage as error:
        store.unreadable[image] = str(error)
        return pictures.unreadable()
    return picture


def picture(store: Catalog, image: int, whole: bool) -> Image.Image:
    """See `Store.picture`."""
    store.images([image])
    data = blobs(store, "thumbnail" if whole else "coalesce(crop, thumbnail)", [image], False)[int(image)]
    try:
        found = pictures.stored_rgb(data)
        if data != pictures.unreadable():
            return found
    except UnreadableImage as error:
        store.unreadable[int(image)] = str(error)
    raise StoreError(
        f"The picture of image {image} in {store.path} can't be read ({store.unreadable[int(image)]}): "
        f"`python -m lexplain_core check {shlex.quote(str(store.path))}` says what else is wrong."
    )
