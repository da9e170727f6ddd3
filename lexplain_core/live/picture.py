"""A picture beside the probing set: what the network sees of it, and which units it excites unusually."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

if TYPE_CHECKING:  # it brings torch along
    from .looker import Looker

KEPT_PIXELS = 4_000_000  # of a picture that a session keeps while its page is open
TAIL = 0.01  # the share of the probing set beyond which an activation is unusual
LIVING = ("alive", "negative")


@dataclass(frozen=True, eq=False)
class Unusual:
    """Which units of a layer an image excites unusually.

    high, low: frames of units, the most unusual first: unit, value (its activation), below (share of the probing
    images with a smaller one, ties half), maximum (over the probing set). above, under: how many living units lie
    beyond `TAIL` at either end. living: units that could; others are dead or constant.
    """

    high: pd.DataFrame
    low: pd.DataFrame
    above: int
    under: int
    living: int
    others: int


def unusual(
    values: np.ndarray, ranks: pd.DataFrame, status: pd.Series, count: int = 12, quiet: int = 6
) -> Unusual:
    """The units that an image excites most, and least, by their percentile.

    values: the image's activations, (K,). ranks: `Store.ranks` of them. status: of each unit, by its number.
    high holds the `count` units with the highest percentile (ties: the largest share of the unit's
    maximum first, then the number); low at most `quiet` units whose percentile is below `TAIL`.
    """
    frame = ranks.sort_values("unit").reset_index(drop=True)
    frame.insert(1, "value", np.asarray(values, np.float64)[frame["unit"]])
    living = frame["unit"].map(status).isin(LIVING).to_numpy()
    alive = frame[living].copy()
    alive["part"] = alive["value"] / alive["maximum"].where(alive["maximum"] > 0)
    high = alive.sort_values(["below", "part", "unit"], ascending=[False, False, True], na_position="last")
    low = alive[alive["below"] < TAIL].sort_values(["below", "value", "unit"])
    return Unusual(
        high=high.head(count).drop(columns="part").reset_index(drop=True),
        low=low.head(quiet).drop(columns="part").reset_index(drop=True),
        above=int((alive["below"] > 1 - TAIL).sum()),
        under=len(low),
        living=len(alive),
        others=int((~living).sum()),
    )


def kept(image: Image.Image, most: int = KEPT_PIXELS) -> Image.Image:
    """The picture, made smaller where it has more pixels than a session should keep."""
    pixels = image.width * image.height
    if pixels <= most:
        return image
    factor = math.sqrt(most / pixels)
    width, height = (max(1, math.floor(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def seen(image: Image.Image, looker: Looker, usual: tuple[int, int]) -> Image.Image:
    """What the network is shown of a picture: resized and cut as it does with the probing set's images.

    usual: (width, height) of those. A network that takes images as they come gets the middle of the picture in
    that size: any other would make other activations, and a large one would take hours.
    """
    if looker.model.preprocess.crop is None:
        image = ImageOps.fit(image, usual, Image.Resampling.BICUBIC)
    return looker.seen(image)


def usual_size(images: pd.DataFrame) -> tuple[int, int]:
    """The commonest (width, height) of a store's images."""
    width, height = images.groupby(["width", "height"]).size().idxmax()
    return int(width), int(height)


def standing(below: float, images: int) -> str:
    """Where an activation stands among the probing images: 'more than 99.8%', 'less than 99.1%'; never rounded up to all."""
    if below >= 1:
        return f"more than all {images:,}"
    if below <= 0:
        return f"less than all {images:,}"
    places = 2 if images >= 10_000 else 1
    word, share = ("more", below) if below >= 0.5 else ("less", 1 - below)
    percent = math.floor(share * 100 * 10**places + 1e-9) / 10**places
    return f"{word} than {percent:.{places}f}%"
