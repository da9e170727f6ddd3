"""Superclasses of WordNet ids: what a class is a kind of, by every path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..base import places
from ..base.errors import UserError
from .base import ClassInfo, Superclass

# Small tables that come with lexplain.
DATA = places.data() / "superclasses"

# Made by make_wordnet_table.py; WordNet's licence is in its head.
TABLE = DATA / "imagenet_hypernyms.tsv"


def imagenet_ids() -> list[str]:
    """ImageNet's 1,000 WordNet ids in the order of a classifier's outputs, as timm lists them."""
    return files("timm.data._info").joinpath("imagenet_synsets.txt").read_text("utf-8").split()


@dataclass(frozen=True)
class Synset:
    """A WordNet noun: its first lemma and its direct hypernyms (instance hypernyms too)."""

    key: str
    name: str
    hypernyms: tuple[str, ...]


@cache
def read_table(path: Path = TABLE) -> dict[str, Synset]:
    """Read the table that comes with lexplain: synset id -> Synset."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise UserError(f"The table of hypernyms {path} can't be read: {error.strerror}.") from None
    rows = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    return {key: Synset(key, name, tuple(ups.split(",")) if ups else ()) for key, name, ups in rows}


def wordnet_superclasses(
    classes: Sequence[ClassInfo], table: dict[str, Synset] | None = None
) -> tuple[Superclass, ...]:
    """All hypernyms of the classes by all paths that cover at least two of them, sorted by synset id.

    Keys are synsets, since two of them may share a name ("crane"); a class that is itself a hypernym
    of another one counts. Of synsets that cover the same classes the most specific stays: the one below
    the others; where two are not below one another, the deeper one (longest path from the root), then
    the smaller id. One that covers every class is kept; being constant, it falls to the concept filter.
    Raises `UserError` if a class key is no id of the table.
    """
    table = read_table() if table is None else table
    _check_ids(classes, table)
    above = _closure(table)
    covered: dict[str, set[int]] = {}
    for i, c in enumerate(classes):
        for synset in above[c.key]:
            covered.setdefault(synset, set()).add(i)
    same: dict[tuple[int, ...], list[str]] = {}
    for synset, below in covered.items():
        if len(below) >= 2:
            same.setdefault(tuple(sorted(below)), []).append(synset)
    depth = _depths(table)
    found = []
    for members, synsets in same.items():
        # What is below another is deeper than it, so depth alone already puts the most specific first.
        best = min(synsets, key=lambda s: (-depth[s], s))
        found.append(Superclass(key=best, name=table[best].name, classes=members))
    return tuple(sorted(found, key=lambda s: s.key))


def _check_ids(classes: Sequence[ClassInfo], table: dict[str, Synset]) -> None:
    unknown = [c.key for c in classes if c.key not in table]
    if not unknown:
        return
    few = ", ".join(repr(k) for k in unknown[:3]) + (", …" if len(unknown) > 3 else "")
    if not all(re.fullmatch(r"n\d{8}", k) for k in unknown):
        raise UserError(
            "superclasses = 'wordnet' needs class folders named by WordNet ids such as 'n02123045', "
            f"not {few}: rename them, or give superclasses as a JSON file."
        )
    raise UserError(
        f"{len(unknown)} of the {len(classes)} classes are not in the table of WordNet ids, which holds "
        f"ImageNet's 1,000 and those above them ({few}): give superclasses as a JSON file, or add the ids by "
        "`python -m scripts.make_wordnet_table --ids FILE`."
    )


def _closure(table: dict[str, Synset]) -> dict[str, frozenset[str]]:
    """Each synset with all that is above it by any path, itself included."""

    @cache
    def above(key: str) -> frozenset[str]:
        return frozenset({key}).union(*(above(up) for up in table[key].hypernyms))

    return {key: above(key) for key in table}


def _depths(table: dict[str, Synset]) -> dict[str, int]:
    """The longest path from each synset to a root."""

    @cache
    def depth(key: str) -> int:
        return max((1 + depth(up) for up in table[key].hypernyms), default=0)

    return {key: depth(key) for key in table}
