"""From cosine similarity to probability: P = sigmoid(a·(cos + b)), fitted to labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.errors import UserError
from ..probe.base import ProbingSet

# Superclasses covering more of the classes than this say little about an image (paper, section 3.1).
MOST_OF_CLASSES = 0.3
# Where labels can be told apart without a mistake, the best `a` is infinite; published ones are about 60.
LARGEST_A = 1000.0
_AT_ONCE = 4_000_000  # pairs of label and image per block
_STEPS = 100


@dataclass(frozen=True)
class Calibration:
    """a and b, with the mean binary cross-entropy (nats) reached over all pairs of label and image.

    converged: whether it is the least that any a and b reach; `reason` says why not.
    """

    a: float
    b: float
    loss: float
    n_labels: int
    n_images: int
    converged: bool = True
    reason: str | None = None


def calibration_labels(probing: ProbingSet) -> tuple[list[str], np.ndarray]:
    """Texts and presence, boolean (L, N), of the labels that encoders are calibrated with.

    All classes, and the superclasses that cover at most 30 % of the classes.
    """
    presence = probing.class_presence()
    texts, rows = [c.name for c in probing.classes], [presence.T]
    for group in probing.superclasses:
        if len(group.classes) <= MOST_OF_CLASSES * len(probing.classes):
            texts.append(group.name)
            rows.append(np.logical_or.reduce(presence[:, list(group.classes)], axis=1)[None])
    return texts, np.concatenate(rows)


def cross_entropy(cosine: np.ndarray, labels: np.ndarray, a: float, b: float) -> float:
    """Mean binary cross-entropy (nats) of sigmoid(a·(cos + b)); cosine and labels are (L, N)."""
    return _terms(cosine, labels, 0.0, 1.0, np.array([a, a * b]))[0]


def calibrate(
    cosine: np.ndarray, labels: np.ndarray, start: tuple[float, float] | None = None
) -> Calibration:
    """Minimise the binary cross-entropy of sigmoid(a·(cos + b)) (Oikarinen & Weng 2024, eq. 5).

    cosine: (L, N), each label's text with each image. labels: boolean (L, N). start: a and b to
    begin with; the result doesn't depend on it, as the problem is convex in a and a·b. Newton's
    method with step halving, in float64. Raises `UserError` where there is nothing to fit: no
    label, labels on all images or on none, equal cosines, or cosines that are no higher where the
    label is.
    """
    if cosine.shape != labels.shape:
        raise ValueError(f"cosines are {cosine.shape}, labels {labels.shape}")
    count, images = labels.shape
    positive = int(labels.sum())
    if not positive or positive == labels.size:
        what = "there are no labels" if not labels.size else "the labels are on all images, or on none"
        raise UserError(f"The encoder can't be calibrated, since {what}: set its a and b.")
    mean, std = float(cosine.mean(dtype=np.float64)), float(cosine.std(dtype=np.float64))
    if not np.isfinite(std) or std < 1e-9:
        raise UserError("The encoder can't be calibrated, since it finds all images alike: take another one.")

    def told(x: np.ndarray, converged: bool = True, reason: str | None = None) -> Calibration:
        a = x[0] / std
        b = x[1] / a - mean
        loss = cross_entropy(cosine, labels, a, b)
        return Calibration(float(a), float(b), loss, count, images, converged, reason)

    odds = np.log(positive / (labels.size - positive))
    x = np.array([0.0, odds])
    if start is not None:
        x = np.array([start[0] * std, start[0] * (start[1] + mean)])
    largest = LARGEST_A * std
    if cosine[labels].min() > cosine[~labels].max():
        middle = (float(cosine[labels].min()) + float(cosine[~labels].max())) / 2
        x = np.array([largest, -largest * (middle - mean) / std])
        x, _ = _newton(cosine, labels, mean, std, x, free=1)
        reason = (
            f"the labels can be told apart without a mistake, so that a has no bound; it is {LARGEST_A:,.0f}"
        )
        return told(x, False, reason)
    x, converged = _newton(cosine, labels, mean, std, x)
    if x[0] > largest:
        x, _ = _newton(cosine, labels, mean, std, x * largest / x[0], free=1)
        return told(x, False, f"a was held at {LARGEST_A:,.0f}")
    if x[0] <= 0:
        raise UserError(
            "The encoder can't be calibrated, since its similarity is no higher for images with a label than "
            "for those without: take another encoder, or set its a and b."
        )
    return told(x, converged, None if converged else f"not converged in {_STEPS} steps")


def _newton(
    cosine: np.ndarray, labels: np.ndarray, mean: float, std: float, x: np.ndarray, free: int = 0
) -> tuple[np.ndarray, bool]:
    """Minimise over x[free:], the slope and intercept in standardised cosines."""
    loss, gradient, curvature = _terms(cosine, labels, mean, std, x)
    for _ in range(_STEPS):
        g, h = gradient[free:], curvature[free:, free:]
        # where all sigmoids are saturated the curvature is next to nothing: lean on the gradient there
        h = h + np.eye(len(g)) * 1e-10
        step = np.zeros(2)
        step[free:] = -np.linalg.solve(h, g)
        drop = float(-gradient @ step)
        if drop < 1e-15 * max(loss, 1e-3):
            return x, True
        length = 1.0
        while True:
            new = x + length * step
            found = _terms(cosine, labels, mean, std, new)
            if found[0] <= loss - 1e-4 * length * drop:
                break
            length /= 2
            if length < 1e-12:  # no lower to be had in this precision
                return x, drop < 1e-9 * max(loss, 1e-3)
        x, (loss, gradient, curvature) = new, found
    return x, False


def _terms(
    cosine: np.ndarray, labels: np.ndarray, mean: float, std: float, x: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean loss, its gradient (2,) and curvature (2, 2) at slope and intercept x, in blocks of rows."""
    loss, gradient, curvature = 0.0, np.zeros(2), np.zeros((2, 2))
    rows = max(1, _AT_ONCE // max(1, cosine.shape[1]))
    for start in range(0, len(cosine), rows):
        s = (cosine[start : start + rows].astype(np.float64).ravel() - mean) / std
        y = labels[start : start + rows].ravel()
        z = x[0] * s + x[1]
        small = np.exp(-np.abs(z))
        # log(1 + e^z) − y·z, without overflow
        loss += float((np.maximum(z, 0) + np.log1p(small) - y * z).sum())
        p = np.where(z >= 0, 1, small) / (1 + small)
        r, v = p - y, p * (1 - p)
        gradient += [float(r @ s), float(r.sum())]
        vs = float(v @ s)
        curvature += [[float((v * s) @ s), vs], [vs, float(v.sum())]]
    return loss / cosine.size, gradient / cosine.size, curvature / cosine.size
