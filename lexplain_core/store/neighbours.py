"""Stored images that are like one that isn't: by its colours, or by a layer's activations."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from .catalog import Catalog
from .descriptors import LENGTH, distances
from .version import StoreError

_AT_ONCE = 100_000  # descriptors
_VALUES_AT_ONCE = 4_000_000  # activations
_COMPARED = 4  # images; one takes 8 bytes an image of the store and a unit of the layer


def read_descriptors(store: Catalog) -> np.ndarray:
    """uint8 (N, 192), by image id."""
    found = store.arrays("SELECT descriptor FROM images ORDER BY image_id")["descriptor"]
    return np.frombuffer(b"".join(map(bytes, found)), dtype=np.uint8).reshape(-1, LENGTH)


def nearest(store: Catalog, descriptor: bytes, count: int) -> pd.DataFrame:
    """See `Store.nearest`."""
    if len(descriptor) != LENGTH:
        raise StoreError(f"A descriptor has {LENGTH} bytes, not {len(descriptor)}.")
    known = store.kept(read_descriptors)
    parts = [distances(known[i : i + _AT_ONCE], descriptor) for i in range(0, len(known), _AT_ONCE)]
    found = np.concatenate(parts) if parts else np.zeros(0)
    found[list(store.hidden)] = np.inf
    ids = np.argsort(found, kind="stable")[: max(0, count)]
    ids = ids[np.isfinite(found[ids])]
    return pd.DataFrame({"image": ids, "distance": found[ids]})


def ranks(store: Catalog, layer: str, values: np.ndarray) -> pd.DataFrame:
    """See `Store.ranks`."""
    layer_id, values, units = _one_each(store, layer, values)
    below, _ = store.kept(Compared).of(layer_id, values, units)
    return pd.DataFrame({"unit": units["unit"], "below": below, "maximum": units["maximum"]})


def layer_neighbours(store: Catalog, layer: str, values: np.ndarray, count: int) -> pd.DataFrame:
    """See `Store.layer_neighbours`."""
    layer_id, values, units = _one_each(store, layer, values)
    similarity = store.kept(Compared).of(layer_id, values, units)[1].copy()
    similarity[list(store.hidden)] = -np.inf
    ids = np.argsort(-similarity, kind="stable")[: max(0, int(count))]
    ids = ids[np.isfinite(similarity[ids])]
    return pd.DataFrame({"image": ids, "similarity": similarity[ids].clip(-1, 1)})


class Compared:
    """The last few images that were compared with a layer's activations: a layer is read once for both questions."""

    def __init__(self, store: Catalog):
        self._store, self._lock = store, threading.Lock()
        self._found: OrderedDict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def of(self, layer_id: int, values: np.ndarray, units: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(share of images below, by unit; similarity, by image, -inf where it can't be said)."""
        key = layer_id, values.tobytes()
        with self._lock:
            found = self._found.get(key)
        if found is None:
            found = _compare(self._store, layer_id, values, units)
            with self._lock:
                self._found[key] = found
                while len(self._found) > _COMPARED:
                    self._found.popitem(last=False)
        return found


def _compare(
    store: Catalog, layer_id: int, values: np.ndarray, units: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    std = np.asarray(units["std"], dtype=np.float32)
    known = (units["status"] == "alive") & (std > 0)
    scale = np.where(known, 1 / np.where(std > 0, std, 1), 0).astype(np.float32)
    mean = np.asarray(units["mean"], dtype=np.float32)
    mine = (values - mean) * scale
    below = np.zeros(len(values))
    product, square = np.zeros(store.image_count), np.zeros(store.image_count)
    for start, stop, q in _pieces(store, layer_id, len(values)):
        own = values[start:stop, None]
        below[start:stop] = (np.count_nonzero(q < own, axis=1) + np.count_nonzero(q <= own, axis=1)) / 2
        z = (q - mean[start:stop, None]) * scale[start:stop, None]
        product += mine[start:stop] @ z
        square += np.einsum("ij,ij->j", z, z)
    lengths = np.sqrt(square) * np.linalg.norm(mine)
    similarity = np.divide(product, lengths, out=np.full(len(product), -np.inf), where=lengths > 0)
    return below / max(1, store.image_count), similarity


def _one_each(store: Catalog, layer: str, values: np.ndarray) -> tuple[int, np.ndarray, pd.DataFrame]:
    """A layer's id, float32 (K,) and its units, in order; `StoreError` where there is not one value of each."""
    layer_id = store.layer_id(layer)
    values = np.asarray(values, dtype=np.float32).ravel()
    units = store.frame(
        "SELECT unit, mean, std, maximum, status FROM units WHERE layer_id = ? ORDER BY unit", [layer_id]
    )
    if len(values) != len(units):
        raise StoreError(f"Layer {layer!r} has {len(units)} units, not {len(values)}.")
    return layer_id, values, units


def _pieces(store: Catalog, layer_id: int, units: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """A layer's activations some units at a time: first, end, float32 (k, N).

    In the order in which they lie in the store, by unit and image: comparing them in SQL, joined to a
    value for each unit, takes three times as long. The first piece says whether they do lie in that order; where they
    don't, they are sorted.
    """
    images = store.image_count
    step = max(1, _VALUES_AT_ONCE // max(1, images))
    order = ""
    for start in range(0, units if images else 0, step):
        stop = min(start + step, units)
        query = "SELECT {} FROM activations WHERE layer_id = ? AND unit >= ? AND unit < ?"
        given = [layer_id, start, stop]
        if not start:
            found = store.arrays(query.format("unit, image_id"), given)
            places = np.asarray(found["unit"], dtype=np.int64) * images + found["image_id"]
            if not np.array_equal(places, np.arange(stop * images)):
                order = " ORDER BY unit, image_id"
        q = np.asarray(store.arrays(query.format("value") + order, given)["value"], dtype=np.float32)
        if len(q) != (stop - start) * images:
            raise StoreError(f"The store {store.name!r} lacks activations of units {start} to {stop - 1}.")
        yield start, stop, q.reshape(-1, images)
