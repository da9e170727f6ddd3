"""How long a text takes: whether twice the text takes twice the time or four times, and texts that bring it to light."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import product
from re import _constants as sre
from re import _parser
from time import process_time

from pages.ui import links

_FIELDS = [field for view in links.VIEWS.values() for field in fields(view)]
CAP = max(
    field.metadata.get("longest", links.LONGEST) for field in _FIELDS
)  # characters; texts of files have none, but fare alike
FINE = 0.01  # seconds for a text as long as the cap: what takes the square of its length takes 100 times that


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """CPU time of a call: the minimum of five."""

    def took() -> float:
        start = process_time()
        run()
        return process_time() - start

    return min(took() for _ in range(times))


def growth(
    use: Callable[[str], object], attack: Callable[[int], str], cap: int = CAP, fine: float = FINE
) -> float:
    """How many times longer a text of `cap` characters takes than half of it; 0 where that is `fine` anyway."""
    half, whole = attack(cap // 2), attack(cap)
    collecting = gc.isenabled()
    gc.disable()  # its rounds take as long as there are objects
    try:
        before = seconds(lambda: use(half), 1)
        if before > 1:  # far from fine: no need to measure it well
            return float("inf")
        if 4 * before <= fine and seconds(lambda: use(whole), 1) <= fine:
            return 0.0
        halves, wholes = [], []
        for _ in range(3):  # on a machine that is busy with other things, one round of five may mislead
            wholes.append(seconds(lambda: use(whole)))
            halves.append(seconds(lambda: use(half)))
            if min(wholes) <= fine:
                return 0.0
            if min(wholes) < 3 * min(halves):
                break
        return min(wholes) / min(halves)
    finally:
        if collecting:
            gc.enable()


def repeated(prefix: str, end: str = "", begin: str = "") -> Callable[[int], str]:
    """Attack strings of a length: a beginning, a prefix repeated, and an end on which the pattern fails."""
    return lambda length: begin + prefix * ((length - len(begin + end)) // len(prefix)) + end


# -- attacks made of a pattern's own parts --------------------------------------------------------------


def own_attacks(text: str | bytes) -> list[Callable[[int], str]]:
    """Attack strings made of a pattern's own parts, so that one written badly above hides no fault.

    Something that matches the pattern up to one of its repetitions, then what is repeated there (one of its characters,
    or one and another in turn) over and over, then an end that fails.
    """
    pattern = text.decode("latin-1") if isinstance(text, bytes) else text
    own = {c for node in _walk(_parser.parse(pattern)) for c in _letters(node)}
    letters = [*sorted(own)[:10], *({" ", "a"} - own)]
    begins = dict.fromkeys(["", *_beginnings(_parser.parse(pattern))])
    together = 3 if len(letters) <= 3 else 2 if len(letters) <= 6 else 1
    pumps = ["".join(some) for count in range(1, together + 1) for some in product(letters, repeat=count)]
    return [repeated(pump, end, begin) for begin in list(begins)[:6] for pump in pumps for end in ("\0", "")]


def _walk(tree) -> Iterator[tuple]:
    for node in tree:
        yield node
        for inner in _inside(node):
            yield from _walk(inner)


def _inside(node: tuple) -> list:
    """The sequences that lie in a node."""
    kind, value = node
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.BRANCH:
        return list(value[1])
    if kind is sre.ATOMIC_GROUP:
        return [value]
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return []


_OF_CATEGORY = {
    sre.CATEGORY_DIGIT: "1", sre.CATEGORY_NOT_DIGIT: "a", sre.CATEGORY_SPACE: " ", sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_WORD: "a", sre.CATEGORY_NOT_WORD: "-",
}  # fmt: skip


def _letters(node: tuple) -> list[str]:
    """Some characters that a node of one character matches."""
    kind, value = node
    if kind is sre.LITERAL:
        return [chr(value)]
    if kind in (sre.ANY, sre.NOT_LITERAL):
        return ["a" if value != ord("a") else "b"]
    if kind is sre.CATEGORY:
        return [_OF_CATEGORY[value]]
    if kind is sre.RANGE:
        return [chr(value[0])]
    if kind is not sre.IN:
        return []
    if value[0][0] is sre.NEGATE:
        not_these = re.compile("[^" + "".join(re.escape(c) for n in value[1:] for c in _letters(n)) + "]")
        return [c for c in "a 1_-" if not_these.match(c)][:2]
    return [c for n in value for c in _letters(n)]


def _beginnings(tree) -> list[str]:
    """A text that matches what stands before each repetition of a pattern."""
    found, so_far = [], ""
    for node in tree:
        if node[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            found.append(so_far)
        for inner in _inside(node):
            found += [so_far + more for more in _beginnings(inner)]
        so_far += _example(node)
    return found


def _example(node: tuple) -> str:
    """A short text that a node matches."""
    kind, value = node
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return "".join(map(_example, value[2])) * max(1, min(value[0], 8))
    if kind in (sre.SUBPATTERN, sre.ATOMIC_GROUP, sre.BRANCH):
        return "".join(map(_example, _inside(node)[0]))
    return "".join(_letters(node)[:1])
