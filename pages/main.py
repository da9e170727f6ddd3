"""Navigation: what `app.py` runs for every visitor, `streamlit run app.py` or `streamlit run app.py -- --store FILE`.

A study for people who take part: `streamlit run app.py -- --study NAME`, with `--preview` to walk
through it without recording anything.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).parent / "ui" / "assets" / "favicon.svg")


def _given() -> argparse.Namespace:
    """What the command line says: `--store FILE`, which may be given several times in place of those in
    data/stores, or `--study NAME` with or without `--preview`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--store", action="append", nargs="?", default=[])
    parser.add_argument("--study", nargs="?", const="")
    parser.add_argument("--preview", action="store_true")
    known, _ = parser.parse_known_args()  # a mistake must not end the server's thread
    return known


def main() -> None:
    """Set up the app and run the page that the address names; of a study, its course alone."""
    given = _given()
    if given.study is not None or given.preview:
        from pages.participant import page as participant

        participant.main(given.study or "", given.preview, ICON)
    else:
        _dashboard([path for path in given.store if path])


def _dashboard(stores: list[str]) -> None:
    from pages.ui import go, shell
    from pages.ui.found import pages
    from pages.ui.no_page import asked_for, no_page

    def home() -> None:
        """The bare address leads to the overview, whose own address stays the same when that changes."""
        st.switch_page(go.page("overview"), query_params=dict(st.query_params))

    st.set_page_config(page_icon=ICON, layout="wide", initial_sidebar_state="collapsed")
    st.session_state["given stores"] = stores
    known = [
        go.page(page.name, partial(shell.run, page), f"{page.title} · lexplain")  # an icon would be
        for page in pages().values()  # fetched from a CDN
    ]
    if unknown := asked_for():
        known.append(go.page(unknown, partial(no_page, unknown), "No such page · lexplain"))
    page = st.navigation([st.Page(home, title="lexplain", default=True), *known], position="hidden")
    shell.dress()
    page.run()


if __name__ == "__main__":
    main()
