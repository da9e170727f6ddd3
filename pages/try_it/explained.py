"""A trial after its answer: whose images these were, what the unit did on them, and what its words say."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import percent, plural, rounded
from lexplain_core.store import Explanation, StoreError, Unit
from pages.try_it.tried import Asked
from pages.ui import links, shell
from pages.ui.scores import seen_by
from pages.ui.text import md, quantity

_SURE = ("a guess", "fairly sure", "very sure")


def show(view: links.TryIt, opened: shell.Opened, asked: Asked, button: int) -> None:
    """The explanation of a trial that was answered with a button."""
    unit = opened.store.unit(asked.layer, asked.unit)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        st.markdown(_verdict(unit, asked, button))
        st.markdown(_words(unit, asked))
        if observed := _observer(unit):
            st.markdown(observed)
        there = links.Neuron(store=view.store, layer=unit.layer, unit=unit.unit)
        st.page_link(
            "neuron/page.py",
            label=md(f"Open {_name(unit)}"),
            icon=":material/stacked_line_chart:",
            query_params=links.query(there),
        )
    with right:
        upper, lower = (float(unit.activations[image]) for image in asked.queries)
        shell.chart(
            figures.queries_in_range(
                unit.activations,
                [("upper image", upper), ("lower image", lower)],
                quantity=quantity(unit),
                theme=shell.theme(),
            ),
            "queries",
            f"Histogram of the unit's activations; the upper image lies at {rounded(upper)}, the lower one at "
            f"{rounded(lower)}",
        )


def _name(unit: Unit) -> str:
    return f"{unit.layer} · unit {unit.unit}" + (f" · {unit.name}" if unit.name else "")


def _verdict(unit: Unit, asked: Asked, button: int) -> str:
    chosen = "upper" if button < 3 else "lower"
    wanted = asked.upper == "max"
    right = asked.correct(button)
    upper, lower = (float(unit.activations[image]) for image in asked.queries)
    ranks = (asked.high_rank, asked.low_rank) if wanted else (asked.low_rank, asked.high_rank)
    count = len(unit.activations)
    places = [f"place {count - rank:,} of {count:,} from the top" for rank in ranks]
    return (
        f"**{'✓ Right' if right else '✗ Not right'}**: you chose the {chosen} image ({_SURE[button % 3]}), and the "
        f"**{'upper' if wanted else 'lower'}** one belongs to the right examples. Those on the right excite "
        f"**{md(_name(unit))}** most, those on the left least.\n\n"
        f"Its {md(quantity(unit))} is **{rounded(upper)}** for the upper image ({places[0]}) and **{rounded(lower)}** "
        f"for the lower one ({places[1]}); over all images it goes from {rounded(unit.minimum)} to {rounded(unit.maximum)}."
    )


def _words(unit: Unit, asked: Asked) -> str:
    """What the explanation says, and whether it alone would have answered right."""
    if not unit.explanations:
        return "Nobody has put this unit in words."
    explanation = _first(unit)
    if explanation.reason:
        return f"**{md(explanation.method)}** has no explanation of it: {md(explanation.reason)}"
    said = f"**In words** (by {md(explanation.method)}): {md(explanation.text)}"
    try:
        known = unit.matrices(explanation)
        if not known:
            return f"{said}\n\nWhat these words predict for the two images is unknown: nobody has looked for them there."
        matrix = explanation.simulator if explanation.simulator in known else known[0]
        simulated = unit.simulated(explanation, matrix)
    except StoreError as error:
        return f"{said}\n\n{md(error)}"
    upper, lower = (float(simulated[image]) for image in asked.queries)
    if upper == lower:
        would = "they **can’t tell** the two images apart"
    else:
        right = (upper > lower) == (asked.upper == "max")
        would = f"they alone would have answered **{'right' if right else 'wrong'}**"
    return (
        f"{said}\n\nWith concepts seen by {md(seen_by(matrix))} these words predict **{rounded(upper)}** for the upper "
        f"image and **{rounded(lower)}** for the lower one: {would}."
    )


def _first(unit: Unit) -> Explanation:
    """The explanation by the store's default method, or by the first that the unit has."""
    method = unit.store.default_method
    return next((e for e in unit.explanations if e.method == method), unit.explanations[0])


def _observer(unit: Unit) -> str:
    """How often the main machine observer is right about the unit, '' where the store has none."""
    scores = [score for score in unit.observer if score.value is not None]
    if not scores:
        return ""
    eyes = (
        "by the network’s own features"
        if scores[0].embedding == "target"
        else f"as {md(scores[0].embedding)} sees them"
    )
    return (
        f"**The machine observer**, which compares images {eyes}, is right in **{percent(scores[0].value)}** of "
        f"{plural(scores[0].trials, 'such trial')} about this unit (chance: 50%)."
    )


def another(view: links.TryIt, opened: shell.Opened) -> links.TryIt | None:
    """The view of the next unit that answers to images, for one that can't be asked about."""
    table = shell.units(opened)
    rows = table[(table["layer"] == view.layer) & (table["status"] == "alive")]
    later = [int(n) for n in rows["unit"] if n > (view.unit or 0)]
    found = later or [int(n) for n in rows["unit"] if n != view.unit]
    return replace(view, unit=found[0]) if found else None
