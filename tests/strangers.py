"""Stores as a stranger might make them, whose configs name what they please, and files that tell when they are run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from lexplain_core import trust
from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.config import parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.live import Looker
from lexplain_core.model import load_target

UNTRUSTED = "which this machine has not been told to trust; `python -m lexplain_core trust "


class Notes(Silent):
    """Progress that keeps what it notes."""

    def __init__(self):
        self.notes = []

    def note(self, text: str) -> None:
        self.notes.append(text)


CODE = """
from pathlib import Path
Path({mark!r}).touch()

def make():
    Path({mark!r}).touch()
    import torch
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1))
    network.preprocess = dict(crop=32, mean=[0.0] * 3, std=[1.0] * 3)
    return network
"""


def code(folder: Path, name: str = "evil.py") -> tuple[Path, Path]:
    """A file of network code, and the file that it makes when any of it is run."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f"{name}.ran"
    (folder / name).write_text(CODE.format(mark=str(mark)))
    return folder / name, mark


def claim(path: Path, **config: object) -> Path:
    """Let a store say something else of how it was built."""
    with duckdb.connect(str(path)) as con:
        told = json.loads(con.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()[0])
        for key, value in config.items():
            told[key] = (told.get(key) or {}) | value if isinstance(value, dict) else value
        con.execute("UPDATE meta SET value = ? WHERE key = 'config'", [json.dumps(told)])
    return path


def stranger(store: Path, path: Path, **config: object) -> Path:
    """A copy of a store that says something else of how it was built."""
    return claim(Path(shutil.copy(store, path)), **config)


def asking(**target: object) -> dict:
    return DEMO_CONFIG | {"target": target}


def refused(config: dict, match: str = UNTRUSTED) -> str:
    with pytest.raises(UserError, match=match) as error:
        Looker.open(config, device="cpu")
    assert "\n" not in str(error.value)
    return str(error.value)


@contextmanager
def noted() -> Iterator[None]:
    """What is opened here is noted, as a build does it."""
    with trust.noting() as scope:
        yield
    scope.keep(Silent())


def built_with(file: Path, function: str = "make", **target: object) -> dict:
    config = asking(model=f"{file}:{function}", **target)
    with noted():
        load_target(parse_config(config, "of the test").target)
    return config
