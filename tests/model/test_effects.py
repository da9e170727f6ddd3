"""Replacing units: every way against forward passes written out by hand, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lexplain_core.base.memory import lies_in_file, limited
from lexplain_core.config import LayerSpec, Record
from lexplain_core.model import TargetModel, fit_temperature, open_effects, record
from lexplain_core.model.effects import ClosedEffects, Curves
from lexplain_core.model.head import Head
from lexplain_core.model.replace import Replacer, is_cut, linear_head

from .test_record import batch, hooks_left, pictures, target

CPU = torch.device("cpu")
COUNT = 7


class Plain(nn.Module):
    """Convolutions, in-place activations, a pool and a linear head; one ReLU called twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.relu = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(5)
        self.second = nn.Conv2d(5, 6, 3)
        self.head = nn.Linear(6, 4)

    def forward(self, x, change=None):
        change = change or {}
        same = lambda value: value  # noqa: E731
        x = change.get("conv", same)(self.conv(x))
        x = change.get("relu", same)(self.relu(x.clone()))
        x = change.get("norm", same)(self.norm(x))
        x = change.get("second", same)(self.second(x))
        x = change.get("relu#2", same)(self.relu(x.clone()))
        return self.head(x.mean((2, 3)))


class Skip(nn.Module):
    """A residual block whose inner layers are no cuts, and in-place sums that overwrite what was seen."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3)
        self.conv = nn.Conv2d(5, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.relu = nn.ReLU(inplace=True)
        self.after = nn.Conv2d(5, 6, 3)
        self.head = nn.Linear(6, 4)

    def forward(self, x, change=None):
        change = change or {}
        same = lambda value: value  # noqa: E731
        x = change.get("stem", same)(self.stem(x))
        out = change.get("conv", same)(self.conv(x))
        out = change.get("norm", same)(self.norm(out))
        out += x
        x = change.get("relu", same)(self.relu(out))
        x = change.get("after", same)(self.after(x))
        return self.head(x.mean((2, 3)))


class Tokens(nn.Module):
    """A class token and attention; the head reads the class token."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.mlp = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x, change=None):
        change = change or {}
        same = lambda value: value  # noqa: E731
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), 1, 8), x], 1)
        x = change.get("block", same)(self.block(x))
        x = change.get("mlp", same)(self.mlp(x))
        return self.head(x[:, 0])


class Features(nn.Module):
    """Plain features, and a second ReLU over them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.hidden = nn.Linear(5, 6)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 4)

    def forward(self, x, change=None):
        change = change or {}
        same = lambda value: value  # noqa: E731
        x = change.get("hidden", same)(self.hidden(self.conv(x).mean((2, 3))))
        return self.head(change.get("relu", same)(self.relu(x.clone())))


class Together(nn.Module):
    """Sums over the batch: one image's output depends on the others, so nothing is a cut of one image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.head = nn.Linear(5, 4)

    def forward(self, x, change=None):
        level = x.mean((1, 2, 3), keepdim=True)
        x = (change or {}).get("conv", lambda value: value)(self.conv(x))
        return self.head((x * level).mean((2, 3)))


CASES = [
    # network, layer, pooling, the way that is right, the axis of units, where a shift goes
    (Plain, "conv", "mean", "prefix", "map"),
    (Plain, "conv", "max", "prefix", "map"),
    (Plain, "relu", "mean", "prefix", "map"),
    (Plain, "norm", "max", "prefix", "map"),
    (Plain, "second", "mean", "prefix", "map"),  # a ReLU follows: not linear
    (Plain, "relu#2", "mean", "closed", "map"),
    (Plain, "relu#2", "max", "closed", "map"),
    (Skip, "stem", "mean", "prefix", "map"),
    (Skip, "conv", "mean", "whole", "map"),
    (Skip, "norm", "mean", "whole", "map"),
    (Skip, "relu", "mean", "closed", "map"),  # a convolution is linear, too
    (Skip, "after", "mean", "closed", "map"),
    (Tokens, "block", "mean", "closed", "tokens"),
    (Tokens, "block", "cls", "closed", "tokens"),
    (Tokens, "mlp", "cls", "closed", "tokens"),
    (Features, "hidden", "none", "prefix", "features"),
    (Features, "relu", "none", "closed", "features"),
    (Together, "conv", "mean", "whole", "map"),
]


