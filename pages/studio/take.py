"""The figure as it will be printed, its files, and the words that go with it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lexplain_core.base.numbers import plural
from lexplain_core.figures import print as prints
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import tables
from pages.ui.cache import cached

_DPI = 120  # of the preview: a column of 6.75 in is 810 pixels wide
_TALL = 680  # pixels of a preview, above which it scrolls
_FILES = {
    "pdf": ("PDF", "Fonts are embedded"),
    "svg": ("SVG", "Text stays text, unless you ask for paths"),
    "png": ("PNG, 300 dpi", "For slides and drafts"),
    "txt": ("Caption", "The caption and the command, as text"),
    "csv": ("Images as CSV", "Ids, keys, classes and splits of the images in the figure"),
    "bib": ("BibTeX", "The paper whose method this is"),
}


@cached("Drawing the figure …", most=24)
def _drawn(opened: Opened, choice: prints.FigureChoice) -> tuple[bytes, int, list[str]]:
    """The preview, its height in pixels, and notes."""
    data = prints.gather(opened.store, choice)
    png = prints.make(data, "png", dpi=_DPI)
    return png, int.from_bytes(png[20:24], "big"), prints.notes(data)


def preview(opened: Opened, data: prints.FigureData) -> None:
    """The figure at the resolution of a screen, on white, and what its maker should know."""
    png, tall, notes = _drawn(opened, data.choice)
    with st.container(key="studio_paper", border=True, height=_TALL if tall > _TALL else "content"):
        st.image(png, alt=prints.caption(data))
    inches = f"{data.choice.width:g} × {tall / _DPI:.1f} in, text of {data.choice.size:g} points"
    st.html(f'<span class="lx-muted">A preview at {_DPI} dpi; the figure is {inches}.</span>')
    for note in notes:
        st.warning(md(note), icon=":material/straighten:")


def files(data: prints.FigureData) -> None:
    """A button a file; each is made when it is asked for."""
    with st.container(horizontal=True):
        for kind, (label, words) in _FILES.items():
            if kind == "csv" and data.choice.figure != "ranges":
                continue
            st.download_button(
                label,
                partial(prints.make, data, kind),
                file_name="linear-explanations.bib" if kind == "bib" else f"{data.choice.figure}.{kind}",
                mime=prints.KINDS[kind],
                key=f"studio take {kind}",
                icon=":material/download:",
                on_click="ignore",
                help=words,
            )


def words(data: prints.FigureData) -> None:
    """Caption, command, images and citation, to be copied."""
    st.subheader("Caption", anchor=False)
    st.code(prints.caption(data), language=None, wrap_lines=True)
    st.subheader("The same figure without this page", anchor=False)
    st.code(data.command(), language="bash", wrap_lines=True)
    left, right = st.columns([1.35, 1], gap="large")
    if data.choice.figure == "ranges":
        with left:
            table = prints.sources(data)
            st.subheader("Images and where they come from", anchor=False)
            st.html(f'<span class="lx-muted">{plural(len(table), "image")} in the figure</span>')
            columns = {name: name for name in table if name != "probing_set"}
            tables.show(table, "studio sources", "Table of the figure's images", columns, tall=(0, 300))
        place = right
    else:
        place = left
    with place:
        st.subheader("To cite", anchor=False)
        st.code(prints.BIBTEX, language="bibtex", wrap_lines=True)
