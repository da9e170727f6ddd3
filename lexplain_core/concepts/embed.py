"""Embeddings of a probing set's images and of concepts, computed once and kept by their content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import config
from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.errors import UserError, out_of_memory, quote, shortage
from ..base.files import temporary_folder
from ..base.memory import blocks, large
from ..base.progress import Progress, Silent
from ..model.feed import Feed, decoding_threads
from ..probe.base import ProbingSet
from ..probe.digest import content_digest
from .encoder import DualEncoder

_LEAST_TEXTS = 64  # fewer are embedded faster than a file is worth
_SHARD = 1024  # images whose embeddings are kept together
_FORMAT = "lexplain embeddings 1"


def cache_folder(configured: Path) -> Path:
    """The folder of a build's cache: as configured; `LEXPLAIN_CACHE` replaces the default."""
    default = config.Build.model_fields["cache"].default
    given = os.environ.get("LEXPLAIN_CACHE")
    return (Path(given) if given and configured == default else configured).expanduser()


def embed_images(
    encoder: DualEncoder,
    probing: ProbingSet,
    cache: Path | None = None,
    progress: Progress | None = None,
    content: str | None = None,
    kept: Checkpoints | None = None,
) -> np.ndarray:
    """Unit vectors of all images, float32 (N, D).

    cache: a folder where they are kept by what the images and the encoder are, or None.
    content: the images' `content_digest`, where it is already known. kept: keeps what is embedded while the rest isn't
    yet, so that a later call for the same encoder and images goes on from there. A cached file is checked
    before it is used, and written again if it is damaged; a folder that can't be written costs a
    note. Raises `UserError` for images that can't be read or have no finite embedding.
    """
    progress = progress or Silent()
    path, keys = None, {}
    if cache is not None:
        content = content or content_digest(probing, progress)
        keys = {"format": _FORMAT, "images": content, "encoder": encoder.fingerprint}
        path = cache_folder(cache) / "images" / f"{content[:24]}-{encoder.fingerprint[:24]}.safetensors"
        shape = (len(probing), encoder.facts["embedding"])
        if (found := _read(path, keys, shape)) is not None:
            return found
    found = _embed(encoder, probing, progress, kept or NoCheckpoints())
    if path is not None:
        _write(path, found, keys, progress)
    return found


def embed_concepts(
    encoder: DualEncoder,
    texts: Sequence[str],
    cache: Path | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Unit vectors of texts, float32 (M, D), in their order; kept by the set of texts and the encoder."""
    progress = progress or Silent()
    unique = sorted(set(texts))
    path, keys = None, {}
    if cache is not None and len(unique) >= _LEAST_TEXTS:
        named = hashlib.sha256(json.dumps(unique).encode()).hexdigest()
        keys = {"format": _FORMAT, "texts": named, "encoder": encoder.fingerprint}
        path = cache_folder(cache) / "texts" / f"{named[:24]}-{encoder.fingerprint[:24]}.safetensors"
        found = _read(path, keys, (len(unique), encoder.facts["embedding"]))
    else:
        found = None
    if found is None:
        with progress.task(f"embedding texts, {encoder.name}", len(unique)) as advance:
            found = encoder.embed_texts(unique, advance)
        if path is not None:
            _write(path, found, keys, progress)
    row = {text: i for i, text in enumerate(unique)}
    return found[[row[text] for text in texts]]


def _embed(encoder: DualEncoder, probing: ProbingSet, progress: Progress, kept: Checkpoints) -> np.ndarray:
    found = large((len(probing), encoder.facts["embedding"]))
    batch = encoder.batch_size
    step = batch * max(1, _SHARD // batch)
    kept.room(found.nbytes, "The embeddings")
    workers = decoding_threads(None, encoder.device)
    with (
        progress.task(f"embedding images, {encoder.name}", len(probing)) as advance,
        Feed(probing.load, encoder.preprocess, probing.keys, workers, 2 * batch) as feed,
    ):
        for start in range(0, len(probing), step):
            stop = min(start + step, len(probing))
            key = f"images {start} to {stop}"
            if (before := kept.load(key)) is not None:
                found[start:stop], batch = before["vectors"], before["batch"]
                feed.skip(stop - start)
                advance(stop - start)
                continue
            at = start
            while at < stop:
                images = feed.take(min(batch, stop - at))
                block = _batch(encoder, images)
                if block is None:  # too large for the device's memory
                    feed.put_back(images)
                    batch = max(1, len(images) // 2)
                    continue
                _check_finite(encoder, probing, at, block)
                found[at : at + len(block)] = block
                at += len(block)
                advance(len(block))
            kept.save(key, vectors=found[start:stop], batch=batch)
    return found


def _check_finite(encoder: DualEncoder, probing: ProbingSet, first: int, block: np.ndarray) -> None:
    if not np.isfinite(block).all():
        bad = first + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
        raise UserError(
            f"The encoder {encoder.name} gives no finite embedding for the image {quote(probing.keys[bad])}."
        )


def _batch(encoder: DualEncoder, images: list[Tensor]) -> np.ndarray | None:
    stacked = torch.stack(images)
    if encoder.device.type == "cuda":
        stacked = stacked.pin_memory()
    try:
        return encoder.embed_batch(stacked).numpy()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        if len(images) == 1:
            raise UserError(
                f"One image is too much for the memory of {encoder.device} with {encoder.name}: set "
                "record.device to cpu, or take a smaller encoder."
            ) from None
        return None


def _read(path: Path, keys: dict[str, str], shape: tuple[int, int]) -> np.ndarray | None:
    """The embeddings in a file of the cache if it is just what is looked for, else None."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told, kept = file.metadata() or {}, file.get_slice("embeddings")
            if tuple(kept.get_shape()) != shape or kept.get_dtype() != "F32":
                return None
            found = large(shape)
            for part in blocks(*shape):
                found[part] = kept[part]
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):
        return None
    return found if told == keys | {"sha256": _digest(found)} else None


def _write(path: Path, found: np.ndarray, keys: dict[str, str], progress: Progress) -> None:
    """Write to a file beside it, then put it in place: a reader never sees half a file."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path.parent) as folder:
            unfinished = folder / "file"
            save_file({"embeddings": found}, unfinished, keys | {"sha256": _digest(found)})
            unfinished.replace(path)
    except (OSError, SafetensorError) as error:
        why = shortage(error) or getattr(error, "strerror", None) or error
        progress.note(f"Embeddings can't be kept in {path.parent} ({why}); they will be made again.")


def _digest(found: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(found).data).hexdigest()
