"""What a network puts out: which of its tensors are its outputs, one number per image and class, and on which scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from math import inf, log
from typing import Any

import torch
from torch import Tensor

ROUNDING = 1e-3  # by which probabilities may miss a sum of 1; more where they were rounded to half precision
_HALF = (torch.bfloat16, torch.float16)  # the coarser first
_TINY = torch.finfo(torch.float32).tiny
_TAKEN = "logits"  # what transformers call it
# Members that are embeddings by their name, as open_clip and transformers have them: no scores of classes.
_EMBEDDINGS = (
    "image_features",
    "image_embeds",
    "features",
    "embedding",
    "embeddings",
    "pooler_output",
    "last_hidden_state",
)

ONE = (
    "The network puts out one number per image, so no answer is right or wrong, and there is no loss to compare. "
    "If that number tells two classes apart, let the network put out two, 0 and the number itself."
)
SOFTMAX = (
    "the network's outputs are at least 0 and sum to 1: their logarithm is taken, so that losses, impacts and ablation "
    "scores are those of the network without a softmax, if they come from one"
)
SIGMOID = (
    "the network's outputs lie between {low:.3g} and {high:.3g} and sum to between {least:.3g} and {most:.3g} per image: "
    "losses take them as logits, as they are; if they come from a sigmoid, let the network put out what goes into it"
)
LOGARITHMS = "the network's outputs are logarithms of numbers that sum to 1"
ZEROS = "; {zeros:,} of these {numbers:,} numbers are 0, and {floor:.2g} stands for them"


class Unusable(Exception):
    """Why what a network puts out is not a number per image and class, in a sentence."""


@dataclass(frozen=True)
class Answer:
    """How outputs are read from what a network returns.

    member: of a tuple its place, of a dictionary or object its name; None for a tensor itself. scale: 'logits',
    'probabilities' (after a softmax) or 'log-probabilities'. floor: what smaller probabilities are taken for.
    """

    member: int | str | None = None
    scale: str = "logits"
    floor: float = _TINY

    def raw(self, returned: Any) -> Tensor:
        """The outputs as the network has them, float32 (B, C). Raises `ValueError` where there are none."""
        found: Any
        if isinstance(returned, Tensor):
            found = returned
        elif isinstance(self.member, str) and not isinstance(returned, Mapping):
            found = getattr(returned, self.member, None)
        else:
            try:
                found = returned[self.member]
            except (KeyError, IndexError, TypeError):
                found = None
        if not isinstance(found, Tensor) or (outputs := _flat(found)) is None:
            raise ValueError("the network's output is not one number per image and class")
        return outputs.float()

    def __call__(self, returned: object) -> Tensor:
        """Logits, float32 (B, C)."""
        return self.to_logits(self.raw(returned))

    def to_logits(self, outputs: Tensor) -> Tensor:
        """Logits of raw outputs (B, C). A softmax forgets what all logits of an image share, so they come with mean 0:
        what was linear before it is linear again."""
        if self.scale == "logits":
            return outputs
        if self.scale == "probabilities":
            outputs = outputs.clamp_min(self.floor).log()
        outputs = outputs.nan_to_num(nan=torch.nan, neginf=log(self.floor))
        return outputs - outputs.mean(1, keepdim=True)


def find_answer(returned: object, images: int, count: int | None = None) -> tuple[Answer, str | None]:
    """Where the outputs are in what a network returned for a batch, and a sentence where that was a choice.

    count: how many outputs there should be, where that is known. Raises `Unusable`.
    """
    members = [
        (name, tensor) for name, tensor in _members(returned) if len(_shape(tensor)) and len(tensor) == images
    ]
    usable = [
        (name, flat)
        for name, tensor in members
        if name not in _EMBEDDINGS and (flat := _flat(tensor)) is not None
    ]
    if not usable:
        raise Unusable(
            f"The network puts out {_described(returned)}, not one number per image and class, so nothing is compared; "
            "let it return its logits alone."
        )
    best = max(
        enumerate(usable),
        key=lambda one: (one[1][1].shape[1] == count, one[1][0] == _TAKEN, one[1][1].shape[1] > 1, -one[0]),
    )[1]
    note = None
    if len(usable) > 1 and best[0] != _TAKEN:
        what = f"member {best[0]} ({best[1].shape[1]:,} numbers per image)"
        note = f"the network puts out {_described(returned)}: {what} is taken for its outputs; let it return those alone"
    return Answer(best[0]), note


def _members(returned: object) -> Iterator[tuple[int | str | None, Tensor]]:
    if isinstance(returned, Tensor):
        yield None, returned
        return
    items: Iterable[tuple[Any, Any]]
    if isinstance(returned, Mapping):
        items = returned.items()
    elif isinstance(returned, (tuple, list)):
        items = enumerate(returned)
    elif is_dataclass(returned):
        items = ((f.name, getattr(returned, f.name)) for f in fields(returned))
    else:
        items = [(_TAKEN, getattr(returned, _TAKEN, None))]
    yield from ((name, value) for name, value in items if isinstance(value, Tensor))


def _flat(tensor: Tensor) -> Tensor | None:
    """One number per image and class, (B, C), of (B, C), (B,) or (B, C, 1, 1); None for anything else."""
    if tensor.is_quantized or not tensor.is_floating_point() or not tensor.numel():
        return None
    if tensor.ndim == 1:
        return tensor[:, None]
    return tensor.flatten(1) if tensor.ndim > 1 and all(size == 1 for size in tensor.shape[2:]) else None


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _described(returned: object) -> str:
    if isinstance(returned, Tensor):
        shape = " × ".join(map(str, returned.shape)) or "a single number"
        kind = "quantised numbers" if returned.is_quantized else str(returned.dtype).removeprefix("torch.")
        return f"a tensor of {kind} ({shape} for a batch of {len(returned) if returned.ndim else 0})"
    members = [f"{name} ({' × '.join(map(str, t.shape))})" for name, t in _members(returned)]
    inside = f" with {', '.join(members[:6])}" if members else " without a tensor"
    return f"a {type(returned).__name__}{inside}"


class Scale:
    """Finds on which scale outputs are, while batch after batch goes by."""

    def __init__(self) -> None:
        self._numbers = self._zeros = self._infinite = self._outputs = 0
        self._range, self._sums, self._log_sums = ((inf, -inf) for _ in range(3))  # least and largest
        self._half = list(_HALF)  # precisions that all outputs may have been rounded to

    def see(self, outputs: Tensor) -> None:
        """outputs: raw, float32 (B, C). Images with NaN say nothing."""
        outputs = outputs[~outputs.isnan().any(1)]
        if not len(outputs):
            return
        self._outputs = outputs.shape[1]
        self._numbers += outputs.numel()
        self._zeros += int((outputs == 0).sum())
        self._infinite += int(outputs.isneginf().sum())
        self._range = _wider(self._range, outputs)
        self._sums = _wider(self._sums, outputs.sum(1))
        self._log_sums = _wider(self._log_sums, outputs.logsumexp(1))
        self._half = [half for half in self._half if torch.equal(outputs.to(half).float(), outputs)]

    def found(self, answer: Answer) -> tuple[Answer, str | None]:
        """The answer with its scale, and a sentence where it is no plain one."""
        if not self._numbers:
            return answer, None
        (low, high), (least, most) = self._range, self._sums
        rounding = max(ROUNDING, torch.finfo(self._half[0]).eps if self._half else 0)
        # float16 has no smaller number; of the others what is smaller still is no normal float32
        floor = 2.0**-24 if self._half == [torch.float16] else _TINY

        def zeros(count: int) -> str:
            return ZEROS.format(zeros=count, numbers=self._numbers, floor=floor) if count else ""

        if low >= 0 and _within(self._sums, 1, rounding):
            return replace(answer, scale="probabilities", floor=floor), SOFTMAX + zeros(self._zeros)
        if high <= rounding and _within(self._log_sums, 0, rounding * max(1, log(self._outputs))):
            note = LOGARITHMS + zeros(self._infinite) if self._infinite else None
            return replace(answer, scale="log-probabilities", floor=floor), note
        if low >= 0 and high <= 1:
            return answer, SIGMOID.format(low=low, high=high, least=least, most=most)
        return answer, None


def _wider(ends: tuple[float, float], values: Tensor) -> tuple[float, float]:
    return min(ends[0], float(values.min())), max(ends[1], float(values.max()))


def _within(ends: tuple[float, float], aim: float, by: float) -> bool:
    return aim - by <= ends[0] and ends[1] <= aim + by
