"""Help in place of a page, where there is no store to show."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import streamlit as st

from lexplain_core.base.entries import shown
from lexplain_core.store import StoreEntry
from lexplain_core.views.markdown import code, md
from pages.ui import go, links
from pages.ui.text import message


def no_store(wanted: str, found: list[StoreEntry], folder: Path, given: bool) -> NoReturn:
    """Say why there is no store to show and what to do about it; ends the page.

    wanted: the id that the address asks for, '' for none. found: the files in `folder`, or those
    `given` on the command line.
    """
    good = [entry for entry in found if entry.error is None]
    if wanted and good:
        st.header("This link is to another store")
        st.markdown(
            f"It asks for the store with the id **{md(wanted)}**, which is not among the stores here. "
            "Ids stay the same when a store is rebuilt from the same images, weights and options. "
            "If you have its file, start the dashboard with it:"
        )
        st.code("python -m lexplain_core serve FILE", language="bash")
        st.markdown("Or open one of the stores that are here:")
        for entry in good:
            go.link(
                md(f"{entry.name}, id {entry.id}"),
                links.Overview(store=entry.id or ""),
                icon=":material/database:",
            )
    else:
        st.header("There is no store to show yet")
        st.markdown(
            "A *store* is the file that a build writes: the images that a network was shown, what each of its "
            "units did, and the unit in words. "
            + (
                ""
                if given
                else f"The dashboard looks for stores "
                f"(`*.duckdb`) in {code(shown(folder))}" + (", but there is none." if not found else ".")
            )
        )
    for entry in [entry for entry in found if entry.error][:50]:
        st.error(message(entry.error), icon=":material/error:")
    if not good:
        left, right = st.columns(2)
        left.markdown("**See it work.** Build the demo store, about two minutes, and open it:")
        left.code("python -m lexplain_core demo", language="bash")
        right.markdown("**Explain your own network.** Build a store from your images:")
        right.code("python -m lexplain_core build CONFIG.toml", language="bash")
        left.markdown("Then load this page again.")
        right.markdown("A store elsewhere? `python -m lexplain_core serve FILE`")
    st.stop()
