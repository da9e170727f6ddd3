"""A network that doesn't give the same numbers again is refused, or noted; one that does never is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec, Record
from lexplain_core.model import record

from .test_record import target

COUNT = 70
FIRST = torch.tensor([1.0, 0, 0, 0, 0, 0])[:, None, None]  # of six units


class Net(nn.Module):
    """conv → `between` → head; `between` is what is odd."""

    def __init__(self, between: nn.Module, width: int = 6):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.between, self.head = nn.Conv2d(3, width, 3), between, nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.between(self.conv(x)).mean((2, 3)))


class Does(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.what, self.count, self.kept = what, 0, {}

    def forward(self, x):
        return self.what(self, x)


def drop_some_images(_, x):
    return x * (torch.rand(len(x), 1, 1, 1) > 0.2)


def seeded(_, x):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return F.dropout(x, 0.2)


def counting(self, x):
    self.count += len(x)
    return x + 0.01 * self.count


def cached(self, x):
    return self.kept.setdefault(x.shape, x)


class TrainBN(nn.BatchNorm2d):
    def eval(self):
        return self

    def train(self, mode=True):
        return super().train(True)


RANDOM = {
    "dropout": lambda: Does(lambda _, x: F.dropout(x, 0.1)),
    "noise": lambda: Does(lambda _, x: x + 0.01 * torch.randn_like(x)),
    "drop path": lambda: Does(drop_some_images),
    "augmentation": lambda: Does(lambda _, x: x.roll(int(torch.randint(0, 5, ())), 1)),
    "numpy": lambda: Does(lambda _, x: x * float(np.random.default_rng().uniform(0.9, 1.1))),
}
COMPANY = {
    "batch norm": lambda: TrainBN(6),
    "batch statistics": lambda: Does(lambda _, x: x - x.mean(0, keepdim=True)),
    "seeded dropout": lambda: Does(seeded),
    "sorted": lambda: Does(lambda _, x: x.flip(0) if len(x) > 9 else x),
}
STATE = {"counter": lambda: Does(counting), "cache": lambda: Does(cached)}
GOOD = {
    "plain": nn.Identity,
    "dropout that follows eval": lambda: nn.Dropout(0.5),
    "batch norm that does": lambda: nn.BatchNorm2d(6),
    "zeros": lambda: Does(lambda _, x: x * 0),
    "nothing but rounding": lambda: Does(lambda _, x: x * 0 + 1e4 / 3),
    "a spread that is small beside the mean": lambda: Does(lambda _, x: x * 1e-2 + 100),
    "relu": nn.ReLU,
    "one large unit": lambda: Does(
        lambda _, x: x * torch.tensor([3e3, 1, 1, 1, 1, 1])[:, None, None] + 3e4 * FIRST
    ),
}


def pictures(n: int = COUNT) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)) for _ in range(n)]


def show(net: nn.Module, preprocess=None, shown=None, layers=("between",), outputs=True, **settings):
    model, shown = target(net), shown or pictures()
    if preprocess is not None:
        model = replace(model, preprocess=preprocess(model.preprocess))
    keys = [f"{i}.png" for i in range(len(shown))]
    settings = Record(**{"device": "cpu", "batch_size": 32, "workers": 0, **settings})
    return record(
        model, shown.__getitem__, keys, [LayerSpec(name=n) for n in layers], settings, outputs=outputs
    )


@pytest.mark.parametrize("name", RANDOM)
def test_a_random_network_is_refused_with_its_layer(name):
    with pytest.raises(
        UserError, match=r"network is random: layer 'between' .* eval\(\).*record\.random"
    ) as caught:
        show(Net(RANDOM[name]()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*COMPANY, *STATE])
def test_a_network_that_looks_at_other_images_or_back_is_refused(name):
    with pytest.raises(UserError, match=r"'between' .*(other company|shown again)"):
        show(Net((COMPANY | STATE)[name]()))


@pytest.mark.parametrize("outputs", [True, False])
def test_outputs_count_where_no_layer_is_random(outputs):
    net = Net(nn.Identity())
    net.head = nn.Sequential(net.head, Does(lambda _, x: F.dropout(x, 0.2)))
    with pytest.raises(UserError, match="random: the outputs"):
        show(net, outputs=outputs)


def test_the_first_layer_that_differs_is_named():
    with pytest.raises(UserError, match="layer 'between'"):
        show(Net(RANDOM["noise"]()), layers=("conv", "between", "head"))


@pytest.mark.parametrize("images", [2, 9, COUNT])
@pytest.mark.parametrize("name", ["dropout", "batch statistics"])
def test_of_few_images_and_batches_of_any_size(name, images):
    with pytest.raises(UserError, match="record.random"):
        show(Net((RANDOM | COMPANY)[name]()), shown=pictures(images), batch_size=5)


def test_a_random_preprocess_is_refused():
    def jitter(real):
        return lambda image: real(image) + 0.01 * torch.rand(())

    with pytest.raises(UserError, match="preprocessing is random"):
        show(Net(nn.Identity()), jitter)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("batch", [1, 7, 32])
def test_a_network_that_repeats_itself_is_taken(name, batch):
    assert show(Net(GOOD[name]()), layers=("conv", "between", "head"), batch_size=batch).unsteady is None


def test_it_is_noted_where_that_is_asked_for():
    run = show(Net(RANDOM["dropout"]()), random="note")
    assert "The network is random: layer 'between'" in run.unsteady and run.unsteady.endswith(".")
    assert run.layers[0].values.shape == (6, COUNT)


def test_rounding_of_a_unit_far_above_the_rest_is_no_randomness():
    def of_another_batch(_, x):  # as other kernels round: by some steps of the number itself
        return x * (1 + 3e-6 * (len(x) % 2)) + 3e4 * FIRST * (1 + 1e-6 * (len(x) % 2))

    assert show(Net(Does(of_another_batch)), shown=pictures(71), batch_size=71).unsteady is None


def test_randomness_beside_a_unit_far_above_the_rest_shows():
    with pytest.raises(UserError, match="network is random: layer 'between' .* in unit [1-5]"):
        show(Net(Does(lambda _, x: x + 3e4 * FIRST + 0.1 * (1 - FIRST) * torch.randn_like(x))))


def test_what_is_random_for_one_image_in_ten_shows():
    torch.manual_seed(0)
    with pytest.raises(UserError, match="network is random"):
        show(Net(Does(lambda _, x: x * (1 + 0.1 * (torch.rand(len(x), 1, 1, 1) > 0.9)))))


def test_it_shows_few_images_again():
    passes, counting = [], Does(lambda _, x: passes.append(len(x)) or x)
    shown = pictures(10)
    show(Net(counting), shown=shown * 300)
    assert sum(passes) - 3000 < 100
