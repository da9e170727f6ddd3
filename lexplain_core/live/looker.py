"""A network at hand: what a unit does on one image, and where, while someone waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base.errors import UserError
from ..base.offline import offline
from ..base.plugins import load_all
from ..config import UnitSpec
from ..model.base import LayerInfo, TargetModel, size_of
from ..model.factory import said
from ..model.forward import pool
from ..model.layers import list_layers, other_units
from ..model.load import load_target
from ..model.maps import KINDS, ActivationMap, Grid, grid_of, hear, maps_of
from ..model.occlusion import occlusion_map
from ..model.places import check_places, no_maps
from ..model.recording import choose_device
from ..trust import of_store
from . import gradients


@dataclass(frozen=True)
class Look:
    """What a unit does on an image.

    activation: pooled, as it is recorded; None for units that no network computes. map: None where
    there is none of the kind asked for; `reason` says why, in a sentence.
    """

    activation: float | None
    map: ActivationMap | None
    reason: str | None = None


class Looker:
    """Runs the network of a store on one image. May be shared by threads: they take turns."""

    def __init__(self, model: TargetModel, device: str = "auto", units: Sequence[UnitSpec] = ()):
        """units: those of other kinds than the layers' own."""
        self.model = model
        self._units = units
        self._absent: dict[str, str] = {}  # layers of such units, and why they can't be read
        self._device = choose_device(device)
        self._module = model.module.eval().requires_grad_(False).to(self._device)
        self._lock = Lock()  # hooks of two runs at a time would hear each other
        self._listed: dict[tuple[int, int], dict[str, LayerInfo]] = {}
        self._sources: dict[tuple, tuple[LayerInfo, Grid | None] | None] = {}
        self._unmapped: dict[tuple[int, int], dict[str, str | None]] = {}

    @classmethod
    def open(cls, config: dict | None, device: str = "auto", path: Path | None = None) -> Looker:
        """Load the network of a store from the config that it was built with (`store.meta["config"]`).

        path: of the store, for what sentences advise. Raises `UserError`, in one sentence, where the model or its weights
        are not at hand, or not trusted on this machine (`lexplain_core.trust`). Nothing is downloaded. Kinds of units come
        from this machine's plugins, never from those that the config names.
        """
        load_all()
        with of_store(config, path) as build:
            return cls(load_target(build.target), device, build.units)

    @property
    def layers(self) -> list[str]:
        """Names of the network's layers whose units can be looked at, in the order of their calls."""
        with self._lock, offline():
            return list(self._layers(self.model.input_size))

    def kinds(self, layer: str, pooling: str | None = None) -> tuple[str, ...]:
        """The kinds of map that a layer's units have: some of `activation`, `occlusion`, `saliency`, `gradcam`.

        The last two need captum. () for a layer that the network doesn't compute.
        """
        with self._lock, offline():
            info = self._layers(self.model.input_size).get(layer)
            if info is None:
                return ()
            pooling = pooling or info.poolings[0]
            return tuple(k for k in KINDS if self._missing(info, pooling, k, self.model.input_size) is None)

    def seen(self, image: Image.Image) -> Image.Image:
        """The image as the network sees it, resized and cut: what maps are to be laid over."""
        return self.model.crop(image)

    def look(
        self,
        image: Image.Image,
        layer: str,
        pooling: str,
        unit: int,
        kind: str = "activation",
        cropped: bool = False,
        grid: int = 8,
    ) -> Look:
        """A unit's activation on an image, and its map of a kind (`kinds`).

        cropped: the image is what the network saw already (a store's crop): it is normalised, and
        made larger only if the store kept it smaller than the network's input. grid: cells along
        the longer side of an occlusion map. Raises `UserError` for an image that the network can't
        take, for a unit that isn't there, and for one whose activation is not finite.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
        tensor = self._tensor(image, cropped)
        size = size_of(tensor)
        with self._lock, offline():
            info = self._layers(size).get(layer)
            if info is None:
                return Look(None, None, self._no_layer(layer, "so it can't be asked where they fire"))
            if not 0 <= unit < info.units:
                raise UserError(
                    f"Layer {layer!r} of {self.model.name} has units 0 to {info.units - 1}, not {unit}."
                )
            self._asked(layer, pooling, size)
            grid_of_tokens = grid_of(info, self._own(size), size)
            reason = self._missing(info, pooling, kind, size)

            def take(output: Tensor) -> tuple[float, ActivationMap | None]:
                activation = float(pool(output, info, pooling)[0, unit])
                if reason is not None or kind != "activation":
                    return activation, None
                maps = maps_of(output, info, grid_of_tokens)
                return activation, ActivationMap("activation", maps[0, unit].cpu().numpy())

            with torch.inference_mode():
                activation, found = hear(self._module, info, tensor[None], take)
            self._check_finite(info, np.array([activation]), unit)
            if reason is None and found is None:
                found = self._made(info, pooling, unit, kind, tensor, grid)
            return Look(activation, found, reason)

    def activations(
        self, image: Image.Image, layer: str, pooling: str | None = None, cropped: bool = False
    ) -> np.ndarray:
        """What all units of a layer do on an image, pooled as they are recorded: float32 (K,).

        pooling: the layer's first without. cropped: as in `look`. Raises `UserError` for a layer that the
        network doesn't compute, for an image that it can't take, and for activations that are not finite.
        """
        tensor = self._tensor(image, cropped)
        with self._lock, offline():
            info, pooling = self._asked(layer, pooling, size_of(tensor))
            with torch.inference_mode():
                values = hear(self._module, info, tensor[None], lambda output: pool(output, info, pooling))
            found = values[0].cpu().numpy()
            self._check_finite(info, found)
            return found

    def maps(
        self, image: Image.Image, layer: str, units: Sequence[int], cropped: bool = False
    ) -> dict[int, ActivationMap]:
        """Activation maps of some units of a layer, by one run of the network; {} where its units have none.

        Raises `UserError` as `activations` does.
        """
        tensor = self._tensor(image, cropped)
        size = size_of(tensor)
        with self._lock, offline():
            info, pooling = self._asked(layer, None, size)
            if not units or self._missing(info, pooling, "activation", size):
                return {}
            grid = grid_of(info, self._own(size), size)
            with torch.inference_mode():
                maps = hear(
                    self._module,
                    info,
                    tensor[None],
                    lambda output: maps_of(output, info, grid)[0, list(units)],
                )
        found = maps.cpu().numpy()
        return {unit: ActivationMap("activation", found[i]) for i, unit in enumerate(units)}

    def _asked(self, layer: str, pooling: str | None, size: tuple[int, int]) -> tuple[LayerInfo, str]:
        """A layer and its pooling, or `UserError` where the network has no such layer or pooling."""
        info = self._layers(size).get(layer)
        if info is None:
            raise UserError(self._no_layer(layer, "so they can't be asked about a new picture"))
        if pooling is not None and pooling not in info.poolings:
            raise UserError(
                f"Pooling {pooling!r} doesn't apply to layer {layer!r} of {self.model.name}; choose "
                f"{' or '.join(repr(p) for p in info.poolings)}."
            )
        return info, pooling or info.poolings[0]

    def _no_layer(self, layer: str, so: str) -> str:
        """Why the network has no such layer, and what follows from it."""
        outside = f"{self.model.name} has no layer {layer!r}: its units are computed without a network, {so}."
        return self._absent.get(layer) or outside

    def _check_finite(self, info: LayerInfo, values: np.ndarray, first: int = 0) -> None:
        """`UserError` where an activation is not finite; `values` begin with unit `first`."""
        if not np.isfinite(values).all():
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UserError(
                f"Layer {info.name!r} of {self.model.name} gives {values[at]} in unit {first + at} for this picture, "
                "which is no activation; try another picture, and check the weights if it happens again."
            )

    def _made(
        self, info: LayerInfo, pooling: str, unit: int, kind: str, image: Tensor, grid: int
    ) -> ActivationMap:
        if kind == "occlusion":
            return occlusion_map(self._module, info, pooling, [unit], image, grid)[unit]
        units = gradients.PooledUnits(self._module, info, pooling)
        if kind == "saliency":
            return gradients.saliency(units, unit, image)
        source = self._source(info, pooling, size_of(image))
        assert source is not None, "`_missing` looked"
        return gradients.gradcam(units, unit, image, *source)

    def _missing(self, info: LayerInfo, pooling: str, kind: str, size: tuple[int, int]) -> str | None:
        """Why a layer's units have no map of a kind; None if they have one."""
        if kind == "activation":
            return no_maps(info, self._why_unmapped([info.call], size)[info.call])
        if kind in gradients.KINDS and not gradients.installed():
            return "Maps by gradients need captum, which is not installed: `pip install captum`."
        if kind == "gradcam" and self._source(info, pooling, size) is None:
            return f"Before {info.name!r} there is no map that its units depend on, so Grad-CAM has nothing to weigh."
        return None

    def _source(
        self, info: LayerInfo, pooling: str, size: tuple[int, int]
    ) -> tuple[LayerInfo, Grid | None] | None:
        key = (info.name, pooling, size)
        if key not in self._sources:
            layers = self._own(size)
            found = gradients.gradcam_source(self._module, layers, info, pooling, size)
            if found and self._why_unmapped([found[0].name], size)[found[0].name]:
                why = self._why_unmapped([layer.name for layer in layers], size)
                layers = [layer for layer in layers if layer.name == info.call or why[layer.name] is None]
                found = gradients.gradcam_source(self._module, layers, info, pooling, size)
            self._sources[key] = found
        return self._sources[key]

    def _why_unmapped(self, names: Sequence[str], size: tuple[int, int]) -> dict[str, str | None]:
        """By layer, why its units have no activation map for images of this size; found out once."""
        known = self._unmapped.setdefault(size, {})
        if new := [name for name in names if name not in known]:
            model, layers = replace(self.model, input_size=size), self._own(size)
            known |= {name: verdict.maps for name, verdict in check_places(model, layers, new).items()}
        return known

    def _layers(self, size: tuple[int, int]) -> dict[str, LayerInfo]:
        """The layers by name, as they are for images of this size."""
        if size not in self._listed:
            if len(self._listed) > 16:  # a network that takes any size, and images of all sizes
                self._listed.clear()
                self._sources.clear()
                self._unmapped.clear()
            self._listed[size] = {layer.name: layer for layer in self._list(size)}
        return self._listed[size]

    def _list(self, size: tuple[int, int]) -> list[LayerInfo]:
        model = replace(self.model, input_size=size)
        own = list_layers(model)
        others = []
        for spec in self._units:
            try:
                others.append(other_units(model, own, spec))
            except UserError as error:  # the other layers can still be asked
                self._absent[spec.name] = str(error)
        return [*own, *others]

    def _own(self, size: tuple[int, int]) -> list[LayerInfo]:
        """The layers with their own units."""
        return [layer for layer in self._layers(size).values() if layer.source is None]

    def _tensor(self, image: Image.Image, cropped: bool) -> Tensor:
        try:
            if not cropped:
                return self.model.preprocess(image).to(self._device)
            wanted = self.model.preprocess.crop
            if wanted is not None and image.size != wanted[::-1]:
                image = image.resize(wanted[::-1], Image.Resampling.BICUBIC)
            return self.model.to_tensor(image).to(self._device)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UserError(f"The image can't be read: {said(error)}.") from error
