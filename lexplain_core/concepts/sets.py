"""Concept sets: what encoders are asked about, and where each concept comes from."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..base import places
from ..base.errors import UserError, did_you_mean, quote
from ..base.files import read_text
from ..base.text import folded, lines
from ..config.paths import CONCEPT_SETS
from ..probe.base import ProbingSet
from .base import Concept
from .label import label_concepts

NOUNS = places.data() / "concepts" / "nouns.txt"
# A concept is a short text: encoders cut off what is longer than their context (64 tokens or so).
LONGEST = 300


def normalised(text: str) -> str:
    """The form in which two texts are the same concept: as `text.folded`, and `_` is a blank."""
    return folded(text.replace("_", " "))


def read_concepts(path: str | Path) -> list[str]:
    """The concepts of a text file, one a line, in order.

    Blank lines and lines that begin with `#` are left out, and space around a concept. Raises
    `UserError` with file and line for what can't be read.
    """
    path = Path(path)
    found = []
    for number, line in enumerate(lines(read_text(path, "The concepts file")), start=1):
        where = f"The concepts file {path}, line {number},"
        if not line or line.startswith("#"):
            continue
        if len(line) > LONGEST:
            raise UserError(
                f"{where} has {len(line):,} characters, from {quote(line[:40])} on: "
                f"a concept is a short text, a line each, of at most {LONGEST}."
            )
        # Category Cc: control characters, Cs: surrogates; no text that one can read has them.
        if odd := next((c for c in line if unicodedata.category(c) in ("Cc", "Cs") and c != "\t"), None):
            raise UserError(f"{where} has the control character {quote(odd)}: remove it.")
        found.append(" ".join(line.split()))
    if not found:
        raise UserError(f"The concepts file {path} has no concept: write one a line.")
    return found


def concept_set(probing: ProbingSet, sets: Sequence[str]) -> tuple[Concept, ...]:
    """The concepts of the sets, in their order, each once.

    sets: `labels` (those of the probing set), `nouns` (data/concepts/nouns.txt) or text files with a
    concept a line. Concepts of the same text (see `normalised`) become one, with the first one's key and
    name; its origin names all that it comes from, such as "class, noun". Keys: those of the label
    matrix, "noun:<text>", "<file's name without ending>:<text>" (a file named as a kind of label gets
    "file " before it). Raises `UserError` for no sets, a
    file that can't be read, and a name that is neither.
    """
    if not sets:
        raise UserError("concepts.sets names no set: give `labels`, `nouns`, or text files with concepts.")
    found: dict[str, Concept] = {}
    keys: set[str] = set()
    for name in sets:
        for concept in _concepts(probing, name):
            text = normalised(concept.name)
            if first := found.get(text):
                origins = [*_origins(first), *(o for o in _origins(concept) if o not in _origins(first))]
                found[text] = Concept(first.key, first.name, ", ".join(origins))
                continue
            key, more = concept.key, 2
            while key in keys:  # two files of the same stem whose texts differ in nothing but case
                key, more = f"{concept.key} #{more}", more + 1
            keys.add(key)
            found[text] = Concept(key, concept.name, concept.origin)
    return tuple(found.values())


def split_filter_counts(concepts: Sequence[Concept], kept: np.ndarray) -> dict[str, tuple[int, int]]:
    """Origin -> (kept, dropped), in order of appearance; kept: boolean (M,).

    A concept of several origins counts for each of them.
    """
    counts: Counter[tuple[str, bool]] = Counter()
    order: dict[str, None] = {}
    for concept, keep in zip(concepts, kept, strict=True):
        for origin in _origins(concept):
            order[origin] = None
            counts[origin, bool(keep)] += 1
    return {origin: (counts[origin, True], counts[origin, False]) for origin in order}


def _origins(concept: Concept) -> list[str]:
    return concept.origin.split(", ")


def _concepts(probing: ProbingSet, name: str) -> Iterator[Concept]:
    if name == "labels":
        yield from label_concepts(probing)
        return
    if name == "nouns":
        path, kind = NOUNS, "noun"
    else:
        path = Path(name)
        if not path.is_file():
            raise UserError(_unknown(path))
        kind = path.stem.replace(",", " ").strip()  # a comma would look like two origins
        # Keys say where a concept is from: a file "class.txt" must not pass for the classes.
        if kind in {"class", "superclass", "noun", *(a.kind for a in probing.attributes)} or not kind:
            kind = f"file {kind}".strip()
    for text in read_concepts(path):
        yield Concept(f"{kind}:{text}", text, kind)


def _unknown(path: Path) -> str:
    if path.is_dir():
        return f"concepts.sets names {path}, which is a folder: give a text file with a concept a line."
    beside = sorted(p.name for p in path.parent.glob("*.txt")) if path.parent.is_dir() else []
    known = " and ".join(f"`{name}`" for name in CONCEPT_SETS)
    return (
        f"concepts.sets names {path}, but there is no such file, and the built-in sets are {known}."
        + did_you_mean(path.name, [*CONCEPT_SETS, *beside])
    )
