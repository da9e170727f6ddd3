"""The encoders that a store was built with, loaded again to look at its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import concepts, demo  # noqa: F401  (the demo registers its probing set)
from ..base.errors import UserError, quote
from ..base.progress import Progress
from ..config import Build
from ..probe import load_probing_set
from ..probe.digest import content_digest, image_digest
from ..trust import of_store

if TYPE_CHECKING:
    from ..concepts import EncoderView
    from ..probe import ProbingSet

_IMAGES_CHECKED = 64


@dataclass(frozen=True)
class Places:
    """Where things lie on this machine. store: the file. images, cache: folders that who runs the command names."""

    store: Path | None = None
    images: Path | None = None
    cache: Path | None = None


class StoredEncoders:
    """Loads the encoders of a store when they are asked for, and checks that they are the same.

    matrices: rows of the store's encoder matrices, by name, with `roles`, `a`, `b` and `config`.
    config: the store's build config. images: key, class_key, width and height by image id. places: what of the machine is
    not as the store, or the default, has it.
    """

    def __init__(
        self,
        matrices: dict[str, Any],
        config: dict,
        images: pd.DataFrame,
        progress: Progress,
        places: Places | None = None,
    ):
        self.names = sorted(matrices)
        self._matrices, self._config, self._images = matrices, config, images
        self._progress, self._places = progress, places or Places()
        self._probing: ProbingSet | None = None
        self._content: str | None = None

    def view(self, name: str) -> EncoderView:
        """The encoder of a matrix with its stored a and b and config, looking at the store's images.

        Neither a and b nor their loss is computed again. `UserError` where images or weights are
        gone, are not those that the store was built with, or not trusted on this machine.
        """
        with of_store(self._config, self._places.store, self._places.images) as build:
            return self._view(name, build)

    def _view(self, name: str, build: Build) -> EncoderView:
        row = self._matrices[name]
        roles = [r for r in ("simulator", "explainer") if r in row.roles and getattr(build, r).model]
        if not roles:
            raise UserError(
                f"The store's config doesn't name the encoder {quote(name)}: build the store again."
            )
        role = roles[0]
        spec = getattr(build, role)
        encoder = concepts.load_encoder(spec, build.record.device, role)
        if encoder.fingerprint != row.config.get("fingerprint"):
            raise UserError(
                f"The encoder {quote(name)} has other weights than when the store was built; "
                f"put those of {spec.model} back, or build the store again."
            )
        probing = self._images_of(build)
        if self._content is None:  # reads every image, so once for all encoders
            self._content = content_digest(probing, self._progress)
        cache = self._places.cache or build.cache
        images = concepts.embed_images(encoder, probing, cache, self._progress, self._content)
        a, b = float(row.a), float(row.b)
        return concepts.EncoderView(name, role, encoder, images, a, b, row.config, cache, self._progress)

    def _images_of(self, build: Build) -> ProbingSet:
        """The store's probing set, loaded once; a look at some images tells whether it is the same."""
        if self._probing is None:
            self._progress.note("The store's images are loaded again, so that its encoders can look at them.")
            probing = load_probing_set(build.probe, build.seed, self._progress)
            stored = self._images
            classes = [probing.classes[label].key for label in probing.labels]
            same = list(probing.keys) == stored["key"].tolist() and classes == stored["class_key"].tolist()
            looked_at: list[int] = np.linspace(0, len(stored) - 1, _IMAGES_CHECKED).astype(int).tolist()
            sizes = stored[["width", "height"]].to_numpy()
            if not same or any(probing.load(i).size != tuple(sizes[i]) for i in looked_at):
                raise UserError(
                    f"The images of {probing.source} are not those that the store was built with; "
                    "put them back, or build the store again."
                )
            self._refuse_changed(probing)
            self._probing = probing
        return self._probing

    def _refuse_changed(self, probing: ProbingSet) -> None:
        """Raise `UserError` where an image has another content than when the store was built, as far as that is known."""
        known = {
            i: bytes(d) for i, d in enumerate(self._images["digest"]) if isinstance(d, bytes | bytearray)
        }
        changed = [i for i, digest in known.items() if digest != image_digest(probing.load, i)]
        if changed:
            more = f", nor are {len(changed) - 1:,} more" if len(changed) > 1 else ""
            raise UserError(
                f"The image {probing.keys[changed[0]]} of {probing.source} is not the one that the store was built with{more}; "
                "put the images back, or build the store again."
            )
