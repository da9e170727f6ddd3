"""The top of the Neuron page: what the unit is, in words, and the page in plain words."""

from __future__ import annotations

from html import escape

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, rounded, two
from lexplain_core.store import Explanation, Unit
from pages.ui import shell
from pages.ui.humans import of_unit
from pages.ui.plain_words import plain_words
from pages.ui.scores import ablation_words, score_words
from pages.ui.text import md, quantity

_STATUS = {
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
        if unit.source == "computed":
            st.badge("computed, not part of the network", color="violet")


def _range(unit: Unit) -> str:
    images = f"{len(unit.activations):,} images"
    if unit.status == "constant":
        span = f"is {rounded(unit.maximum)} for all {images}"
    else:
        span = (
            f"goes from {rounded(unit.minimum)} to {rounded(unit.maximum)} over {images}, "
            f"{rounded(unit.mean)} on average"
        )
    count = plural(unit.units, "unit")
    return (
        f'<p class="lx-facts lx-range lx-muted">One of {count} of this layer. Its '
        f"{escape(quantity(unit))} {span}.</p>"
    )


def _observer(unit: Unit) -> str:
    """How often machines tell the unit's images apart, or why they can't (HTML); empty where none was asked."""
    if not unit.observer:
        return ""
    scores = [score for score in unit.observer if score.value is not None]
    if not scores:
        return f'<p class="lx-facts lx-observer"><b>No machine 2AFC score:</b> {escape(unit.observer[0].reason or "")}</p>'
    main, *others = [
        (two(s.value), "the network’s own last layer" if s.embedding == "target" else escape(s.embedding))
        for s in scores
    ]
    also = "".join(f"; {value} by {name}" for value, name in others)
    return (
        f'<p class="lx-facts lx-observer">Machine 2AFC: right in <b>{main[0]}</b> of {scores[0].trials} trials, comparing images by {main[1]}'
        f'{also}. <span class="lx-muted">Which of two images goes with those that excite the unit? Chance is 0.5.</span></p>'
    )


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


def explanation_of(unit: Unit, method: str) -> Explanation | None:
    """The explanation by a method, None where the unit has none by any."""
    return unit.explanation(method) if unit.explanations else None


def words(unit: Unit, explanation: Explanation | None, styles: dict) -> None:
    """The explanation as one line, each term underlined in its colour; its score; the unit's range."""
    if explanation is None or explanation.reason:
        reason = (explanation.reason if explanation else None) or unit.reason or "No method was run on it."
        st.html(_observer(unit) + _humans(unit) + _range(unit))
        st.info(f"**This unit has no explanation.** {md(reason)}", icon=":material/info:")
        return
    several = len(unit.explanations) > 1
    ablation = ablation_words(unit, explanation, main_only=several)
    st.html(
        f'<p class="lx-line">{colored(explanation, styles)}</p>'
        f'<p class="lx-facts lx-score">{score_words(unit, explanation, main_only=several)}</p>'
        + (f'<p class="lx-facts lx-ablation">{ablation}</p>' if ablation else "")
        + _same(explanation)
        + _observer(unit)
        + _humans(unit)
        + _range(unit)
    )


def _same(explanation: Explanation) -> str:
    """Which other names the concepts have, for those that are on the same images."""
    if not (said := explanation.other_names):
        return ""
    return f'<p class="lx-facts lx-muted">{escape(said)}: all images show both or neither.</p>'


def same_model(opened: shell.Opened, explanation: Explanation | None) -> None:
    """A warning where the encoder that scores is the one that the words were found with."""
    matrix = shell.matrix(opened, explanation.matrix) if explanation and not explanation.source else None
    if matrix and matrix["kind"] == "encoder" and opened.store.meta.get("same_encoder"):
        st.warning(
            md(
                f"Explainer and simulator are the same model: scores by {explanation.simulator} flatter this explanation."
            ),
            icon=":material/content_copy:",
        )


def colored(explanation: Explanation, styles: dict) -> str:
    """The explanation's own text as HTML, each term underlined in the colour that charts give it."""
    text, html, at = explanation.text, [], 0
    for term in figures.by_weight(explanation):
        end = text.index(f"·{term.name}", at) + len(term.name) + 1
        start = max(text.rfind(" ", at, text.index(f"·{term.name}", at)) + 1, at)
        html.append(escape(text[at:start]))
        html.append(
            f'<span class="t" style="--c:{styles[term.concept_id].color}">{escape(text[start:end])}</span>'
        )
        at = end
    return "".join(html) + escape(text[at:])


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
of two others belongs with the first? The machine takes the one that looks more like them to an encoder. It knows nothing of the words.

The slider **Map** lays over each example where in it the unit fires. *Look closer at one image* runs the network itself, where it is at
hand.

The tab *Values* shows how often the unit takes which value, the images of any range of activations, and its mean over the images of each
class. *Similar units* lists those of the layer that rise and fall with this one, and those that are put in much the same words.

The image’s labels decide which concepts it shows, or an **encoder** does, a network that compares images with
texts. One encoder finds the words, another scores them. Where there are several, a switch chooses which one the charts use.
"""
    )
