"""A map laid over its image, in colours that are safe for colour-blind eyes."""

from __future__ import annotations

import numpy as np
from PIL import Image

# Sequential ones rise evenly in lightness, so that they read in grey, too; orange above 0 and purple
# below are told apart by all common kinds of colour vision.
SEQUENTIAL = ("inferno", "viridis", "cividis")
DIVERGING = "PuOr_r"


def overlay(
    image: Image.Image,
    map: object,
    opacity: float = 0.7,
    palette: str = "inferno",
    signed: bool | None = None,
    scale: float | None = None,
) -> Image.Image:
    """Lay a map over the image that it belongs to; gives an RGB image of the image's size.

    map: anything with `values` (h, w), or these; blown up smoothly over the whole image. Colour and
    opacity grow with the value: 0 is transparent, `scale` has the last colour and the full `opacity`
    (0 to 1; at 0 the image comes back untouched). scale: the map's own largest value if not given (of
    a saliency map, which a few pixels outshine, that of 99 % of its pixels); give one for several
    images, so that they can be compared. signed: values below 0 are shown, too,
    in the other colours of a diverging palette; if not given, where there are any. palette: the
    sequential one, `inferno`, `viridis` or `cividis`. Not finite values count as 0.
    """
    if palette not in SEQUENTIAL:
        raise ValueError(f"palette is one of {', '.join(SEQUENTIAL)}, not {palette!r}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity lies between 0 and 1, not at {opacity}")
    picture = image.convert("RGB")
    values = np.nan_to_num(np.asarray(getattr(map, "values", map), np.float32), posinf=0, neginf=0)
    if signed is None:
        signed = bool((values < 0).any())
    if scale is None:
        scale = _scale(np.abs(values) if signed else values, getattr(map, "kind", None))
    if opacity == 0 or scale <= 0:
        return picture.copy() if picture is image else picture
    # Bilinear: a smoother filter would swing below 0 beside a peak
    grown = Image.fromarray(values / np.float32(scale)).resize(picture.size, Image.Resampling.BILINEAR)
    strength = np.clip(np.asarray(grown), -1 if signed else 0, 1)
    import matplotlib  # it takes its time, and most pages lay no map over an image

    colours = matplotlib.colormaps[DIVERGING if signed else palette](
        (strength + 1) / 2 if signed else strength
    )[..., :3]
    alpha = opacity * np.abs(strength)[..., None]
    mixed = (1 - alpha) * np.asarray(picture, np.float32) + alpha * 255 * colours
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _scale(sizes: np.ndarray, kind: str | None) -> float:
    if kind == "saliency" and (most := float(np.quantile(sizes, 0.99))) > 0:
        return most
    return float(sizes.max())
