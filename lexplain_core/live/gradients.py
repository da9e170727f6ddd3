"""What a unit's gradient says of one image: saliency and Grad-CAM, by captum where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from ..model.base import LayerInfo
from ..model.hooks import listen
from ..model.maps import ActivationMap, Grid, grid_of, maps_of
from ..model.occlusion import pooled_units

KINDS = ("saliency", "gradcam")


def installed() -> bool:
    """Whether captum is there; it is not needed for anything else."""
    return find_spec("captum") is not None


class PooledUnits(nn.Module):
    """A network cut off after one layer: images (B, 3, H, W) -> its units, pooled, float32 (B, K)."""

    def __init__(self, network: nn.Module, info: LayerInfo, pooling: str):
        super().__init__()
        self.network, self._info, self._pooling = network, info, pooling
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return pooled_units(self.network, self._info, self._pooling, images)


def saliency(units: PooledUnits, unit: int, image: Tensor) -> ActivationMap:
    """|∂ activation / ∂ pixel|, the largest over the channels (Simonyan et al., 2014): (H, W)."""
    from captum.attr import Saliency

    found = Saliency(units).attribute(image[None].clone().requires_grad_(), target=unit, abs=True)
    return ActivationMap("saliency", _host(found[0].amax(0)))


def gradcam(
    units: PooledUnits, unit: int, image: Tensor, source: LayerInfo, grid: Grid | None
) -> ActivationMap:
    """Grad-CAM (Selvaraju et al., 2017) of a unit at a layer before it, `source`, at its size.

    Its channels are summed, each weighted by the mean gradient over its positions, and what is
    below 0 is cut off. Of tokens the patches count (`grid`).
    """
    from captum.attr import LayerActivation, LayerGradientXActivation

    layer = units.network.get_submodule(source.name)
    inputs = image[None].clone().requires_grad_()
    gradients = LayerGradientXActivation(units, layer, multiply_by_inputs=False).attribute(
        inputs, target=unit
    )
    activations = LayerActivation(units, layer).attribute(inputs)
    maps, weights = (maps_of(_first(found), source, grid) for found in (activations, gradients))
    found = (maps * weights.mean((2, 3), keepdim=True)).sum(1).relu()
    return ActivationMap("gradcam", _host(found[0]))


def gradcam_source(
    network: nn.Module, layers: Sequence[LayerInfo], info: LayerInfo, pooling: str, size: tuple[int, int]
) -> tuple[LayerInfo, Grid | None] | None:
    """The last map before a layer on which its units depend: where Grad-CAM looks. None if there is none.

    Modules within the layer don't count, nor do those that are called several times, which captum
    can't tell apart. Runs the network once, on noise of the image's size (H, W).
    """
    base = info.call.partition("#")[0]
    order = [layer.name for layer in layers]
    repeated = {name.partition("#")[0] for name in order if "#" in name}
    candidates = []
    for layer in reversed(layers[: order.index(info.call)]):
        grid = grid_of(layer, layers, size)
        if layer.name.partition("#")[0] in repeated or layer.name.startswith(f"{base}."):
            continue
        if grid is not None and grid.height * grid.width > 1:
            candidates.append((layer, grid))
    heard: dict[str, Tensor] = {}
    parameter = next(network.parameters(), torch.zeros(()))
    noise = torch.randn((1, 3, *size), generator=torch.Generator().manual_seed(0))
    with (
        torch.enable_grad(),
        listen(network, [layer.name for layer, _ in candidates], lambda n, _, o: heard.update({n: o})),
    ):
        pooled = pooled_units(network, info, pooling, noise.to(parameter.device).requires_grad_())
    candidates = [c for c in candidates if c[0].name in heard and heard[c[0].name].requires_grad]
    if not candidates or not pooled.requires_grad:
        return None
    outputs = [heard[layer.name] for layer, _ in candidates]
    gradients = torch.autograd.grad(pooled.sum(), outputs, allow_unused=True)
    found = (c for c, gradient in zip(candidates, gradients, strict=True) if gradient is not None)
    return next(found, None)


def _first(found: Tensor | tuple[Tensor, ...]) -> Tensor:
    return found[0] if isinstance(found, tuple) else found


def _host(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
