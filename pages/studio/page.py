"""Figures: area charts and range images of chosen units for print, with all that a paper needs beside them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.pages import Page
from lexplain_core.figures import print as prints
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.studio import choice as studio_choice
from pages.studio import images, take, units
from pages.ui import links
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable


def render(view: links.Studio, opened: Opened, offer: Offer) -> None:
    view = units.filled(view, opened)
    choice, problems = prints.read_choice(links.query(view, full=True))
    whole = replace(view, method=view.method or opened.store.default_method)
    st.title("Figures for print", anchor=False)
    left, right = st.columns([1, 2.1], gap="large")
    with left:
        studio_choice.what(view)
        units.show(view, opened, choice)
        studio_choice.how(view, opened)
    with right:
        unusable(*map(md, problems))
        try:
            data = prints.gather(opened.store, choice, waiting=images.WAITING)
        except UserError as error:
            offer(whole)
            st.info(f"{message(error)} Add units on the left.", icon=":material/add_circle:")
            what_is_this()
            return
        for problem in data.problems:
            st.warning(md(problem), icon=":material/info:")
        view = replace(view, at=min(max(view.at, 1), len(data.panels)))
        offer(replace(whole, at=view.at))
        take.files(data)
        take.preview(opened, data)
    if choice.figure == "ranges":
        images.show(view, opened, data)
    take.words(data)
    what_is_this()


def what_is_this() -> None:
    """The page in plain words."""
    plain_words(
        """
This page makes figures for a paper or a slide. **Area charts** show, for each unit, what the images of each of its 8
ranges of activation are, as in Figure 3 of the paper on Linear Explanations. **Range images** show images from every range
under the unit’s description, as in its Figure 4.

All units of a figure stand on **one scale**: the panels have the same size, shares run from 0 to 100%, and the x axis runs
to each unit’s own largest activation (100%), or, on request, over the same activations for all.

Images are **drawn at random** from each range, whatever their split; the number is the draw. You can **pin** an image, so that it
stays, or **leave one out**; the caption then says that images were chosen, since such a choice is no longer a
random one. Hidden images are never used.

The **same choice gives the same file**, byte by byte, here and by the command at the bottom of the page, as long as the store and the versions of
lexplain and matplotlib stay the same. PDFs have their fonts embedded; in an SVG, text stays text that can be searched and edited, unless you ask for
paths.

Scores are correlations on the split that is named beside them, with 95% intervals; *n* is the number of images.
"""
    )


PAGE = Page("Figures", ":material/print:", links.Studio, render, place=80)
