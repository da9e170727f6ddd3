"""What encoders saw, into the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..base.errors import UserError
from ..base.progress import Progress
from ..concepts import Concept, EncoderView
from ..store import StoreWriter

_TEXTS_AT_ONCE = 256


def write_embeddings(
    views: Iterable[EncoderView], concepts: Sequence[Concept], progress: Progress, store: StoreWriter
) -> None:
    """Fill `embeddings`: every encoder's images, and the concepts of the store, in order of their ids."""
    for view in views:
        store.embeddings(view.name, "image", range(len(view.images)), view.images)
        ids, vectors = _embedded(view, [concept.name for concept in concepts], progress)
        store.embeddings(view.name, "concept", ids, vectors)


def _embedded(view: EncoderView, texts: list[str], progress: Progress) -> tuple[list[int], np.ndarray]:
    """Positions and unit vectors of the texts that the encoder can embed.

    The build doesn't need all of them, so one that can't be embedded doesn't end it.
    """
    try:
        return list(range(len(texts))), view.embed(texts)
    except UserError:  # it is one of them
        pass
    found: list[int] = []
    rows: list[np.ndarray] = []
    refused = 0
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[start : start + _TEXTS_AT_ONCE]
        try:
            parts = [(list(range(start, start + len(some))), view.embed(some))]
        except UserError:
            parts = []
            for i, text in enumerate(some, start):
                try:
                    parts.append(([i], view.embed([text])))
                except UserError:
                    refused += 1
        for positions, vectors in parts:
            found += positions
            rows.append(vectors)
    what, them = ("1 concept", "it") if refused == 1 else (f"{refused:,} concepts", "them")
    progress.note(f"{what} can't be embedded by {view.name}; the store has no vectors of {them}")
    width = view.images.shape[1]
    return found, np.concatenate(rows) if rows else np.zeros((0, width), np.float32)


def all_concepts(concepts: Sequence[Concept], known: dict[str, Concept]) -> dict[str, Concept]:
    """Concepts by key: those known, then the rest of the build's set, which encoders can be asked about."""
    found = dict(known)
    for concept in concepts:
        first = found.setdefault(concept.key, concept)
        if concept.origin.startswith(f"{first.origin}, "):  # it came from other sets, too
            found[concept.key] = replace(first, origin=concept.origin)
    return found