def made(kind: type[nn.Module], layer: str, pooling: str):
    model = target(kind())
    shown = pictures(COUNT)
    keys = [f"{i}" for i in range(COUNT)]
    spec = LayerSpec(name=layer, pooling=pooling)
    run = record(model, shown.__getitem__, keys, [spec], Record(device="cpu"), outputs=True)
    return model, shown, keys, run.layers[0], np.ascontiguousarray(run.outputs.T)


def effects(model, shown, keys, recording, outputs, intervention=None, labels=None, temperature=1.3):
    labels = np.arange(COUNT) % 4 if labels is None else labels
    return open_effects(
        model,
        recording,
        outputs,
        labels,
        temperature,
        shown.__getitem__,
        keys,
        CPU,
        workers=0,
        intervention=intervention,
    )


def by_hand(model, image, layer: str, pooling: str, kind: str, unit: int, value: float) -> torch.Tensor:
    """Logits (4,) of one image with one unit replaced, in the words of the definition."""

    def change(output: torch.Tensor) -> torch.Tensor:
        output = output.clone()
        if kind == "map":
            part = output[0, unit]
            output[0, unit] = part + (value - (part.mean() if pooling == "mean" else part.max()))
        elif kind == "features":
            output[0, unit] = value
        elif pooling == "cls":
            output[0, 0, unit] = value
        else:
            output[0, :, unit] += value - output[0, :, unit].mean()
        return output

    with torch.inference_mode():
        return model.module(model.preprocess(image)[None], {layer: change})[0]


@pytest.mark.parametrize("kind, layer, pooling, way, shape", CASES)
def test_every_way_equals_the_definition(kind, layer, pooling, way, shape):
    model, shown, keys, recording, outputs = made(kind, layer, pooling)
    found = effects(model, shown, keys, recording, outputs)
    assert found.intervention == way
    rng = np.random.default_rng(3)
    count = 40
    images, units = rng.integers(COUNT, size=count), rng.integers(recording.info.units, size=count)
    values = recording.values[units, images] + rng.normal(size=count) * 3
    values[:4] = 0
    expected = torch.stack(
        [
            by_hand(model, shown[i], layer, pooling, shape, int(k), float(np.float32(v)))
            for i, k, v in zip(images, units, values, strict=True)
        ]
    )
    size = max(1.0, float(expected.abs().max()))
    loss = F.cross_entropy(expected / 1.3, torch.from_numpy(images % 4), reduction="none")
    for one in {way, "whole"} | ({"prefix"} if way == "closed" else set()):
        logits = torch.zeros(count, 4)

        def take(at, seen, logits=logits):
            logits[at] = seen

        engine = effects(model, shown, keys, recording, outputs, one)
        measured = engine.rows(images, units, values, take)
        assert (logits - expected).abs().max() <= 1e-5 * size, one
        assert np.abs(measured.loss - loss.numpy()).max() <= 2e-5 * size, one
        assert (measured.right == (expected.argmax(1).numpy() == images % 4)).all()
        assert engine.runs == (0 if one == "closed" else count)
    assert hooks_left(model) == 0


@pytest.mark.parametrize("kind, layer, pooling, way, shape", [CASES[0], CASES[5], CASES[8], CASES[13]])
def test_a_block_is_its_rows(kind, layer, pooling, way, shape):
    model, shown, keys, recording, outputs = made(kind, layer, pooling)
    engine = effects(model, shown, keys, recording, outputs)
    assert engine.intervention == way
    units, images = np.array([3, 1]), np.array([5, 0, 2])
    values = np.random.default_rng(0).normal(size=(2, 2, 3)) * 2
    found = engine.block(units, images, values)
    v, u, n = (i.ravel() for i in np.indices(values.shape))
    rows = engine.rows(images[n], units[u], values[v, u, n])
    np.testing.assert_allclose(found.loss.ravel(), rows.loss, atol=1e-5)
    assert (found.right.ravel() == rows.right).all()
    # and with its own activation nothing changes
    same = engine.block(units, images, recording.values[units][:, images][None])
    np.testing.assert_allclose(same.loss[0], np.broadcast_to(engine.loss[images], (2, 3)), atol=1e-5)


