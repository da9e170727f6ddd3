"""Files of explanations to import, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path

from lexplain_core.store import Explanation, Store


def write_explanations(folder: Path, content: str | list, name: str = "mine.csv") -> Path:
    """A file with that text, or with a list as JSON."""
    if isinstance(content, list):
        content, name = json.dumps(content), "mine.json"
    (folder / name).write_text(content, "utf-8")
    return folder / name


def explanation(path: Path, layer: str, unit: int, method: str = "mine") -> Explanation:
    with Store.open(path) as store:
        return store.unit(layer, unit).explanation(method)
