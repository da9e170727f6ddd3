"""The dashboard: `streamlit run app.py`, or `streamlit run app.py -- --store FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

import streamlit as st

from pages import common


def _given_stores() -> list[str]:
    """Files named by `--store FILE`, which may be given several times, in place of those in data/stores."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--store", action="append", nargs="?", default=[])
    known, _ = parser.parse_known_args()  # a mistake must not end the server's thread
    return [path for path in known.store if path]


def _home() -> None:
    """The bare address leads to the overview, whose own address stays the same when that changes."""
    st.switch_page("pages/overview.py", query_params=dict(st.query_params))


def main() -> None:
    """Set up the app and run the page that the address names."""
    st.set_page_config(
        page_title="lexplain",
        page_icon=str(Path(__file__).parent / "pages" / "favicon.svg"),
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    st.session_state["given stores"] = _given_stores()
    page = st.navigation(
        [
            st.Page(_home, title="lexplain", default=True),
            *(
                st.Page(
                    f"pages/{name}.py", title=title, url_path=name
                )  # an icon here would be fetched from a CDN
                for name, (title, _) in common.PAGES.items()
            ),
        ],
        position="hidden",
    )
    common.dress()
    page.run()


if __name__ == "__main__":
    main()