def test_a_way_that_is_not_right_is_refused():
    made_skip = made(Skip, "norm", "mean")
    for way in ("prefix", "closed"):
        with pytest.raises(ValueError, match="no cut"):
            effects(*made_skip, intervention=way)
    with pytest.raises(ValueError, match="no linear head"):
        effects(*made(Plain, "second", "mean"), intervention="closed")


def test_a_cut_is_told_by_trying_not_by_names():
    for kind, layer, pooling, way, _ in CASES:
        model, shown, _, recording, _ = made(kind, layer, pooling)
        images = batch(model, shown)
        assert is_cut(model.module, recording.info, images) == (way != "whole"), (kind, layer)
    with pytest.raises(ValueError, match="3 images"):
        is_cut(model.module, recording.info, images[:2])


def test_a_head_that_clamps_only_one_unit_is_not_linear():
    class Clamps(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 70, 3)
            self.head = nn.Linear(70, 4)

        def forward(self, x):
            x = self.conv(x).mean((2, 3))
            return self.head(torch.cat([x[:, :69], x[:, 69:].clamp(-0.1, 0.1)], 1))

    model, shown, _, recording, _ = made(Clamps, "conv", "mean")
    ends = recording.values.min(1), recording.values.max(1)
    assert (
        linear_head(Replacer(model.module, recording.info, "mean", "prefix"), batch(model, shown), *ends)
        is None
    )


def test_a_head_that_saturates_beyond_what_a_few_images_show_is_not_linear():
    class Saturates(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3)
            self.head = nn.Linear(5, 4)

        def forward(self, x):
            return self.head(self.conv(x).mean((2, 3)).clamp(-20, 20))

    model, shown, _, recording, _ = made(Saturates, "conv", "mean")
    replacer = Replacer(model.module, recording.info, "mean", "prefix")
    ends = recording.values.min(1), recording.values.max(1)
    assert np.abs(ends).max() < 8 and linear_head(replacer, batch(model, shown), *ends) is not None
    stronger = ends[0], np.where(np.arange(5) == 3, 25, ends[1])  # as another image moves it
    assert linear_head(replacer, batch(model, shown), *stronger) is None


def brute_change(head: Head, units, shift) -> tuple[torch.Tensor, torch.Tensor]:
    z = (
        head.logits.double()[None, None]
        + shift.double()[..., None] * head.weight.double()[:, units].T[:, None]
    )
    own = head.labels.expand(shift.shape)[..., None]

    def loss(logits):
        return (
            torch.logsumexp(logits / head.temperature, -1)
            - (logits.gather(-1, own) / head.temperature)[..., 0]
        )

    before = head.logits.double()[None, None].expand(z.shape)
    return loss(z) - loss(before), z.argmax(-1) == head.labels


