"""Small image folders, made on the spot."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def write_image(path: Path, seed: int = 0, size: tuple[int, int] = (24, 16)) -> Path:
    """Write noise at `path`, in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def make_folder(tmp_path):
    """make_folder({"cat": 30, "dog": 30}) -> a folder with that many images a class."""

    def make(sizes: dict[str, int], name: str = "images") -> Path:
        root = tmp_path / name
        root.mkdir()
        for c, (key, n) in enumerate(sizes.items()):
            (root / key).mkdir()
            for i in range(n):
                write_image(root / key / f"{i:03d}.png", seed=1000 * c + i)
        return root

    return make


class Notes:
    """A progress that keeps what it is told."""

    def __init__(self):
        self.notes: list[str] = []

    def task(self, label, total):
        from lexplain_core.base.progress import Silent

        return Silent().task(label, total)

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def notes():
    return Notes()
