"""What a store names that has to be trusted, found without running or loading any of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import Build
from ..config.paths import factory_of, is_path, names_file
from .digests import changes, digest_or_none, files_of, real
from .file import Entry, Trusted

_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json")  # beside an encoder's file they are its tokenizer


@dataclass(frozen=True)
class Wanted:
    """Something that a store names: its path, and of code the function. entry: what would be trusted; None where it isn't there, or can't be read.

    state: `trusted`, `new`, `changed` or `gone`. changed: names of the files that are not as they were.
    """

    kind: str
    path: Path
    functions: tuple[str, ...]
    entry: Entry | None
    state: str
    changed: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        return ":".join([str(self.path), *self.functions])


def wanted(build: Build, trusted: Trusted) -> list[Wanted]:
    """All that goes by a store's config could open on this machine, each once. trusted: as the trust file has it."""
    found: dict[tuple, Wanted] = {}
    for kind, path, functions in _named(build):
        found.setdefault((kind, real(path), functions), _wanted(kind, path, functions, trusted))
    return list(found.values())


def _wanted(kind: str, path: Path, functions: tuple[str, ...], trusted: Trusted) -> Wanted:
    place = real(path)
    before = trusted.get((kind, str(place)))
    try:
        files = files_of(kind, place)
    except OSError:
        files = {}
    if not files and not (kind == "images" and place.is_dir()):
        return Wanted(kind, path, functions, None, "gone")
    if before is None or not set(functions) <= set(before.functions):
        return Wanted(kind, path, functions, Entry(kind, str(place), files, functions), "new")
    if odd := changes(before):
        still = {name: found for name in before.files if (found := digest_or_none(Path(name)))}
        entry = Entry(kind, str(place), still | files, before.functions)
        return Wanted(kind, path, functions, entry, "changed", tuple(odd))
    return Wanted(kind, path, functions, before, "trusted")


def _named(build: Build) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    target = build.target
    if factory := factory_of(target.model):
        yield "code", factory[0], (factory[1],)
    if names_file(target.weights):
        yield "weights", Path(target.weights), ()
    for encoder in (build.explainer, build.simulator):
        for given in filter(None, (encoder.model, encoder.pretrained)):
            if encoder.model and is_path(given, Path.cwd()):
                path = real(Path(given))
                yield "encoder", Path(given), ()
                if not path.is_dir() and any((path.parent / name).is_file() for name in _TOKENIZERS):
                    yield "tokenizer", path.parent, ()
        if encoder.model and encoder.tokenizer:
            yield "tokenizer", encoder.tokenizer, ()
    if build.probe.root:
        yield "images", build.probe.root, ()
