"""What a network puts out: which of its tensors are its outputs, one number per image and class, and on which scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

import torch
from torch import Tensor

ROUNDING = 1e-3  # by which probabilities may miss a sum of 1
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
    "the network ends in a softmax: the logarithm of its outputs is taken, so that losses, impacts and ablation scores "
    "are those of the network without it"
)
SIGMOID = (
    "the network's outputs lie between 0 and 1 and don't sum to 1, as those of a sigmoid: losses take them as they are; "
    "let the network put out what goes into the sigmoid"
)


class Unusable(Exception):
    """Why what a network puts out is no number per image and class, in a sentence."""


@dataclass(frozen=True)
class Answer:
    """How outputs are read from what a network returns.

    member: of a tuple its place, of a dictionary or object its name; None for a tensor itself. scale: 'logits',
    'probabilities' (after a softmax) or 'log-probabilities'.
    """

    member: int | str | None = None
    scale: str = "logits"

    def raw(self, returned: object) -> Tensor:
        """The outputs as the network has them, float32 (B, C). Raises `ValueError` where there are none."""
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
            outputs = outputs.clamp_min(torch.finfo(torch.float32).tiny).log()
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
        self._possible = {"probabilities", "log-probabilities", "shares"}
        self._seen = False

    def see(self, outputs: Tensor) -> None:
        """outputs: raw, float32 (B, C)."""
        self._seen = True
        if not self._possible:
            return
        low, high = float(outputs.min()), float(outputs.max())
        if not (low >= 0 and _near(outputs.sum(1), 1.0)):  # NaN is neither
            self._possible.discard("probabilities")
        if not (high <= ROUNDING and _near(outputs.logsumexp(1), 0.0)):
            self._possible.discard("log-probabilities")
        if not (low >= 0 and high <= 1):
            self._possible.discard("shares")

    def found(self) -> tuple[str, str | None]:
        """The scale, and a sentence where it is no plain one."""
        if not self._seen or not self._possible:
            return "logits", None
        if "probabilities" in self._possible:
            return "probabilities", SOFTMAX
        if "log-probabilities" in self._possible:
            return "log-probabilities", None
        return "logits", SIGMOID


def _near(values: Tensor, aim: float) -> bool:
    return bool((values - aim).abs().max() <= ROUNDING)
