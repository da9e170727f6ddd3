"""A small image folder and a tiny network of one's own, made on the spot, with every awkward thing in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"blue_square": (40, 60, 220), "green_disc": (40, 200, 60), "red_disc": (220, 40, 40)}
PER_CLASS = 30
GOOD = 3 * PER_CLASS + 1
NEGATIVE = 7  # of layer `last`: below 0 throughout
CONSTANT, DEAD = 5, 6

# Written out here, since a build loads it as a user's file.
NETWORK = '''
import torch
from torch import nn


class Tiny(nn.Module):
    """conv -> in-place ReLU -> conv `last` with a constant, a dead and a negative unit."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Conv2d(6, 8, 1)
        self.head = nn.Linear(8, 3)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()
            for channel in range(3):  # channels 0-2: brightness of R, G, B; 3-5: their negatives
                self.conv.weight[channel, channel, 1, 1] = 1
                self.conv.weight[channel + 3, channel, 1, 1] = -1
            self.last.weight.normal_(0, 0.5)
            self.last.weight[:3] = torch.eye(6)[:3].reshape(3, 6, 1, 1)
            self.last.bias.fill_(0.1)
            self.last.weight[5], self.last.bias[5] = 0, 2.5  # constant
            self.last.weight[6], self.last.bias[6] = 0, 0.0  # dead
            self.last.weight[7] = 0
            self.last.weight[7, 0], self.last.bias[7] = 1, -9.0  # red, but below 0 throughout
        self.preprocess = {"crop": 24, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}

    def forward(self, x):
        return self.head(self.last(self.relu(self.conv(x))).mean((2, 3)))


class Poisoned(Tiny):
    """The bad number arises inside a layer that is recorded."""

    def __init__(self, poison):
        super().__init__()
        self.after = Poison(poison)

    def forward(self, x):
        return self.head(self.after(self.last(self.relu(self.conv(x)))).mean((2, 3)))


class Poison(nn.Module):
    def __init__(self, poison):
        super().__init__()
        self.poison = poison

    def forward(self, y):
        y = y.clone()
        green = ((y[:, 1] > 0.85) & (y[:, 0] < 0.4)).flatten(1).any(1)  # a green disc is in it
        y[green, 2, 0, 0] = self.poison
        return y


def make():
    torch.manual_seed(0)
    return Tiny().eval()


def with_nan():
    return Poisoned(float("nan")).eval()


def with_inf():
    return Poisoned(float("-inf")).eval()
'''


def make_folder(root: Path) -> Path:
    """91 good images of 4 classes, one of them with a single image, and one truncated JPEG."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(PER_CLASS):
            image = Image.new("RGB", (32, 28), tuple(int(v) for v in rng.integers(100, 140, 3)))
            x, y, r = (int(v) for v in (*rng.integers(8, 20, 2), rng.integers(5, 8)))
            shape = ImageDraw.Draw(image).ellipse if "disc" in name else ImageDraw.Draw(image).rectangle
            shape((x - r, y - r, x + r, y + r), fill=colour)
            image.save(root / name / f"{i:03}.png")
    (root / "single").mkdir()
    Image.new("RGB", (32, 28), (250, 250, 250)).save(root / "single" / "only.png")
    whole = root / "red_disc" / "broken.jpg"
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(whole)
    whole.write_bytes(whole.read_bytes()[:900])
    return root


def make_network(folder: Path) -> Path:
    path = folder / "tiny.py"
    path.write_text(NETWORK, "utf-8")
    return path


def make_world(folder: Path) -> Path:
    """A folder with `images`, the superclasses of their classes, and the network."""
    make_folder(folder / "images")
    (folder / "groups.json").write_text('{"disc": ["green_disc", "red_disc"]}')
    make_network(folder)
    return folder


def config_dict(root: Path, network: Path, store: Path, function: str = "make") -> dict:
    """A build's config: every layer of interest, and a fast sparse fit."""
    return {
        "name": "small",
        "store": str(store),
        "layers": ["conv", {"name": "last", "pooling": "mean"}],
        "probe": {"set": "folder", "root": str(root), "superclasses": str(root.parent / "groups.json")},
        "target": {"model": f"{network}:{function}", "outputs": ["blue_square", "green_disc", "red_disc"]},
        "record": {"device": "cpu", "batch_size": 32, "workers": 0},
        "explain": {"epochs": 60, "step": 0.1, "batch": 256},
    }
