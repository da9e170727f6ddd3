"""The working folder of a build: what its stages have made, kept until the store stands."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ..base.checkpoints import Checkpoints, Values
from ..base.errors import UserError, shortage

_WHOLE = "whole.json"  # lists the files of a set with their digests; it is written last
_LEAST_SECONDS = 2.0  # between two saves of a loop's state
_SHARE = 20  # a loop works so many times as long as its last save took
_CHUNK = 2**20


def working_folder(store: Path) -> Path:
    """Where a build keeps what its stages made: a hidden folder beside the store."""
    return store.resolve().with_name(f".{store.stem}.build")


def clean(store: Path) -> int:
    """Remove the working folder of a store; returns the bytes that it took, 0 where there is none.

    Raises `UserError` while a build uses it.
    """
    folder = working_folder(store)
    if not folder.is_dir():
        return 0
    with locked(folder, store):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        shutil.rmtree(folder)
    return size


def empty(folder: Path) -> None:
    """Remove all that a working folder holds."""
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def has_something(folder: Path) -> bool:
    """Whether a build could go on from what a working folder holds."""
    return any(folder.rglob(_WHOLE))


@contextmanager
def locked(folder: Path, store: Path) -> Iterator[None]:
    """Hold the folder for this build; `UserError` where another build of the same store runs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(_cant(folder, error)) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"Another build of {store} is running; wait until it ends, or set `store` to another file."
            ) from None
        except OSError:  # a disk without locks
            pass
        yield
    finally:
        os.close(handle)


class StageFolder:
    """What one stage has made so far, under its fingerprint; `base.checkpoints.Checkpoints`.

    path: the stage's folder. facts: what its work depends on, by name; what was made from other facts is
    removed when the stage begins to save.
    """

    def __init__(self, path: Path, facts: dict[str, str]):
        self._path, self._facts = path, facts
        self._begun = False
        self._saved, self._took = time.monotonic(), 0.0

    def changed(self) -> list[str] | None:
        """Which facts differ from those that the folder was made from; None where nothing was made."""
        try:
            before = json.loads((self._path / "facts.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(before, dict):
            return None
        return sorted(
            name for name in self._facts.keys() | before if self._facts.get(name) != before.get(name)
        )

    def load(self, key: str) -> Values | None:
        if not self._begun and self.changed() != []:
            return None
        return _read(self._path / _file_name(key))

    def save(self, key: str, **values: Any) -> None:
        started = time.monotonic()
        try:
            self._begin()
            _write(self._path / _file_name(key), values)
        except OSError as error:
            raise UserError(_cant(self._path.parent, error)) from error
        self._saved = time.monotonic()
        self._took = self._saved - started

    def due(self) -> bool:
        return time.monotonic() - self._saved > max(_LEAST_SECONDS, _SHARE * self._took)

    def room(self, size: int, what: str) -> None:
        place = next(parent for parent in self._path.parents if parent.exists())
        free = shutil.disk_usage(place).free
        held = sum(file.stat().st_size for file in self._path.rglob("*") if file.is_file())
        if size > free + held:
            raise UserError(
                f"{what} take some {size / 1e9:.1f} GB beside the store, and {place} has {free / 1e9:.1f} GB free: make "
                "room and build again, which goes on from here."
            )

    def within(self, prefix: str) -> Checkpoints:
        return _Within(self, prefix)

    def _begin(self) -> None:
        if self._begun:
            return
        if self.changed() != []:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path.mkdir(parents=True)
            (self._path / "facts.json").write_text(json.dumps(self._facts, indent=1), "utf-8")
        self._begun = True


class _Within:
    def __init__(self, folder: StageFolder | _Within, prefix: str):
        self._folder, self._prefix = folder, prefix

    def load(self, key: str) -> Values | None:
        return self._folder.load(f"{self._prefix}, {key}")

    def save(self, key: str, **values: Any) -> None:
        self._folder.save(f"{self._prefix}, {key}", **values)

    def due(self) -> bool:
        return self._folder.due()

    def room(self, size: int, what: str) -> None:
        self._folder.room(size, what)

    def within(self, prefix: str) -> Checkpoints:
        return _Within(self, prefix)


def _cant(folder: Path, error: OSError) -> str:
    why = shortage(error) or error.strerror or error
    return f"The build can't keep its work in {folder}: {why}. What it has made so far stays there."


def _file_name(key: str) -> str:
    """A name for a folder: readable, and another one for every key."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", key)[:60].strip("-.")
    return f"{plain}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _write(folder: Path, values: Values) -> None:
    """Write a set of values to a folder beside it and move it into place."""
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files, facts = {}, {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            file = unfinished / f"{name}.npy"
            np.save(file, value, allow_pickle=False)
        elif isinstance(value, pa.Table):
            file = unfinished / f"{name}.parquet"
            parquet.write_table(value, file)
        else:
            facts[name] = value
            continue
        files[file.name] = _digest(file)
    whole = json.dumps({"facts": facts, "files": files, "order": list(values)})
    sealed = {"content": whole, "sha256": hashlib.sha256(whole.encode()).hexdigest()}
    (unfinished / _WHOLE).write_text(json.dumps(sealed), "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _read(folder: Path) -> Values | None:
    """The set in a folder; None where it isn't there, or anything of it isn't as it was written."""
    try:
        sealed = json.loads((folder / _WHOLE).read_text("utf-8"))
        if hashlib.sha256(sealed["content"].encode()).hexdigest() != sealed["sha256"]:
            return None
        whole = json.loads(sealed["content"])
        if any(_digest(folder / name) != digest for name, digest in whole["files"].items()):
            return None
        found = dict(whole["facts"])
        for name in whole["files"]:
            file = folder / name
            found[file.stem] = (
                np.load(file, mmap_mode="r") if file.suffix == ".npy" else parquet.read_table(file)
            )
        return {name: found[name] for name in whole["order"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
        return None


def _digest(file: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
