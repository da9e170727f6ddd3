"""What networks return: softmax, one number, tuples, dictionaries, and what can't be compared."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lexplain_core.base.memory import lies_in_file, limited
from lexplain_core.config import LayerSpec, Record
from lexplain_core.measures.impact import measure_impact
from lexplain_core.measures.output_effects import find_output_effects
from lexplain_core.model import fit_temperature, open_effects, record
from lexplain_core.model.answers import Answer, Scale, Unusable, find_answer

from .test_effects import CPU, Plain
from .test_record import pictures, target

COUNT = 40
Pair = namedtuple("Pair", "features scores")


@dataclass
class Output:
    hidden: torch.Tensor
    logits: torch.Tensor


class Ends(nn.Module):
    """The plain network with another end."""

    def __init__(self, end=lambda z: z):
        super().__init__()
        torch.manual_seed(0)
        self.net, self.end = Plain(), end
        with torch.no_grad():
            self.net.head.weight *= 8

    def forward(self, x):
        return self.end(self.net(x))


ENDS = {
    "plain": lambda z: z,
    "softmax": lambda z: z.softmax(1),
    "log_softmax": lambda z: z.log_softmax(1),
    "temperature": lambda z: (z / 3).softmax(1),
    "tuple": lambda z: (z, z[:, :2]),
    "named tuple": lambda z: Pair(torch.zeros(len(z), 3, 2), z),
    "list": lambda z: [None, z],
    "dict": lambda z: {"features": torch.zeros(len(z), 6, 2), "out": z.softmax(1)},
    "logits of a dict": lambda z: {"features": torch.zeros(len(z), 6), "logits": z},
    "dataclass": lambda z: Output(torch.zeros(len(z), 9), z),
    "maps of 1 x 1": lambda z: z[:, :, None, None],
    "double": lambda z: z.double().softmax(1),
}


def run(end, **more):
    model = replace(target(Ends(end)), **more)
    images = pictures(COUNT)
    specs = [LayerSpec(name=name) for name in ("net.second", "net.norm", "net.relu#2")]
    found = record(model, images.__getitem__, [str(i) for i in range(COUNT)], specs, Record(device="cpu", workers=0), outputs=True)  # fmt: skip
    return replace(model, answer=found.answer), images, found


def measured(end):
    """By layer: way, losses with units replaced, impacts and output_effects; with temperature and right answers."""
    model, images, found = run(end)
    outputs = np.ascontiguousarray(found.outputs.T)
    labels = np.where(np.arange(COUNT) % 3 == 0, np.arange(COUNT) % 4, found.predicted)
    temperature = fit_temperature(outputs, labels)
    units, all_ = np.arange(3), np.arange(COUNT)
    values = np.random.default_rng(0).normal(size=(2, 3, COUNT))
    layers = []
    for layer in found.layers:
        effects = open_effects(model, layer, outputs, labels, temperature, images.__getitem__, [str(i) for i in all_], CPU, workers=0)  # fmt: skip
        block = effects.block(units, all_, values)
        impacts = measure_impact(effects, units, runs=10_000)
        output_effects = find_output_effects(effects, units, runs=10_000)
        layers.append((effects.intervention, effects.loss, block.loss, block.right, impacts, output_effects))
    return temperature, found.predicted, layers


@pytest.fixture(scope="module")
def plain():
    return measured(ENDS["plain"])


def test_the_plain_network_is_replaced_in_every_way(plain):
    assert [way for way, *_ in plain[2]] == ["prefix", "prefix", "closed"] and plain[0] != 1


@pytest.mark.parametrize("end", [end for end in ENDS if end != "plain"])
def test_scores_are_those_of_the_plain_network_whatever_it_ends_in(plain, end):
    temperature, predicted, layers = measured(ENDS[end])
    factor = 3 if end == "temperature" else 1
    assert temperature * factor == pytest.approx(plain[0], rel=1e-4)
    assert np.array_equal(predicted, plain[1])
    for (way, own, loss, right, impacts, output_effects), expected in zip(layers, plain[2], strict=True):
        assert way == expected[0]
        assert np.allclose(own, expected[1], atol=1e-5) and np.allclose(loss, expected[2], atol=1e-5)
        assert (right == expected[3]).mean() > 0.995  # but for ties
        for unit, impact in impacts.items():
            assert impact.total == pytest.approx(expected[4][unit].total, abs=2e-5)
            assert impact.loss == pytest.approx(expected[4][unit].loss, abs=2e-5)
            mine, theirs = output_effects[unit], expected[5][unit]
            both = mine.merge(theirs, on=["bucket", "output"])
            assert len(both) == len(theirs)
            assert np.allclose(both.change_x * factor, both.change_y, atol=1e-4)


@pytest.mark.parametrize(("end", "scale", "words"), [
    ("plain", "logits", None), ("softmax", "probabilities", "at least 0 and sum to 1: their logarithm"),
    ("log_softmax", "log-probabilities", None),
])  # fmt: skip
def test_the_scale_is_found_and_noted(end, scale, words):
    _, _, found = run(ENDS[end])
    assert found.answer.scale == scale
    assert any(words in note for note in found.notes) if words else not found.notes


def test_a_sigmoid_is_left_and_noted():
    _, _, found = run(torch.sigmoid)
    assert found.answer.scale == "logits" and "sigmoid" in found.notes[0]
    assert 0 <= found.outputs.min() and found.outputs.max() <= 1


def test_one_image_that_sums_to_something_else_makes_it_no_softmax():
    scale = Scale()
    p = torch.randn(9, 4).softmax(1)
    scale.see(p)
    scale.see(torch.full((1, 4), torch.nan))  # which says nothing of the other images
    assert scale.found(Answer())[0].scale == "probabilities"
    scale.see(torch.cat([p, 1.01 * p[:1]]))
    answer, note = scale.found(Answer())
    assert answer.scale == "logits" and "sum to between 1 and 1.01 per image" in note


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("end", ["softmax", "log_softmax"])
def test_a_softmax_in_half_precision_is_one(half, end):
    plain = torch.randn((200, 1000), generator=torch.Generator().manual_seed(0)) * 3
    scale, outputs = Scale(), getattr(plain.to(half), end)(1).float()
    assert (outputs.exp() if end == "log_softmax" else outputs).sum(1).sub(1).abs().max() > 1e-4
    scale.see(outputs[:100])
    scale.see(outputs[100:])
    answer, _ = scale.found(Answer())
    assert answer.scale == {"softmax": "probabilities", "log_softmax": "log-probabilities"}[end]


def test_a_sigmoid_in_half_precision_is_none():
    scale = Scale()
    scale.see(torch.randn(200, 5).bfloat16().sigmoid().float())
    assert scale.found(Answer())[0].scale == "logits"


@pytest.mark.parametrize(("dtype", "floor"), [(torch.float32, -87.3), (torch.float16, -16.6)])
def test_zeros_after_a_softmax_are_counted_and_stand_for_the_smallest_number(dtype, floor):
    seen = {}

    def end(z):
        return seen.setdefault(len(z), (z * torch.tensor([1.0, 1.0, 1.0, 400.0])).softmax(1).to(dtype))

    _, _, found = run(end)
    zeros = int((seen[COUNT] == 0).sum())
    assert zeros and f"{zeros:,} of these {4 * COUNT:,} numbers are 0" in found.notes[0]
    logits = found.answer.to_logits(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert float(logits[0, 1] - logits[0, 0]) == pytest.approx(floor, abs=0.1)
    assert np.isfinite(found.outputs).all()


def test_logarithms_of_zero_are_finite_and_counted():
    _, _, found = run(lambda z: (z * 400).softmax(1).log())
    assert found.answer.scale == "log-probabilities" and np.isfinite(found.outputs).all()
    assert "numbers are 0, and 1.2e-38 stands for them" in found.notes[0]


def test_logarithms_of_a_softmax_are_kept_however_small():
    answer = Answer(scale="log-probabilities")
    logits = answer.to_logits(torch.tensor([[0.0, -500.0]]))
    assert float(logits[0, 0] - logits[0, 1]) == 500


def test_the_note_states_what_was_seen_not_where_it_comes_from():
    _, _, found = run(lambda z: z.relu().add(1) / z.relu().add(1).sum(1, keepdim=True))  # shares of counts
    assert found.answer.scale == "probabilities"
    assert "at least 0 and sum to 1" in found.notes[0] and "if they come from one" in found.notes[0]


def test_a_probability_of_zero_has_a_finite_logarithm():
    logits = Answer(scale="probabilities").to_logits(torch.tensor([[1.0, 0.0, 0.0]]))
    assert torch.isfinite(logits).all() and float(logits[0, 0] - logits[0, 1]) > 80


def test_outputs_in_a_file_are_changed_there(tmp_path):
    model, images = target(Ends(ENDS["softmax"])), pictures(COUNT)
    keys, specs = [str(i) for i in range(COUNT)], [LayerSpec(name="net.second")]
    kept = []
    for limit in (10**9, 1):
        with limited(limit, tmp_path):
            settings = Record(device="cpu", workers=0, batch_size=COUNT)
            kept.append(record(model, images.__getitem__, keys, specs, settings, outputs=True))
    assert lies_in_file(kept[1].outputs) and not lies_in_file(kept[0].outputs)
    assert np.array_equal(kept[0].outputs, kept[1].outputs) and kept[0].outputs.max() > 0


@pytest.mark.parametrize(
    "end", [lambda z: z[:, :1], lambda z: z[:, 0], lambda z: z[:, :1].sigmoid(), lambda z: (z[:, 0],)]
)
def test_one_number_per_image_is_no_answer(end):
    _, _, found = run(end)
    assert found.predicted is None and found.outputs is None and found.n_outputs == 1
    assert "one number per image" in found.reason and "two" in found.reason


@pytest.mark.parametrize(("end", "words"), [
    (lambda z: z.argmax(1), "a tensor of int64 (2 for a batch of 2)"),
    (lambda z: z.to(torch.complex64), "a tensor of complex64 (2 × 4"),
    (lambda z: z[:, :, None].repeat(1, 1, 3), "(2 × 4 × 3"),
    (lambda z: {"maps": z[:, :, None, None].repeat(1, 1, 3, 3)}, "a dict with maps (2 × 4 × 3 × 3)"),
    (lambda z: "dog", "a str without a tensor"),
    (lambda z: (), "a tuple without a tensor"),
    (lambda z: z.sum(), "a single number"),
    (lambda z: torch.quantize_per_tensor(z, 0.1, 0, torch.qint8), "quantised numbers"),
])  # fmt: skip
def test_what_can_not_be_compared_is_described_in_a_sentence(end, words):
    with pytest.raises(Unusable) as caught:
        find_answer(Ends(end)(torch.randn(2, 3, 24, 24)), 2)
    assert words in str(caught.value) and "let it return its logits alone" in str(caught.value)


def test_of_several_the_one_with_as_many_numbers_as_names_is_taken():
    _, _, found = run(lambda z: (F.pad(z, (0, 3)), z), outputs=("a", "b", "c", "d"))
    assert found.answer == Answer(1) and found.n_outputs == 4
    assert "member 1 (4 numbers per image) is taken for its outputs" in found.notes[0]


def test_nan_is_no_answer_and_layers_are_recorded_all_the_same():
    def end(z):
        return z.masked_fill((z[:, :1] * 20).round() % 2 == 0, torch.nan)

    _, _, found = run(end)
    assert (found.predicted == -1).any() and (found.predicted >= 0).any()
    assert all(np.isfinite(layer.values).all() for layer in found.layers)
