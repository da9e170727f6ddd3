"""The words the demo's encoders know, as a merges file for open_clip's SimpleTokenizer."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

from .captions import PREFIXES
from .kinds import KINDS
from .palette import TEXTURES
from .scene import BACKGROUNDS, COLOUR_NAMES, SIZES
from .truth import COUNTS, NUMBERS, PLACES


def words() -> tuple[str, ...]:
    """Every word of the captions and concepts, lower case, sorted."""
    texts = [
        *(text for kind in KINDS for text in (kind.name, kind.plural, kind.group, kind.family, kind.realm)),
        *(*COLOUR_NAMES, *TEXTURES, *SIZES, *BACKGROUNDS, *COUNTS, *NUMBERS, *PLACES.values(), *PREFIXES),
        "a an and object objects",
    ]
    return tuple(sorted({word for text in texts for word in text.lower().replace("-", " ").split()}))


def merges() -> list[tuple[str, str]]:
    """Byte-pair merges (Sennrich et al. 2016) that make each of `words` one token, and nothing more."""
    pieces = {word: [*word[:-1], f"{word[-1]}</w>"] for word in words()}
    found: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for p in pieces.values() for pair in zip(p, p[1:], strict=False))
        if not pairs:
            return found
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        for word, p in pieces.items():
            pieces[word] = _merged(p, best)


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def write(path: Path) -> int:
    """Write the merges in the form that SimpleTokenizer reads; return the size of the vocabulary."""
    # No newline at the end: SimpleTokenizer would read an empty merge there. No time in the header:
    # the same words give the same text, packed alike by the same zlib.
    lines = ["# words of the demo world", *(" ".join(pair) for pair in merges())]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return 2 * 256 + len(lines) - 1 + 2
