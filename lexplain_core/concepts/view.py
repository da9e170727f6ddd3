"""An encoder that looks at one probing set: how much of any text is in every image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from .. import config
from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.errors import UserError
from ..base.memory import large, picked
from ..base.progress import Progress, Silent
from ..probe.base import ProbingSet
from .base import Concept, ConceptMatrix
from .calibrate import calibrate, calibration_labels, cross_entropy
from .embed import embed_concepts, embed_images
from .encoder import DualEncoder, load_encoder

_AT_ONCE = 16_000_000  # values computed at a time


@dataclass
class EncoderView:
    """P = sigmoid(a·(cos + b)) between texts and the images of one probing set.

    name: unique in a build, and never `label`. role: `explainer` or `simulator`. config: for JSON,
    what the encoder is and where a and b come from. images: unit vectors (N, D). kept: keeps the vectors of texts in the
    groups in which they were embedded, as a text's last digits depend on those beside it.
    """

    name: str
    role: str
    encoder: DualEncoder
    images: np.ndarray
    a: float
    b: float
    config: dict
    cache: Path | None = None
    progress: Progress = field(default_factory=Silent)
    kept: Checkpoints = NoCheckpoints()
    _texts: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _groups: int = 0

    def __post_init__(self) -> None:
        while (found := self.kept.load(f"texts {self._groups}")) is not None:
            self._learn(found["texts"], found["vectors"])

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of texts, float32 (M, D); each text is embedded once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            vectors = embed_concepts(self.encoder, new, self.cache, self.progress)
            self.kept.save(f"texts {self._groups}", texts=new, vectors=vectors)
            self._learn(new, vectors)
        if not texts:
            return np.zeros((0, self.images.shape[1]), np.float32)
        return np.stack([self._texts[text] for text in texts])

    def _learn(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        self._texts |= dict(zip(texts, vectors, strict=True))
        self._groups += 1

    def cosine(self, texts: Sequence[str]) -> np.ndarray:
        """Cosine similarity of texts and images, float32 (M, N)."""
        return self._products(texts, None)

    def values(self, texts: Sequence[str]) -> np.ndarray:
        """P of texts and images, float32 (M, N)."""
        return self._products(texts, (self.a, self.b))

    @torch.inference_mode()
    def _products(self, texts: Sequence[str], calibrated: tuple[float, float] | None) -> np.ndarray:
        found = large((len(texts), len(self.images)))
        device = self.encoder.device
        words = torch.from_numpy(self.embed(texts)).to(device)
        images = torch.from_numpy(self.images).to(device)
        rows = max(1, _AT_ONCE // max(1, len(images)))
        for start in range(0, len(texts), rows):
            block = words[start : start + rows] @ images.T
            if calibrated:
                a, b = calibrated
                block = block.add_(b).mul_(a).sigmoid_()
            found[start : start + rows] = block.cpu().numpy()
        return found

    def matrix(self, concepts: Sequence[Concept]) -> ConceptMatrix:
        """The concept matrix of `concepts`, with the view's config and a digest of the texts in its own."""
        texts = [concept.name for concept in concepts]
        named = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        return ConceptMatrix(self.name, tuple(concepts), self.values(texts), self.config | {"texts": named})


def view(
    spec: config.Encoder,
    role: str,
    probing: ProbingSet,
    train: np.ndarray,
    device: str | torch.device = "auto",
    cache: Path | None = None,
    progress: Progress | None = None,
    images: np.ndarray | None = None,
    taken: Collection[str] = (),
    encoder: DualEncoder | None = None,
    kept: Checkpoints | None = None,
) -> EncoderView:
    """Load an encoder, embed the images, and find a and b: given, published, or calibrated.

    train: boolean (N,), the images that a and b are fitted on, so that no other split is looked at;
    the loss of given and published ones is that of the same images. images: what `embed_images` gives, where that is
    known. taken: names of other views; one that is taken gets the role
    behind it. encoder: as `load_encoder(spec)` gave it, where that is known. kept: keeps the vectors of texts.
    """
    progress = progress or Silent()
    check_given(spec, role)
    encoder = encoder or load_encoder(spec, device, role)
    name = encoder.name
    if name == "label" or name in taken:
        name = f"{name} ({role})"
    if images is None:
        images = embed_images(encoder, probing, cache, progress)
    found = EncoderView(name, role, encoder, images, 1.0, 0.0, {}, cache, progress, kept or NoCheckpoints())
    texts, labels = calibration_labels(probing)
    cosine, labels = picked(found.cosine(texts), columns=train), labels[:, train]
    told: dict = {"labels": len(texts), "images": int(train.sum())}
    if spec.a is not None and spec.b is not None:
        found.a, found.b = spec.a, spec.b
        told["source"] = "given"
    elif encoder.published:
        found.a, found.b = encoder.published
        told |= {"source": "published", "reason": encoder.facts["published"]}
        progress.note(f"{role}: a = {found.a:g} and b = {found.b:g}, published {encoder.facts['published']}")
    else:
        try:
            fitted = calibrate(cosine, labels)
        except UserError as error:
            raise UserError(f"{role}, {name}: {error}") from None
        found.a, found.b = fitted.a, fitted.b
        told |= {"source": "calibrated", "converged": fitted.converged}
        if fitted.reason:
            told["reason"] = fitted.reason
            progress.note(f"{role}: {fitted.reason}")
    told["loss"] = cross_entropy(cosine, labels, found.a, found.b) if labels.size else None
    found.config = {
        "encoder": encoder.facts,
        "fingerprint": encoder.fingerprint,
        "weights": encoder.weights,
        "a": found.a,
        "b": found.b,
        "calibration": told,
    }
    return found


def check_given(spec: config.Encoder, role: str) -> None:
    """Raise `UserError` if only one of a and b is set."""
    if (spec.a is None) != (spec.b is None):
        missing = "b" if spec.b is None else "a"
        raise UserError(f"{role}.a and {role}.b go together: set {role}.{missing} too, or neither.")


def refuse_same(
    explainer: EncoderView | DualEncoder, simulator: EncoderView | DualEncoder, allow: bool
) -> bool:
    """Whether the two are one model, by fingerprint or by weights; `UserError` unless that is allowed."""
    one, other = (e.encoder if isinstance(e, EncoderView) else e for e in (explainer, simulator))
    same = one.fingerprint == other.fingerprint or one.same_weights(other)
    if same and not allow:
        names = one.name if one.name == other.name else f"{one.name} and {other.name}"
        raise UserError(
            f"Explainer and simulator are the same model ({names}), so that it would confirm its own mistakes: "
            "set another simulator.model, or simulate.same_encoder = true to do it all the same."
        )
    return same
