"""Who says what is opened: a build, which notes it, or a store, of which only what is trusted is let through."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ..base.errors import UserError, quote
from ..base.offline import offline
from ..base.progress import Progress
from ..config import Build, Encoder, Record, parse_config
from . import file
from .digests import changes, files_of, real, stamps
from .file import KINDS, Entry

_LARGEST = 4096  # pixels of a side that a store may have a picture enlarged to
_LONGEST = 200  # characters of a store's words in a sentence


def _not_allowed(files: list[str]) -> UserError:
    return UserError(f"The network's code may not run {quote(files[0])}.")


@dataclass
class Code:
    """The files that network code runs from its folder.

    allowed: path -> digest; None where any may be run. refuse: makes the error over files that aren't allowed.
    seen: those that were run. refused: why one was not.
    """

    folder: Path
    allowed: dict[str, str] | None = None
    refuse: Callable[[list[str]], UserError] = _not_allowed
    seen: dict[str, str] = field(default_factory=dict)
    refused: UserError | None = None

    def take(self, path: str, data: bytes) -> None:
        """Note a file that is about to be run, by its very bytes; `UserError` where it isn't allowed."""
        found = sha256(data).hexdigest()
        if self.allowed is not None and self.allowed.get(path) != found:
            self.refused = self.refuse([os.path.relpath(path, self.folder)])
            raise self.refused
        self.seen[path] = found


class _Noting:
    """Writes down what a build opens."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, Path], dict[str, tuple | None]] = {}  # with how its files were then
        self._code: dict[Path, tuple[set[str], Code]] = {}

    def opening(self, kind: str, path: Path) -> Path:
        place = real(path)
        if kind != "tokenizer" or ("encoder", place) not in self._opened:
            self._opened[kind, place] = stamps(_files_of(kind, place))
        return path

    def running(self, path: Path, function: str) -> tuple[Path, Code]:
        place = real(path)
        functions, code = self._code.setdefault(place, (set(), Code(place.parent)))
        functions.add(function)
        return place, code

    def keep(self, progress: Progress) -> None:
        """Put all of it in the trust file. What can't be noted costs a note."""
        entries = [*self._run(), *self._read(progress)]
        if not entries:
            return
        try:
            file.add(entries)
        except UserError as error:
            progress.note(
                f"What this build ran and read can't be noted, so pages and imports will ask for `{_command(None)}`. {error}"
            )

    def _run(self) -> Iterator[Entry]:
        for place, (functions, code) in self._code.items():
            if code.seen:  # they were run as they were, should they have been changed meanwhile
                files = _files_of("code", place) | code.seen
                yield Entry("code", str(place), files, tuple(sorted(functions)))

    def _read(self, progress: Progress) -> Iterator[Entry]:
        for (kind, place), before in self._opened.items():
            files = _files_of(kind, place)
            if stamps(files) != before:
                progress.note(f"{place} was changed while the build went on, so it is not trusted.")
            elif files or (kind == "images" and place.is_dir()):
                yield Entry(kind, str(place), files)


class _Checking:
    """Lets through what the trust file has, as it is there."""

    def __init__(self, name: str, path: Path | None, images: Path | None):
        self._name, self._path = name, path
        self._images, self._other_images = images, os.environ.get("LEXPLAIN_IMAGES")
        self._trusted, self._problem = file.read()
        self._looked_at: dict[str, tuple | None] = {}

    def opening(self, kind: str, path: Path) -> Path:
        if kind == "images" and self._images:
            return real(self._images)
        place = real(path)
        entry = self._trusted.get((kind, str(place)))
        if entry is None and kind == "tokenizer":  # that in an encoder's folder is its own
            entry = self._trusted.get(("encoder", str(place)))
        if entry is None and kind == "images" and self._other_images:
            return real(Path(self._other_images))
        if entry is None:
            raise self._untrusted(kind, str(path))
        if place.exists():  # else whoever opens it says so
            if odd := changes(entry):
                raise self._changed(kind, str(path), odd)
            self._looked_at |= stamps(entry.files)
        return place

    def running(self, path: Path, function: str) -> tuple[Path, Code]:
        place, named = real(path), f"{path}:{function}"
        entry = self._trusted.get(("code", str(place)))
        if entry is None or function not in entry.functions:
            raise self._untrusted("code", named)
        if place.exists() and (odd := changes(entry)):
            raise self._changed("code", named, odd)
        return place, Code(place.parent, entry.files, lambda odd: self._changed("code", named, odd))

    def look_again(self) -> None:
        """What was looked at is still the same, now that it is read."""
        for name, before in self._looked_at.items():
            if stamps([name]) != {name: before}:
                raise UserError(f"The file {name} was changed while it was read; try again.")

    def _untrusted(self, kind: str, named: str) -> UserError:
        why = f" ({self._problem})" if self._problem else ""
        also = ", and `--images FOLDER` or LEXPLAIN_IMAGES names another folder" if kind == "images" else ""
        return UserError(
            f"The store {quote(self._name)} names {KINDS[kind]} {_printable(named)}, which this machine has not been "
            f"told to trust{why}; `{_command(self._path)}` lists what it would allow{also}."
        )

    def _changed(self, kind: str, named: str, odd: Sequence[str]) -> UserError:
        few = ", ".join(map(_printable, odd[:3])) + (", …" if len(odd) > 3 else "")
        return UserError(
            f"The store {quote(self._name)} names {KINDS[kind]} {_printable(named)}, which is not as it was when this machine "
            f"came to trust it ({few}): if that is right, `{_command(self._path)}` trusts it as it is now."
        )


