"""A picture that somebody looks at, and what a layer does on it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from ..base.numbers import plain, plural, rounded
from ..live import picture
from ..store import Store, StoreError
from ..store.descriptors import describe
from .markdown import code, md

if TYPE_CHECKING:
    from ..live import Looker

SHARP = 64  # pictures narrower than this keep hard pixel edges when they are enlarged


@dataclass(frozen=True, eq=False)
class Taken:
    """A picture, as far as it is kept while someone looks at it.

    token: tells it from any other, for caches. image: RGB; of a store's image what the network saw of it, and then
    `cropped`, or its thumbnail. number: of a store's image. size: (width, height) as it came. name: a file's, or a
    store's key and label.
    """

    token: tuple
    image: Image.Image
    name: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    number: int | None = None
    cropped: bool = False

    @property
    def descriptor(self) -> bytes:
        """Its colours in place, as the store keeps of its images."""
        return describe(self.image)


def whole(store: Store, taken: Taken) -> bytes:
    """The descriptor of the whole picture: of a store's image that of its thumbnail, not of its crop."""
    if taken.number is None:
        return taken.descriptor
    try:
        return describe(store.picture(taken.number, whole=True))
    except StoreError:  # the crop can be read: there would be no page else
        return taken.descriptor


@dataclass(frozen=True, eq=False)
class Answer:
    """What a layer does on a picture.

    values: its units' activations, (K,), None where they can't be had, and then `reason` says why; `no_network` where
    that is the reason. seen: what the network sees of the picture; the picture itself without a network. looker: None
    without one.
    """

    values: np.ndarray | None
    seen: Image.Image
    looker: Looker | None
    reason: str | None = None
    no_network: bool = False


def heading(found: picture.Unusual, method: str) -> str:
    """What the list of units is, whether any of them is unusual, and whose words they are (Markdown)."""
    count = len(found.high)
    unusual = min(found.above, count)
    if unusual == 0:
        how = "none of them is unusual (beyond 99% of the probing images)"
    elif unusual == count:
        how = "all of them are unusual (beyond 99% of the probing images)"
    else:
        how = f"{unusual} of them {'is' if unusual == 1 else 'are'} unusual, above the line at 99%"
    which = f"The {count} units highest" if count > 1 else "The unit highest"
    return f"**{which} in {'their' if count > 1 else 'its'} own range**: {how}. Words by the method {md(method)}."


def unit_facts(row: Any, images: int, simulated: float | None) -> str:
    """Percentile, activation and what the words predict (HTML)."""
    most = f"beyond the largest so far, {rounded(row.maximum)}" if row.value > row.maximum else (
        f"largest {rounded(row.maximum)}"
    )  # fmt: skip
    words = "" if simulated is None else f" · its words predict {rounded(simulated)}"
    return (
        f'<p class="lx-facts" style="margin:0"><b>{escape(picture.standing(row.below, images))}</b> '
        f'<span class="lx-muted">of the images · activation</span> {rounded(row.value)} '
        f'<span class="lx-muted">({most}){words}</span></p>'
    )


def unit_words(unit: pd.Series) -> str:
    text = unit["explanation"] if isinstance(unit["explanation"], str) else ""
    if not text:
        return '<p class="lx-facts lx-muted" style="margin:0">no explanation</p>'
    score = (
        ""
        if pd.isna(unit["correlation"])
        else f' <span class="lx-muted">(test r {plain(unit["correlation"])}, n = {int(unit["correlation_n"]):,})</span>'
    )
    return f'<p class="lx-facts" style="margin:0">{escape(text)}{score}</p>'


def enlarged(image: Image.Image, side: int) -> Image.Image:
    """In a size for the screen: a map is smooth on more pixels than a small image has."""
    factor = side / max(image.size)
    way = Image.Resampling.NEAREST if max(image.size) < SHARP else Image.Resampling.BICUBIC
    width, height = (max(1, round(n * factor)) for n in image.size)
    return image.resize((width, height), way)


def units_summary(layer: str, images: int, found: picture.Unusual) -> str:
    """How many units are out of the ordinary, and how many would be anyway (Markdown)."""
    expected = found.living * picture.TAIL
    usual = "fewer than one" if expected < 1 else f"about {expected:.0f}"
    others = ""
    if found.others:
        others = f" {plural(found.others, 'dead or constant unit')} {'is' if found.others == 1 else 'are'} left out."
    return (
        f"**{found.above:,} of {plural(found.living, 'living unit')}** of {code(layer)} {'fires' if found.above == 1 else 'fire'} more than on 99% of the "
        f"{images:,} images of the probing set, **{found.under:,}** less than on 99% of them. Of an ordinary image one expects "
        f"{usual} at each end.{others}"
    )
