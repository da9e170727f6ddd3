"""Kinds of networks: what hooks can't look into, what has no weights yet, and networks for grey images."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from ..base.errors import UserError

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow's conversion to grey
_SIDES = (224, 32, 28, 64, 96, 128, 256, 384, 512)


def unwrapped(module: nn.Module) -> nn.Module:
    """The network within `torch.compile`, whose layers are called as one and so can't be listened to."""
    return getattr(module, "_orig_mod", module)


def check_kind(module: nn.Module, where: str) -> None:
    """Raise `UserError`, in a sentence, for a network whose layers can't be recorded. where: 'net.py:make'."""
    for name, part in module.named_modules():
        at = f"its module {name!r}" if name else "it"
        if isinstance(part, torch.jit.ScriptModule):
            raise UserError(
                f"The network from {where} can't be used: {at} is TorchScript, whose layers can't be looked into. Give "
                "the Python module that it was made from, with its weights."
            )
        if ".quantized" in type(part).__module__ and "fake" not in type(part).__module__:
            raise UserError(
                f"The network from {where} can't be used: {at} ({type(part).__name__}) is quantised. Give the network in "
                "floating point, as it was before."
            )
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(tensor):
            raise UserError(
                f"The network from {where} can't be used: {name!r} is lazy and has no size yet. Run it once on a batch "
                "of images, and load its weights, before the function returns it."
            )
        if tensor.is_meta:
            raise UserError(
                f"The network from {where} can't be used: {name!r} is on the device `meta`, without values. Load its "
                "weights before the function returns it."
            )


def take_grey(module: nn.Module, size: tuple[int, int] | None) -> None:
    """Let a network for images of one channel take RGB images: they are made grey as they come in.

    size: (height, width) of the input, where it is known. Nothing is done for a network that takes RGB.
    """
    first = next((part for part in module.modules() if isinstance(part, _ConvNd)), None)
    if first is not None and first.in_channels == 3:
        return
    sizes = [size] if size else [(side, side) for side in _SIDES]
    if not _takes(module, 3, sizes) and _takes(module, 1, sizes):
        module.register_forward_pre_hook(_grey)


def _takes(module: nn.Module, channels: int, sizes: Sequence[tuple[int, int]]) -> bool:
    parameter = next(module.parameters(), torch.zeros(1))
    for size in sizes:
        with (
            contextlib.suppress(Exception),
            torch.inference_mode(),
        ):  # whatever a network does with such an input
            module(torch.zeros(2, channels, *size, dtype=parameter.dtype, device=parameter.device))
            return True
    return False


def _grey(_module: nn.Module, inputs: tuple) -> tuple | None:
    image = inputs[0]
    if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[1] != 3:
        return None
    luma = torch.tensor(_LUMA, dtype=image.dtype, device=image.device)
    return (torch.einsum("bchw,c->bhw", image, luma)[:, None], *inputs[1:])
