"""Make `data/superclasses/imagenet_hypernyms.tsv` from WordNet's `data.noun`.

    apt-get install wordnet-base
    python -m scripts.make_wordnet_table

The table holds the given ids (ImageNet's 1,000, as timm lists them) and all their hypernyms by
all paths, instance hypernyms too. ImageNet's ids are offsets into WordNet 3.0's `data.noun`. For
classes beyond ImageNet, `--ids FILE` adds more of them, an id a line. File format: wndb(5WN).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from lexplain_core.base.errors import UserError
from lexplain_core.probe.wordnet import TABLE, imagenet_ids

_HYPERNYM = ("@", "@i")


def parse_nouns(lines: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (id, first lemma, hypernym ids) of every synset of a `data.noun`."""
    for line in lines:
        if line.startswith("  "):  # the licence at the top
            continue
        # offset, file number, 'n', word count (hex), words with a lexical id each, pointer count,
        # pointers of four fields (symbol, offset, part of speech, source/target) | gloss
        fields = line.split(" | ", 1)[0].split()
        words = int(fields[3], 16)
        start = 4 + 2 * words
        pointers = [fields[start + 1 + 4 * i : start + 5 + 4 * i] for i in range(int(fields[start]))]
        parents = tuple(f"n{p[1]}" for p in pointers if p[0] in _HYPERNYM)
        yield f"n{fields[0]}", fields[4].replace("_", " "), parents


def make_table(noun_file: Path, ids: list[str]) -> str:
    """Return the table's text: WordNet's licence, a header, and a line per synset, sorted by id."""
    lines = noun_file.read_text("utf-8").splitlines()
    synsets = {key: (name, parents) for key, name, parents in parse_nouns(lines)}
    missing = [i for i in ids if i not in synsets]
    if missing:
        raise UserError(f"{noun_file} has no noun {', '.join(missing[:5])}: are these WordNet 3.0 ids?")
    wanted, queue = set(ids), list(ids)
    while queue:
        for parent in synsets[queue.pop()][1]:
            if parent not in wanted:
                wanted.add(parent)
                queue.append(parent)
    # The licence stands at the top of the file; its lines are numbered.
    licence = [line.strip().partition(" ")[2] for line in lines if line.startswith("  ")]
    head = [
        "# ImageNet's classes and their hypernyms, derived from WordNet 3.0 by",
        "# scripts/make_wordnet_table.py.",
        "#",
        *(f"# {line}".rstrip() for line in licence),
        "id\tname\thypernyms",
    ]
    rows = [f"{key}\t{synsets[key][0]}\t{','.join(sorted(synsets[key][1]))}" for key in sorted(wanted)]
    return "\n".join(head + rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    nouns = Path("/usr/share/wordnet/data.noun")
    parser.add_argument("--nouns", type=Path, default=nouns, help="WordNet's data.noun")
    parser.add_argument("--ids", type=Path, help="file with further ids, one a line, such as n02084071")
    parser.add_argument("--output", type=Path, default=TABLE)
    options = parser.parse_args()
    ids = imagenet_ids() + (options.ids.read_text("utf-8").split() if options.ids else [])
    try:
        table = make_table(options.nouns, ids)
    except FileNotFoundError:
        parser.error(f"there is no {options.nouns}: install Debian's wordnet-base, or give --nouns")
    except UserError as error:
        parser.error(str(error))
    options.output.write_text(table, "utf-8", newline="\n")
    print(f"{options.output}: {table.count(chr(10))} lines")


if __name__ == "__main__":
    main()
