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
from lexplain_core.views.look import look_words
from lexplain_core.views.opened import Opened
from pages.ui import access, links, shell
from pages.ui.text import message

if TYPE_CHECKING:  # they bring torch along: imported when someone asks
    from lexplain_core.live import Look, Looker

_KINDS = {
    "activation": "Activation map",
    "occlusion": "Occlusion",
    "saliency": "Saliency",
    "gradcam": "Grad-CAM",
}
_WIDTH = 288  # CSS pixels
_SMALL = 64  # images narrower than this keep hard pixel edges when enlarged
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
        st.warning(f"This store has no image {image}.", icon=":material/link_off:")
        image = None
    if image in opened.store.hidden:
        st.warning("That image is hidden from this store’s examples.", icon=":material/visibility_off:")
        image = None
    options = shown if image is None or image in shown else [image, *shown]
    places = decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)
    facts = frame.loc[options, ["label", "key"]].itertuples(name=None)
    names = {i: f"{plain(unit.activations[i], places)} · {label} · {key}" for i, label, key in facts}
    st.session_state["image picker"] = image
    st.selectbox(
        "Image",
        options,
        index=None,
        key="image picker",
        placeholder="Choose one of the example images; the network is run on it",
        format_func=names.get,
        on_change=_to_image,
        args=(view,),
    )
    return image


def _to_image(view: links.Neuron) -> None:
    shell.change(view, image=st.session_state["image picker"])


def _closer(view: links.Neuron, opened: Opened, unit: Unit, image: int) -> None:
    """Run the network on an image and show what the unit does there."""
    try:
        looker = network(opened.key, opened.store)
        kinds = looker.kinds(unit.layer, unit.pooling)
        kind = view.kind if view.kind in kinds or not kinds else kinds[0]
        _switch(view, kinds, kind)
        found = _look(opened.key, unit.layer, unit.pooling, unit.unit, image, kind, opened.store, looker)
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


def _switch(view: links.Neuron, kinds: tuple[str, ...], kind: str) -> None:
    if len(kinds) > 1:
        st.session_state["kind"] = kind
        st.segmented_control(
            "Kind of map",
            [name for name in _KINDS if name in kinds],
            key="kind",
            format_func=_KINDS.get,
            required=True,
            label_visibility="collapsed",
            on_change=_to_kind,
            args=(view,),
        )


def _to_kind(view: links.Neuron) -> None:
    shell.change(view, kind=st.session_state["kind"])


# -- the network ----------------------------------------------------------------------------------


def network(key: tuple, store: Store) -> Looker:
    """The network of a store, loaded once; `UserError` where it isn't at hand, or isn't run on this dashboard."""
    access.check_live()
    return _network(key, store)


@st.cache_resource(max_entries=2, show_spinner="Loading the network …")
def _network(key: tuple, _store: Store) -> Looker:  # noqa: ARG001 - the cache goes by it
    with needed():
        from lexplain_core.live import Looker

    return Looker.open(_store.meta.get("config"), path=_store.path)


@st.cache_resource(max_entries=64, show_spinner="Running the network on this image …")
def _look(
    key: tuple,  # noqa: ARG001 - the cache goes by it
    layer: str,
    pooling: str,
    unit: int,
    image: int,
    kind: str,
    _store: Store,
    _looker: Looker,
) -> Look:
    cropped = _kept(_store, image)
    return _looker.look(_picture(_store, image), layer, pooling, unit, kind, cropped)


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

    size, small = max(picture.size), max(picture.size) < _SMALL
    if size < 2 * _WIDTH:  # a map is smooth on more pixels than the image has
        factor = 2 * _WIDTH / size
        width, height = (max(1, round(side * factor)) for side in picture.size)
        picture = picture.resize(
            (width, height), Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC
        )
    shots = [("The image as the network sees it", picture)]
    if found.map is not None:
        shots.append((f"{_KINDS[kind]}, {opacity:.0%} opaque", overlay(picture, found.map, opacity)))
    html = "".join(
        f'<figure><img class="lx-look" src="{jpeg_url(shot)}" alt="{escape(words, quote=True)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for words, shot in shots
    )
    st.html(f'<div class="lx-shots" style="--w:{_WIDTH}px">{html}</div>')
