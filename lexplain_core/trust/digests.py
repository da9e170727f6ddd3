"""What files are, by their content: the files that belong to a thing that is trusted, with a digest of each."""

from __future__ import annotations

import ast
import hashlib
import os
import site
import stat
import sysconfig
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import all_suffixes
from pathlib import Path

from .file import Entry

_CORE = Path(__file__).resolve().parents[1]
_SETTLED_NS = (
    2_000_000_000  # since the last change: a clock's tick can hide one that comes right after another
)
_MOST_MODULES = 2_000
_known: dict[tuple, str] = {}  # by path and stamp: weights of hundreds of MB are not read at every look


def real(path: Path) -> Path:
    """Where a path leads in the end, with every link followed; as it stands, where no file can be called that."""
    try:
        return Path(os.path.realpath(Path(path).expanduser()))
    except (OSError, ValueError, RuntimeError):  # a zero byte in it, or a user who isn't there
        return Path(path)


def stamp(file: Path) -> tuple | None:
    """What tells one version of a file from another without reading it; None where there is none."""
    try:
        facts = file.stat()
    except (OSError, ValueError):
        return None
    return _of(facts) if stat.S_ISREG(facts.st_mode) else None


def stamps(files: Iterable[str]) -> dict[str, tuple | None]:
    return {name: stamp(Path(name)) for name in files}


def digest(file: Path) -> str:
    """SHA-256 of a file's content. Raises `OSError`."""
    with open(file, "rb", opener=_without_waiting) as opened:
        facts = os.fstat(opened.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(f"{file} is no file")
        key = (str(file), *_of(facts))
        if key not in _known:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
            after = os.fstat(opened.fileno())
            if _of(after) != key[1:]:
                raise OSError(f"{file} changes while it is read")
            if time.time_ns() - max(after.st_mtime_ns, after.st_ctime_ns) < _SETTLED_NS:
                return found
            _known[key] = found
        return _known[key]


def digest_or_none(file: Path) -> str | None:
    """The same; None of a file that can't be read."""
    try:
        return digest(file)
    except OSError:
        return None


def files_of(kind: str, place: Path) -> dict[str, str]:
    """Path -> digest of the files that belong to a thing; {} of images, and where there is none. Raises `OSError`.

    Of an encoder's or a tokenizer's folder all files directly in it; of code the file and all that it imports from its folder.
    """
    if kind == "images":
        return {}
    if kind == "code":
        files = importable(place)
    elif place.is_dir():
        files = [file for file in sorted(place.iterdir()) if file.is_file()]
    else:
        files = [place] if place.is_file() else []
    return {str(file): digest(file) for file in files}


def changes(entry: Entry) -> list[str]:
    """Names of the files that are not as they were when they came to be trusted: changed, gone or new."""
    now = {name: digest_or_none(Path(name)) for name in entry.files}
    try:
        now |= files_of(entry.kind, Path(entry.path))
    except OSError as error:
        return [str(error)]
    base = Path(entry.path).parent
    odd = [name for name, found in now.items() if found != entry.files.get(name)]
    return [os.path.relpath(name, base) for name in odd]


def importable(file: Path) -> list[Path]:
    """A Python file and the modules of its folder that it imports, and those that they do, by reading them alone."""
    found: dict[Path, None] = {}
    waiting = [file]
    while waiting and len(found) < _MOST_MODULES:
        module = waiting.pop()
        if module in found or not module.is_file():
            continue
        found[module] = None
        if module.suffix == ".py":
            waiting += _imported(module, file.parent)
    return list(found)


def belongs(place: Path, folder: Path) -> bool:
    """Whether modules in `place` are those of network code in `folder`, and not installed ones that merely lie below it."""
    return place.is_relative_to(folder) and not any(
        place.is_relative_to(installed) and not folder.is_relative_to(installed) for installed in _installed()
    )


@cache
def _installed() -> tuple[Path, ...]:
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return (_CORE, *(real(Path(path)) for path in (*paths, site.getusersitepackages())))


def _imported(module: Path, folder: Path) -> Iterator[Path]:
    """Where the modules that a file of `folder` imports would lie there; any, where a name is made up as it runs."""
    try:
        tree = ast.parse(module.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(folder, alias.name, folder)
        elif isinstance(node, ast.ImportFrom):
            base = module.parents[node.level - 1] if 0 < node.level <= len(module.parents) else folder
            for alias in node.names:
                yield from _files(base, f"{node.module or ''}.{alias.name}".lstrip("."), folder)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield from _files(folder, name.value, folder)
            else:
                yield from (*folder.glob("*.py"), *folder.glob("*/*.py"))


def _files(base: Path, name: str, folder: Path) -> Iterator[Path]:
    """The files that are run when the module of a dotted name is imported from `base`."""
    for part in name.split("."):
        if not part.isidentifier() or not belongs(base, folder):
            return
        for end in all_suffixes():
            yield base / f"{part}{end}"
            yield base / part / f"__init__{end}"
        base = base / part


def _of(facts: os.stat_result) -> tuple:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
