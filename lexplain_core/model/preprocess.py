"""From an image to the network's input, as the weights want it: resize, crop, normalise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from .. import config
from ..base.errors import UserError, quote

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_MODES = {
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "nearest": InterpolationMode.NEAREST,
    "lanczos": InterpolationMode.LANCZOS,
}


@dataclass(frozen=True)
class Preprocessing:
    """What happens to an image before the network sees it.

    resize: length of the shorter side in pixels (of both with `squash`), None for as it comes.
    crop: (height, width) in pixels of a centred cut, None for none. geometry: replaces all of
    these where a library brings a transform of its own. mean, std: per channel, for values in
    [0, 1]. Same as torchvision's `ImageClassification` preset on a PIL image, with antialiasing.
    """

    resize: int | None = None
    crop: tuple[int, int] | None = None
    squash: bool = False
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    geometry: Callable[[Image.Image], Image.Image] | None = None

    def cut(self, image: Image.Image) -> Image.Image:
        """The image that the network sees: resized and cut, not normalised."""
        if image.mode != "RGB":
            image = image.convert("RGB")
        if self.geometry is not None:
            return self.geometry(image)
        if self.resize is not None:
            size = [self.resize, self.resize] if self.squash else [self.resize]
            image = F.resize(image, size, interpolation=_MODES[self.interpolation])
        if self.crop is not None:
            image = F.center_crop(image, list(self.crop))
        return image

    def __call__(self, image: Image.Image) -> Tensor:
        """PIL image -> float32 tensor (3, H, W), normalised."""
        return self.to_tensor(self.cut(image))

    def to_tensor(self, image: Image.Image) -> Tensor:
        """An RGB image that is resized and cut already -> float32 tensor (3, H, W), normalised."""
        # NumPy and not torch: many threads do this at once, and torch would start a team of
        # OpenMP threads in each of them.
        pixels = np.array(image, dtype=np.float32).transpose(2, 0, 1)
        pixels = np.ascontiguousarray(pixels)
        pixels /= np.float32(255)
        pixels -= np.asarray(self.mean, np.float32)[:, None, None]
        pixels /= np.asarray(self.std, np.float32)[:, None, None]
        return torch.from_numpy(pixels)


def from_torchvision(preset: Any) -> Preprocessing:
    """From a torchvision preset (`weights.transforms()`), read by its fields."""
    return Preprocessing(
        resize=preset.resize_size[0],
        crop=(preset.crop_size[0], preset.crop_size[-1]),
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )


def from_timm(model: torch.nn.Module) -> Preprocessing:
    """From a timm model's data config, with timm's own evaluation transform for the geometry."""
    from math import floor

    from timm.data import create_transform, resolve_model_data_config

    data = resolve_model_data_config(model)
    _, height, width = data["input_size"]
    steps = create_transform(**data, is_training=False, normalize=False).transforms[:-1]

    def geometry(image: Image.Image) -> Image.Image:
        for step in steps:
            image = step(image)
        return image

    return Preprocessing(
        resize=floor(height / data["crop_pct"]),
        crop=(height, width),
        squash=data["crop_mode"] == "squash",
        interpolation=data["interpolation"] if data["interpolation"] in _MODES else "bilinear",
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        geometry=geometry,
    )


def from_attribute(given: object, where: str) -> Preprocessing:
    """From a factory module's `preprocess` attribute: a dict with fields of `config.Preprocess`."""
    from pydantic import ValidationError

    try:
        return with_settings(Preprocessing(), config.Preprocess.model_validate(given))
    except ValidationError as error:
        known = ", ".join(config.Preprocess.model_fields)
        wrong = ".".join(str(p) for p in error.errors()[0]["loc"]) or repr(given)
        raise UserError(
            f"The `preprocess` attribute of the module from {where} has a wrong {quote(wrong)}; "
            f"it is a dict with {known}."
        ) from None


def with_settings(base: Preprocessing, settings: config.Preprocess) -> Preprocessing:
    """Replace what a user has set; raises `UserError` for settings that contradict each other."""
    chosen = {k: v for k, v in settings.model_dump().items() if v is not None}
    if not chosen:
        return base
    if isinstance(chosen.get("crop"), int):
        chosen["crop"] = (chosen["crop"], chosen["crop"])
    if chosen.keys() & {"resize", "crop", "squash", "interpolation"}:
        chosen["geometry"] = None
    new = replace(base, **{f.name: chosen[f.name] for f in fields(base) if f.name in chosen})
    if new.squash and "resize" not in chosen and (chosen.keys() & {"squash", "crop"}):
        if new.crop is None:
            raise UserError("target.preprocess.squash needs target.preprocess.crop, the side of the square.")
        new = replace(new, resize=new.crop[0])
    if new.resize is not None and new.crop is not None and new.resize < max(new.crop):
        raise UserError(
            f"target.preprocess.crop ({max(new.crop)} pixels) is larger than the resized image "
            f"({new.resize}), so images would get a black border; set target.preprocess.resize too."
        )
    return new
