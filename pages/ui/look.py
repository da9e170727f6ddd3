"""Look closer at one image: the network itself is run on it, while someone waits."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.base.extras import needed
from lexplain_core.base.numbers import decimals, plain
from lexplain_core.base.pictures import jpeg_url
from lexplain_core.store import Store, Unit
from lexplain_core.views.examples import SMALL, Shot
from lexplain_core.views.look import look_words
from lexplain_core.views.opened import Opened
from pages.ui import access, links, shell, thumbs
from pages.ui.bound import bind, switch
from pages.ui.cache import cached
from pages.ui.text import message, unusable

if TYPE_CHECKING:  # they bring torch along: imported when someone asks
    from lexplain_core.live import Look, Looker

_KINDS = {
    "activation": "Activation map",
    "occlusion": "Occlusion",
    "saliency": "Saliency",
    "gradcam": "Grad-CAM",
}
_WIDTH = 288  # CSS pixels
_OPACITY = 70  # percent, while the slider of the examples is off


def show(view: links.Neuron, opened: Opened, unit: Unit, shown: list[int]) -> None:
    """The panel. shown: the images that the page has examples of."""
    if not unit.in_network:
        return
    with st.expander("Look closer at one image", icon=":material/search:", expanded=view.image is not None):
        image = _choose(view, opened, unit, shown)
        if image is not None:
            _closer(view, opened, unit, image)


def _choose(view: links.Neuron, opened: Opened, unit: Unit, shown: list[int]) -> int | None:
    frame, image = shell.images(opened), view.image
    if image is not None and image not in frame.index:
        unusable(f"This store has no image {image}.")
        image = None
    if image in opened.store.hidden:
        st.warning("That image is hidden from this store’s examples.", icon=":material/visibility_off:")
        image = None
    options = shown if image is None or image in shown else [image, *shown]
    places = decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)
    facts = frame.loc[options, ["label", "key"]].itertuples(name=None)
    names = {i: f"{plain(unit.activations[i], places)} · {label} · {key}" for i, label, key in facts}
    st.selectbox(
        "Image",
        options,
        index=None,
        placeholder="Choose one of the example images; the network is run on it",
        format_func=names.__getitem__,
        **bind(view, "image", shows=image),
    )
    return image


def _closer(view: links.Neuron, opened: Opened, unit: Unit, image: int) -> None:
    """Run the network on an image and show what the unit does there."""
    try:
        looker = network(opened)
        kinds = looker.kinds(unit.layer, unit.pooling)
        kind = view.kind if view.kind in kinds or not kinds else kinds[0]
        if len(kinds) > 1:
            titles = {name: title for name, title in _KINDS.items() if name in kinds}
            switch(view, "kind", titles, "Kind of map", shows=kind)
        found = _look(opened, unit.layer, unit.pooling, unit.unit, image, kind)
        picture = _seen(opened.store, image, looker)
    except UserError as error:
        st.info(
            f"**The network can’t be run here.** {message(error)} What is kept in the store is above.",
            icon=":material/cloud_off:",
        )
        return
    left, right = st.columns([1.35, 1], gap="large")
    opacity = (view.map or _OPACITY) / 100
    with left:
        _pictures(picture, found, opacity, kind)
    with right:
        st.markdown(look_words(unit, image, found, kind))
        if kind != view.kind:
            st.markdown(f"This layer has no {_KINDS[view.kind].lower()}; another kind is shown.")
        if small := _smaller(opened, image, looker):
            st.caption(small)


# -- the network ----------------------------------------------------------------------------------


def network(opened: Opened) -> Looker:
    """The network of a store, loaded once; `UserError` where it isn't at hand, or isn't run on this dashboard."""
    access.check_live()
    return _network(opened)


@cached("Loading the network …", most=2)
def _network(opened: Opened) -> Looker:
    with needed():
        from lexplain_core.live import Looker

    return Looker.open(opened.store.meta.get("config"), path=opened.store.path)


@cached("Running the network on this image …", most=64)
def _look(opened: Opened, layer: str, pooling: str, unit: int, image: int, kind: str) -> Look:
    store = opened.store
    return _network(opened).look(_picture(store, image), layer, pooling, unit, kind, _kept(store, image))


def _picture(store: Store, image: int) -> Image.Image:
    """The crop that the network saw, or the thumbnail of the whole image where none is kept."""
    return store.picture(image)


def _kept(store: Store, image: int) -> bool:
    """Whether the store keeps a crop of the image that is another picture than its thumbnail."""
    return store.crops([image])[image] != store.thumbnails([image])[image]


def _smaller(opened: Opened, image: int, looker: Looker) -> str:
    """Says so where the kept picture is smaller than what the network saw of the image; else ""."""
    row = shell.images(opened).loc[image]
    whole, picture = (int(row["width"]), int(row["height"])), _picture(opened.store, image)
    if min(picture.size) >= min(whole):
        return ""
    saw = looker.seen(Image.new("RGB", whole))
    if min(picture.size) >= min(saw.size):
        return ""
    what = "picture of what the network saw" if _kept(opened.store, image) else "thumbnail of the whole image"
    return (
        f"The store keeps only a small {what}, {_size(picture)} pixels, which the network is given here; "
        f"it saw {_size(saw)}."
    )


def _size(picture: Image.Image) -> str:
    return f"{picture.width} × {picture.height}"


def _seen(store: Store, image: int, looker: Looker) -> Image.Image:
    """The image as the network sees it."""
    picture = _picture(store, image)
    return picture if _kept(store, image) else looker.seen(picture)


# -- what it shows --------------------------------------------------------------------------------


def _pictures(picture: Image.Image, found: Look, opacity: float, kind: str) -> None:
    from lexplain_core.live import overlay

    size, small = max(picture.size), max(picture.size) < SMALL
    if size < 2 * _WIDTH:  # a map is smooth on more pixels than the image has
        factor = 2 * _WIDTH / size
        width, height = (max(1, round(side * factor)) for side in picture.size)
        picture = picture.resize(
            (width, height), Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC
        )
    shots = [("The image as the network sees it", picture)]
    if found.map is not None:
        shots.append((f"{_KINDS[kind]}, {opacity:.0%} opaque", overlay(picture, found.map, opacity)))
    thumbs.strip(
        [Shot(jpeg_url(shot), escape(words), words, look="lx-look") for words, shot in shots], _WIDTH
    )