_SCOPE: ContextVar[_Noting | _Checking | None] = ContextVar("scope", default=None)


@contextmanager
def of_store(config: object, path: Path | None = None, images: Path | None = None) -> Iterator[Build]:
    """The config that a store keeps. Inside, only what this machine trusts is opened, and nothing is downloaded.

    path: of the store's file, for the command in sentences. images: the folder of its images, where who runs the command names
    one; else it is the store's own where that is trusted, else `LEXPLAIN_IMAGES`. What a store says of the machine (cache,
    device, batches, downloads), and of files that nobody needs again (names, superclasses, concepts, outputs), is left out.
    Raises `UserError` for what is no config.
    """
    if not isinstance(config, dict):
        raise UserError("The store keeps no config, so it doesn't say how it was built.")
    build = _harmless(parse_config(config, "kept in the store"))
    scope = _Checking(build.name, path, images)
    with offline(), _inside(scope):
        yield build
        scope.look_again()


@contextmanager
def noting() -> Iterator[_Noting]:
    """Inside, what is opened because a config names it is written down; `keep` puts it in the trust file."""
    scope = _Noting()
    with _inside(scope):
        yield scope


@contextmanager
def _inside(scope: _Noting | _Checking) -> Iterator[None]:
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)


def by_store() -> bool:
    """Whether it is a store that says what is opened."""
    return isinstance(_SCOPE.get(), _Checking)


def opening(kind: str, path: Path) -> Path:
    """Ask before a file or folder is opened that a config names; returns where it lies.

    kind: of `KINDS`, for code see `running`. Raises `UserError` where a store names it and this machine doesn't trust it.
    """
    scope = _SCOPE.get()
    return path if scope is None else scope.opening(kind, path)


def running(path: Path, function: str) -> tuple[Path, Code]:
    """Ask before a function of a Python file is run; returns where the file lies, and what it may run from its folder."""
    scope = _SCOPE.get()
    place = real(path)
    return (place, Code(place.parent)) if scope is None else scope.running(path, function)


def _harmless(build: Build) -> Build:
    """A store's config without what is the machine's business, and what nobody needs to open again."""
    sides = (build.target.preprocess.resize or 0, build.target.preprocess.crop or 0)
    if max(sides) > _LARGEST:
        raise UserError(
            f"The store {quote(build.name)} wants images of {max(sides)} pixels a side; {_LARGEST:,} are the most."
        )
    kept = Encoder().batch_size
    return build.model_copy(
        update={
            "probe": build.probe.model_copy(update={"names": None, "superclasses": None, "download": False}),
            "target": build.target.model_copy(update={"outputs": None}),
            "explainer": build.explainer.model_copy(update={"batch_size": kept}),
            "simulator": build.simulator.model_copy(update={"batch_size": kept}),
            "concepts": type(build.concepts)(),
            "record": Record(),
            "cache": Build.model_fields["cache"].default,
            "plugins": [],
        }
    )


def _files_of(kind: str, place: Path) -> dict[str, str]:
    try:
        return files_of(kind, place)
    except OSError:  # it can't be read: whoever opens it says so
        return {}


def _command(path: Path | None) -> str:
    return f"python -m lexplain_core trust {shlex.quote(str(path)) if path else 'STORE'}"


def _printable(text: str) -> str:
    """A store's words on one line, and no longer than is readable."""
    shown = "".join(c if c.isprintable() else "�" for c in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
