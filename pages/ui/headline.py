"""The top of the Neuron page: what the unit is, in words, and the page in plain words."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from lexplain_core.base.numbers import plural, two
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.explanations import colored, other_names
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.scores import ablation_words, other_judges, score_words
from lexplain_core.views.unit import observer_line, range_line
from pages.ui import shell
from pages.ui.humans import of_unit
from pages.ui.plain_words import plain_words

_STATUS: dict[str, tuple[str, Literal["green", "gray", "orange"]]] = {
    "alive": ("alive", "green"),
    "dead": ("dead", "gray"),
    "constant": ("constant", "gray"),
    "negative": ("no positive range", "orange"),
}


def title(unit: Unit) -> None:
    """Layer, number and status."""
    words, color = _STATUS[unit.status]
    name = f"{unit.layer} · unit {unit.unit}" + (f" · {unit.name}" if unit.name else "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(md(name), anchor=False, width="content")
        st.badge(words, color=color)
        if not unit.in_network:
            st.badge("computed, not part of the network", color="violet")


def _humans(unit: Unit) -> str:
    """How often people told the unit's images apart in studies of its store (HTML); empty where nobody was asked."""
    row = of_unit(unit.store.id, unit.layer, unit.unit)
    if row is None:
        return ""
    where = "1 study" if row["studies"] == 1 else f"{int(row['studies'])} studies"
    return (
        f'<p class="lx-facts lx-humans">Human 2AFC: right in <b>{two(row["human"])}</b> of {plural(int(row["answers"]), "answer")} '
        f"(95% interval {two(row['low'])} to {two(row['high'])}), in {where}. "
        '<span class="lx-muted">The same question to people; chance is 0.5.</span></p>'
    )


def _others(unit: Unit, explanation: Explanation | None) -> str:
    """A line for each other judge (HTML)."""
    return "".join(
        f'<p class="lx-facts lx-judge" data-measure="{name}">{line}</p>'
        for name, line in other_judges(unit, explanation)
    )


def words(unit: Unit, explanation: Explanation | None, styles: dict) -> None:
    """The explanation as one line, each term underlined in its colour; its score; the unit's range."""
    if explanation is None or explanation.reason:
        reason = (explanation.reason if explanation else None) or unit.reason or "No method was run on it."
        st.html(observer_line(unit) + _others(unit, None) + _humans(unit) + range_line(unit))
        st.info(f"**This unit has no explanation.** {md(reason)}", icon=":material/info:")
        return
    several = len(unit.explanations) > 1
    ablation = ablation_words(unit, explanation, main_only=several)
    st.html(
        f'<p class="lx-line">{colored(explanation, styles)}</p>'
        f'<p class="lx-facts lx-score">{score_words(unit, explanation, main_only=several)}</p>'
        + (f'<p class="lx-facts lx-ablation">{ablation}</p>' if ablation else "")
        + other_names(explanation)
        + observer_line(unit)
        + _others(unit, explanation)
        + _humans(unit)
        + range_line(unit)
    )


def same_model(opened: Opened, explanation: Explanation | None) -> None:
    """A warning where the encoder that scores is the one that the words were found with."""
    if explanation is None or explanation.source:
        return
    matrix = shell.matrices(opened).get(explanation.matrix)
    if matrix and matrix["kind"] == "encoder" and opened.store.meta.get("same_encoder"):
        st.warning(
            md(
                f"Explainer and simulator are the same model: scores by {explanation.simulator} flatter this explanation."
            ),
            icon=":material/content_copy:",
        )


def what_is_this() -> None:
    """The page in plain words."""
    plain_words(
        """
One **unit** computes one number for every image: its *activation*. The line at the top, such as
`2.1·snow + 1.3·dog + 0.2`, is its **explanation**, also called the unit’s *words*: add the weight of each concept that an image shows, and the
bias at the end, and you get the activation that the words predict.

The **stacked chart** takes the images from those that leave the unit at 0 (left) to those that move it most
(right), in 8 ranges of equal width, and shows what they are. Every image counts once, for the rarest concept of the
explanation that it shows, else as *other*. The number of images stands above each range: the last ranges often
hold a handful, so read them with care. **Click a range to see its images alone**, and once more to see those of all ranges; the list of
ranges above the examples does the same by keyboard. The areas can also be *classes* or *superclasses*, which the images’ labels say, whatever
the words are: those that fill most of the upper ranges (5 to 8), the rest is *other*; of several superclasses an image counts for the rarest.

The **bars below it** say how much of the unit’s *effect* lies in each range: what the network loses on those images when the
unit is set to 0 (or its mean, where the store has only that), in right answers and in the certainty of its answers. The short lines are the ranges’ shares of the images. The tab
*Effect* has more, and which outputs the unit pushes up and down.

**Example images** come from every range, not only from the top: a unit often means something else in the middle.
They are drawn from all images, whatever their split. The **score** is computed on the test split only, on images
that the explanation was not made from. **Chance** says what it is worth: the same words are scored against the other
units of the layer, and words that say something about this unit predict it better than they predict the others.
The **ablation score** puts what the words predict in the place of the unit and runs the network on: 1 means that its loss on the
test split stays as it is, 0 that the words do no better than the unit’s mean, less than 0 that they do worse. The prediction is
first scaled, to *c* times it plus *d*: *norm* takes the straight line that fits the unit best on the val split, *optim* one that gradient
descent finds from there, towards the least change of the loss on val; that it is the least is not promised.

**Machine 2AFC** asks the same as people are asked in a study: here are 9 images that excite the unit most and 9 that do so least; which
of two others belongs with the first? The machine takes the one that looks more like them to an encoder. It knows nothing of the words. The *margin* says
how clearly it does so, on average over some trials.

The slider **Map** lays over each example where in it the unit fires. *Look closer at one image* runs the network itself, where it is at
hand.

The tab *Values* shows how often the unit takes which value, the images of any range of activations, and its mean over the images of each
class. *Similar units* lists those of the layer that rise and fall with this one, and those that are put in much the same words.

The image’s labels decide which concepts it shows, or an **encoder** does, a network that compares images with
texts. One encoder finds the words, another scores them. Where there are several, a switch chooses which one the charts use.
"""
    )
