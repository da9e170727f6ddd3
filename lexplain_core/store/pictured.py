"""What all units of a layer do on one image of the probing set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .version import StoreError

if TYPE_CHECKING:
    from .reader import Store


def recorded(store: Store, layer: str, image: int) -> np.ndarray:
    """The recorded activations of an image, one per unit of a layer: float32 (K,).

    `StoreError` where the store has no such layer or image.
    """
    layer_id = store._layer_id(layer)
    store.images([image])  # says it where there is none
    found = store._arrays(
        "SELECT value FROM activations WHERE layer_id = ? AND image_id = ? ORDER BY unit",
        [layer_id, int(image)],
    )["value"]
    if not len(found):
        raise StoreError(f"The store {store.name!r} has no activations of image {image} in {layer!r}.")
    return np.asarray(found, dtype=np.float32)
