"""A layer whose places are not the image's is recorded without maps, and says so; one without channels is refused."""

from __future__ import annotations

import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.cli.main import app
from lexplain_core.config import Target, apply_overrides, parse_config
from lexplain_core.live import Looker
from lexplain_core.model import load_target
from lexplain_core.pipeline.build import build
from lexplain_core.store import Store
from pages.neuron import examples
from pages.ui.links import Neuron

from ..small_folder import config_dict, make_world

NETWORK = '''
import torch
from torch import nn


class Windowed(nn.Module):
    """Windows of 2 x 2 places, as in MaxViT, and a token mixer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.windows = nn.Linear(8, 8)
        self.mix = nn.Linear(36, 36)
        self.head = nn.Linear(8, 3)
        self.preprocess = {"resize": 24, "crop": 24, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}

    def forward(self, x):
        x = self.stem(x)
        seen = x.unflatten(3, (3, 2)).unflatten(2, (3, 2)).permute(0, 2, 4, 3, 5, 1)  # (B, 3, 3, 2, 2, 8)
        seen = self.windows(seen.flatten(3, 4).flatten(1, 2))  # (B, 9, 4, 8)
        return self.head(seen.mean((1, 2)) + self.mix(x.flatten(2)).mean(2))


def make():
    return Windowed()
'''


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = make_world(tmp_path_factory.mktemp("places"))
    (folder / "windowed.py").write_text(NETWORK)
    return folder


def run(world, store: str, *layers: str):
    data = config_dict(world / "images", world / "windowed.py", world / store, "make")
    data["layers"] = list(layers)
    quick = ["importance.run=false", "ablation.run=false", "observer.run=false"]
    return build(parse_config(apply_overrides(data, quick), "of the test"))


def test_a_build_keeps_no_maps_at_the_wrong_place_and_says_why(world, monkeypatch):
    with Store.open(run(world, "a.duckdb", "stem", "windows", "head")) as store:
        layers = {row["name"]: row for row in store.info()["layers"]}
        why = layers["windows"]["map_reason"]
        assert "'windows' (9 × 4 × 8) are not the image's rows and columns in order" in why
        assert layers["stem"]["map_reason"] is None and "no places" in layers["head"]["map_reason"]
        kept = {layer: store.unit(layer, 0).maps(range(90)) for layer in ("stem", "windows")}
        assert kept["stem"] and not kept["windows"]
        assert store.layers().set_index("layer").map_reason["windows"] == why

        said = []
        monkeypatch.setattr(examples.st, "html", lambda text, **_: said.append(text))
        examples._map_slider(Neuron(), store.unit("windows", 0), {}, 9)
        assert "not the image&#x27;s rows and columns in order" in said[0]

        looker = Looker.open(store.meta["config"], device="cpu")
    image = Image.new("RGB", (24, 24), "red")
    assert looker.kinds("windows") and "activation" not in looker.kinds("windows")
    look = looker.look(image, "windows", "mean", 0)
    assert look.map is None and look.reason == why and look.activation is not None
    assert looker.maps(image, "windows", [0]) == {}
    assert looker.look(image, "stem", "mean", 0).map is not None


def test_grad_cam_weighs_no_map_in_another_order(world):
    pytest.importorskip("captum")
    looker = Looker(load_target(Target(model=f"{world}/windowed.py:make")), "cpu")
    source, _ = looker._source(looker._layers((24, 24))["head"], "none", (24, 24))
    assert source.name == "stem"  # not `windows`, which comes last before the head


def test_a_build_refuses_units_that_are_places(world):
    with pytest.raises(UserError, match="layer 'mix' .* are mixtures of places in the image, not channels"):
        run(world, "c.duckdb", "stem", "mix")
    assert not (world / "c.duckdb").exists()


def test_the_command_says_which_layers_have_maps(world):
    from typer.testing import CliRunner

    out = CliRunner().invoke(app, ["layers", f"{world}/windowed.py:make"], env={"COLUMNS": "200"}).output
    rows = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert "mean, max yes" in " ".join(rows["stem"].split())
    assert "mean, max no" in " ".join(rows["windows"].split())
    assert " – – " in " ".join(rows["mix"].split())
    assert "Maps: no where" in out and "a build refuses the layer" in out
