"""What can be typed into the search box and into ranges: read here, and said again in words."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ...base.errors import few

TERMS = 20  # at most so many terms in one search
LONGEST_SEARCH = 1000  # characters
Range = tuple[float | None, float | None]
OPEN: Range = (None, None)

# No repetition gives back what it took (`++`, `*+`), so that no text takes more than one pass.
_NUMBER = r"[+\-−]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+\-−]?[0-9]++)?"
_TERM = re.compile(
    rf"""(?P<sign>[+\-−]?)(?:"(?P<quoted>[^"]++)"|(?P<plain>[^\s"<>≤≥+\-−][^\s"<>≤≥]*+))"""
    rf"""(?:\s*+(?P<compare>>=|<=|≥|≤|>|<)\s*+(?P<number>{_NUMBER}))?(?=\s|$)""",
    re.I,
)
_COMPARE = {">": "above", "<": "below", ">=": "at least", "<=": "at most"}


@dataclass(frozen=True)
class Term:
    """One term of a search. text: what a concept's name must contain, whatever its case.

    sign: '+' or '-' for a positive or negative weight, '' for any. compare: '>', '<', '>=' or '<=', '' for none, with
    `bound`, in activation units per unit of P.
    """

    text: str
    sign: str = ""
    compare: str = ""
    bound: float = 0.0

    @property
    def weighted(self) -> bool:
        """Whether the term asks for a weight, and so can be found in explanations alone."""
        return bool(self.sign or self.compare)

    @property
    def words(self) -> str:
        """The term as people say it: “snow” (weight above 0.5)."""
        asked = []
        if self.sign:
            asked.append("positive weight" if self.sign == "+" else "negative weight")
        if self.compare:
            asked.append(f"weight {_COMPARE[self.compare]} {number_words(self.bound)}")
        return f"“{self.text}”" + (f" ({', '.join(asked)})" if asked else "")


def read_search(text: str) -> tuple[list[Term], list[str]]:
    """The terms of a search, and a sentence for every piece that can't be read as one.

    `snow` (a word), `"polar bear"` (words in a row), `+snow` and `-snow` (with a positive or negative weight),
    `snow>0.5`, `snow<-1`, `snow>=0.5`, `snow<=1` (with such a weight).
    """
    if len(text) > LONGEST_SEARCH:
        return [], [
            f"A search has at most {LONGEST_SEARCH:,} characters; this one has {len(text):,} and was ignored."
        ]
    terms: list[Term] = []
    problems: list[str] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TERM.match(text, place)
        term = _term(match) if match else None
        if match is None or term is None:
            piece = text[place:] if text.count('"', place) == 1 else text[place:].split(maxsplit=1)[0]
            place += len(piece)
            problems.append(_unread(piece))
            continue
        place = match.end()
        if len(terms) == TERMS:
            problems.append(
                f"A search has at most {TERMS} terms; “{_short(text[match.start() :])}” was left out."
            )
            break
        if term not in terms:
            terms.append(term)
    return terms, few(problems)


def _term(match: re.Match) -> Term | None:
    words = " ".join((match["quoted"] or match["plain"]).split())
    if not words:
        return None
    compare = (match["compare"] or "").replace("≥", ">=").replace("≤", "<=")
    bound = float(match["number"].replace("−", "-")) if compare else 0.0
    return Term(words, match["sign"].replace("−", "-"), compare, bound) if math.isfinite(bound) else None


def _unread(piece: str) -> str:
    if piece.count('"') % 2:
        return f"“{_short(piece)}” was left out of the search: a quotation mark has no partner."
    return (
        f"“{_short(piece)}” was left out of the search: a term is a word, +word, -word, word>0.5, word<-1, "
        'or "some words" in quotes.'
    )


def _short(piece: str) -> str:
    return piece if len(piece) <= 60 else piece[:60] + "…"


def read_range(text: str) -> Range | None:
    """`0.2..0.7`, `..4`, `2..` or `5` (that value alone) as (low, high), None for an open end; None where it can't be read."""
    low, dots, high = (part.strip() for part in text.partition(".."))
    if any(end and not re.fullmatch(_NUMBER, end, re.I) for end in (low, high)):
        return None
    first, last = (float(end.replace("−", "-")) if end else None for end in (low, high if dots else low))
    if any(end is not None and not math.isfinite(end) for end in (first, last)):
        return None
    if first is None and last is None or first is not None and last is not None and first > last:
        return None
    return first, last


def write_range(ends: Range) -> str:
    """A range as `read_range` reads it; '' for an open one."""
    low, high = ("" if end is None else f"{end:.10g}" for end in ends)
    return f"{low}..{high}" if low or high else ""


def range_words(what: str, ends: Range) -> str:
    """'test correlation from 0.2 to 0.7', 'length at most 4'."""
    low, high = ends
    if low is None:
        return f"{what} at most {number_words(high)}" if high is not None else what
    if high is None:
        return f"{what} at least {number_words(low)}"
    if low == high:
        return f"{what} {number_words(low)}"
    return f"{what} from {number_words(low)} to {number_words(high)}"


def number_words(value: float) -> str:
    """A bound as it was given, with a real minus sign."""
    return f"{value:.10g}".replace("-", "−")
