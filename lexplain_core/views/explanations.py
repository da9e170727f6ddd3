"""Explanations as a page shows them: the order of terms, their colours, other names of concepts."""

from __future__ import annotations

from html import escape

from ..store import Explanation, Term, Unit


def by_weight(explanation: Explanation) -> list[Term]:
    """The explanation's terms, largest |weight| first, as its line of text has them."""
    return sorted(explanation.terms, key=lambda term: -abs(term.weight))


def explanation_of(unit: Unit, method: str) -> Explanation | None:
    """The explanation by a method, None where the unit has none by any."""
    return unit.explanation(method) if unit.explanations else None


def other_names(explanation: Explanation) -> str:
    """Which other names the concepts have, for those that are on the same images."""
    if not (said := explanation.other_names):
        return ""
    return f'<p class="lx-facts lx-muted">{escape(said)}: all images show both or neither.</p>'


def matrix_title(matrix: str) -> str:
    """What a concept matrix is called beside others: 'labels', or the encoder's name."""
    return "labels" if matrix == "label" else matrix


def colored(explanation: Explanation, styles: dict) -> str:
    """The explanation's own text as HTML, each term underlined in the colour that charts give it."""
    text, html, at = explanation.text, [], 0
    for term in by_weight(explanation):
        end = text.index(f"·{term.name}", at) + len(term.name) + 1
        start = max(text.rfind(" ", at, text.index(f"·{term.name}", at)) + 1, at)
        html.append(escape(text[at:start]))
        html.append(
            f'<span class="t" style="--c:{styles[term.concept_id].color}">{escape(text[start:end])}</span>'
        )
        at = end
    return "".join(html) + escape(text[at:])
