"""A button that copies the link to the whole view."""

from __future__ import annotations

from pages.ui.front import component

_component = component("copy_link")


def copy_link(link: str, release_focus: bool = False, key: str = "copy link", note: str = "") -> None:
    """Show the button. link: an address relative to the dashboard's pages, as `links.link` makes it.

    release_focus: when the view has changed, take the keyboard's focus from the widget that
    changed it, so that the page's keys work again. note: what the link does not take along; stands
    below the button once it is copied.
    """
    _component(
        data={"link": link, "release": release_focus, "note": note},
        key=key,
        width="content",
        height="content",
    )