@pytest.mark.parametrize("scale", [0.01, 0.3, 2, 6, 40])
def test_series_equal_sums_over_the_classes(scale):
    torch.manual_seed(1)
    n, classes, k = 90, 12, 9
    weight = torch.randn(classes, k) * scale
    weight[:, 4] = 0.7  # the same for all classes: softmax doesn't see it
    labels = torch.randint(classes, (n,))
    logits = torch.randn(n, classes) * 2
    logits[: n // 2].scatter_add_(1, labels[: n // 2, None], torch.full((n // 2, 1), 3.0))
    head = Head(weight, logits, labels, 0.8)
    units = torch.tensor([8, 4, 0, 2, 5])
    shift = torch.randn(3, 5, n)
    shift[0, :, ::3] = 0
    change, right = brute_change(head, units, shift)
    found = head.change(units, shift)
    assert (found - change).abs().max() <= 1e-5 * max(1, float(change.abs().max()))
    assert (found[shift == 0] == 0).all() and (found[:, 1] == 0).all()
    assert (head.right(units, shift) == right).all()
    if scale >= 0.3:
        assert (right != (logits.argmax(1) == labels)).any()


def test_many_images_and_units_are_worked_through_in_pieces(monkeypatch):
    from lexplain_core.model import effects as module
    from lexplain_core.model import head

    rng = np.random.default_rng(0)
    q, w = rng.random((6, 50), np.float32), rng.normal(size=(4, 6)).astype(np.float32)
    outputs, labels = (w @ q).T.copy(), rng.integers(4, size=50)
    whole = ClosedEffects(q, outputs, labels, 1.0, w)
    values = rng.normal(size=(2, 6, 50))
    one = whole.block(np.arange(6), np.arange(50), values)
    monkeypatch.setattr(module, "_AT_ONCE", 13)
    monkeypatch.setattr(head, "_AT_ONCE", 40)
    other = ClosedEffects(q, outputs, labels, 1.0, w).block(np.arange(6), np.arange(50), values)
    np.testing.assert_allclose(one.loss, other.loss, atol=1e-6)
    assert (one.right == other.right).all()


def test_curves_pass_through_the_losses_and_can_be_differentiated():
    model, shown, keys, recording, outputs = made(Plain, "relu#2", "mean")
    engine = effects(model, shown, keys, recording, outputs)
    q = recording.values
    low, high = q.min(1).astype(float) - 0.5, q.max(1).astype(float) + 0.5
    units, images = np.arange(len(q)), np.arange(COUNT)
    curves = engine.curves(units, images, low, high)
    np.testing.assert_allclose(curves.base.numpy(), np.broadcast_to(engine.loss, q.shape), atol=1e-4)
    values = torch.from_numpy(
        low[:, None] + (high - low)[:, None] * np.linspace(0, 1, COUNT)
    ).requires_grad_()
    exact = engine.block(units, images, values.detach().numpy()[None]).loss[0]
    loss = curves.loss(values)
    np.testing.assert_allclose(loss.detach().numpy(), exact, atol=1e-4)
    loss.sum().backward()
    step = 1e-3
    inside = slice(1, -1)
    above, below = (
        engine.block(units, images, values.detach().numpy()[None] + s).loss[0] for s in (step, -step)
    )
    slope = (above - below) / (2 * step)
    np.testing.assert_allclose(
        values.grad.numpy()[:, inside], slope[:, inside], atol=2e-2 * np.abs(slope).max()
    )
    assert Curves.points(low, high, 5).shape == (5, len(q))


def test_temperature_is_the_one_with_the_least_loss():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 6))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(6, p=row) for row in p])
    for factor in (0.5, 1, 3):  # logits that are too timid, right, and too bold
        found = fit_temperature(factor * logits, labels)
        assert found == pytest.approx(factor, rel=0.05)
        loss = [
            float(F.cross_entropy(torch.from_numpy(factor * logits / t), torch.from_numpy(labels)))
            for t in (found * 0.99, found, found * 1.01)
        ]
        assert loss[1] < min(loss[0], loss[2])


def test_a_temperature_without_a_best_value_is_1():
    sure = np.eye(3)[[0, 1, 2, 0]] * 5
    assert fit_temperature(sure, np.array([0, 1, 2, 0])) == 1
    assert fit_temperature(sure, np.array([1, 2, 0, 1])) == 1


def test_outputs_are_recorded_where_they_are_asked_for(tmp_path):
    model, shown, keys, _, outputs = made(Plain, "conv", "mean")
    with torch.inference_mode():
        expected = model.module(batch(model, shown)).numpy()
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    spec = [LayerSpec(name="conv")]
    assert record(model, shown.__getitem__, keys, spec, Record(device="cpu")).outputs is None
    with limited(10, tmp_path):
        run = record(model, shown.__getitem__, keys, spec, Record(device="cpu", batch_size=3), outputs=True)
    assert lies_in_file(run.outputs) and lies_in_file(run.layers[0].values)
    np.testing.assert_allclose(run.outputs.T, expected, rtol=1e-5, atol=1e-5)


def test_a_network_without_classes_has_no_outputs():
    class Map(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3)

        def forward(self, x):
            return self.conv(x)

    model, shown = target(Map()), pictures(3)
    run = record(
        model, shown.__getitem__, list("abc"), [LayerSpec(name="conv")], Record(device="cpu"), outputs=True
    )
    assert run.outputs is None and isinstance(model, TargetModel)
