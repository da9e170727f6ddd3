"""The picture that the page is about: one that was sent, or one of the store's."""

from __future__ import annotations

import random
from uuid import uuid4

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lexplain_core.base.errors import UserError
from lexplain_core.live import picture, upload
from lexplain_core.store import StoreError
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import Taken
from pages.ui import access, links, shell
from pages.ui.bound import Changes, bind, press
from pages.ui.text import message, unusable

_SENT, _WRONG, _TIMES = "picture sent", "picture wrong", "picture times"


def choose(view: links.Picture, opened: Opened) -> None:
    """The two ways to a picture: send one, or take one of the store's."""
    left, right = st.columns([1.25, 1], gap="large", vertical_alignment="top")
    with left:
        times = st.session_state.setdefault(_TIMES, 0)
        st.file_uploader(
            "Send a picture",
            type=list(upload.ENDINGS),
            key=f"picture file {times}",
            max_upload_size=upload.MOST_BYTES // 2**20,
            on_change=_received,
            args=(view, f"picture file {times}"),
            disabled=not access.live(),
            help=f"At most {upload.MOST_BYTES // 2**20} MB and {upload.MOST_PIXELS // 10**6} million pixels. It is looked "
            "at and not kept: no file is written for it, no address holds it, and it is forgotten with this browser tab.",
        )
        if not access.live():
            st.caption(access.NOT_LIVE)
    with right:
        count = len(shell.images(opened))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.number_input(
                f"Or take one of the store’s images, 0 to {count - 1:,}",
                0,
                count - 1,
                step=1,
                placeholder="its number",
                **bind(
                    view,
                    "image",
                    _go,
                    shows=view.image if view.image is not None and view.image < count else None,
                ),
            )
            st.button(
                "Random",
                icon=":material/shuffle:",
                shortcut="X",
                key="random picture",
                help="Another image of the store",
                **press(view, lambda: _random(view, opened)),
            )
        if _SENT in st.session_state and (view.image is not None or wrong(view)):
            st.button(
                md(f"Back to {st.session_state[_SENT].name}"),
                icon=":material/undo:",
                key="back to sent",
                type="tertiary",
                **press(view, lambda: _go(None)),
            )


def _received(view: links.Picture, key: str) -> None:
    """Decode what has just been sent, and let go of its bytes."""
    file, state = st.session_state.get(key), st.session_state
    if file is None:
        return
    try:
        access.check_live()
        sent = upload.read_picture(file.getvalue(), file.name)
        image = picture.kept(sent.image)
        notes = sent.notes
        if image is not sent.image:
            notes += (f"It was made smaller, to {image.width:,} × {image.height:,} pixels.",)
        state[_SENT] = Taken(("sent", uuid4().hex), image, sent.name, sent.image.size, notes)
        shell.change(view, **_go(None))
    except UserError as error:
        state[_WRONG] = (_where(view), str(error))
    finally:
        state[_TIMES] += 1  # another uploader, an empty one
        _forget(file)


def _forget(file: UploadedFile) -> None:
    """Let the server forget a file's bytes: else it holds them until the browser tab is closed."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def _go(image: int | None) -> Changes:
    """To another picture; what was wrong with one that was sent is no more of interest."""
    st.session_state.pop(_WRONG, None)
    return {"image": image, "unit": None}


def _where(view: links.Picture) -> tuple:
    """What an error is said beside: it goes when one moves on, by whatever way."""
    return view.store, view.layer, view.image, view.unit


def _random(view: links.Picture, opened: Opened) -> Changes | None:
    count, hidden = len(shell.images(opened)), opened.store.hidden
    for _ in range(1000):
        number = random.randrange(count)
        if number not in hidden and number != view.image:
            return _go(number)
    return None


def wrong(view: links.Picture) -> str:
    """What was wrong with the picture that has just been sent, '' for nothing."""
    where, problem = st.session_state.get(_WRONG, (None, ""))
    return problem if where == _where(view) else ""


def current(view: links.Picture, opened: Opened) -> Taken | None:
    """The picture that is asked for; None, after saying why, where there is none."""
    if problem := wrong(view):  # what was shown before is not what was asked for
        st.error(message(problem), icon=":material/broken_image:")
        return None
    st.session_state.pop(_WRONG, None)
    if view.image is None:
        return st.session_state.get(_SENT)
    if view.image not in shell.images(opened).index:
        unusable(f"This store has no image {view.image}.")
        return None
    if view.image in opened.store.hidden:
        st.warning(
            f"Image {view.image} is hidden in this store, so it isn’t shown here.",
            icon=":material/visibility_off:",
        )
        return None
    try:
        return of_store(opened, view.image)
    except StoreError as error:
        st.error(message(error), icon=":material/broken_image:")
        return None


def of_store(opened: Opened, number: int) -> Taken:
    """An image of the store: what the network saw of it, where that is kept."""
    store, row = opened.store, shell.images(opened).loc[number]
    crop, thumbnail = store.crops([number])[number], store.thumbnails([number])[number]
    image = store.picture(number)
    name = f"Image {number}: {row['label']}, {row['key']}"
    size = (int(row["width"]), int(row["height"]))
    notes: tuple[str, ...] = ()
    if isinstance(row["predicted"], str):
        notes = (f"The network says: {row['predicted']}.",)
    return Taken(("image", number), image, name, size, notes, number, crop != thumbnail)
