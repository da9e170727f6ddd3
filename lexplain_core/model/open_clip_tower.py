"""The image towers of open_clip's models as target models: `target.model = "open_clip/ViT-B-32"`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..base.errors import UserError, did_you_mean, quote
from ..base.offline import is_offline, not_in_cache
from ..config import Preprocess
from . import checkpoints
from .factory import said, seeded
from .preprocess import Preprocessing

_INSTEAD = (
    '; get them where there is a network and set weights = "file.safetensors", or set weights = "random"'
)
_NAMED = "visual."  # of the image tower's weights in open_clip's files


class ImageTower(nn.Module):
    """Images (B, 3, H, W) -> {"image_features": (B, D)}.

    An embedding is no score of classes: so the output is no plain (B, D), of which the largest would be taken for
    the network's answer. The tower's modules are called `visual.…`, as in open_clip's whole models.
    """

    def __init__(self, visual: nn.Module):
        super().__init__()
        self.visual = visual

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"image_features": self.visual(images)}


def names() -> list[str]:
    """Names of the models that open_clip can build."""
    from open_clip import list_models

    return list_models()


def load(
    name: str,
    weights: str,
    file: Path | None,
    settings: Preprocess | None = None,
    key: str | None = None,
    recipe: str | None = None,
) -> tuple[nn.Module, Preprocessing, str]:
    """Build the image tower `name`; gives it with its preprocessing and a sentence on its source.

    weights: a tag of open_clip's (downloaded), `random`, or with `file` a checkpoint of the whole model or of the
    tower. settings: what the config says of the preprocessing. key: which weights of the file, where it holds several.
    recipe: the tag that a file's weights are like, where that is known. Raises `UserError` for an unknown name or tag, weights
    that don't fit or can't be had, and a file whose preprocessing could be one of several.
    """
    from open_clip import get_model_config
    from open_clip.pretrained import _PRETRAINED, get_pretrained_cfg

    config = get_model_config(name) if name in names() else None  # `hf-hub:…` would be looked for online
    if config is None:
        raise UserError(
            f"There is no target model 'open_clip/{name}' in open_clip."
            + did_you_mean(f"open_clip/{name}", [f"open_clip/{n}" for n in names()])
        )
    tags = {tag: get_pretrained_cfg(name, tag) for tag in _PRETRAINED.get(name, {})}
    if file is not None or weights == "random":
        entry, apart = _agreed([tags[recipe]] if file and recipe in tags else list(tags.values()))
        tower = _built(name, config, entry)
        said_of = "random weights (seed 0)"
        if file is not None:
            _refuse_doubt(name, file, apart, settings)
            said_of = f"weights from {file.name}{_fill(tower, file, name, key)}"
            if "quick_gelu" in apart:
                said_of += f", taken for ones with GELU (open_clip/{name}-quickgelu has QuickGELU)"
    else:
        if weights not in tags:
            raise UserError(_no_such(name, weights, list(tags)))
        entry = tags[weights]
        kept = downloaded(entry, f"{weights!r} of open_clip's {name}", _INSTEAD)
        tower = _built(name, config, entry)
        _fill(tower, kept, name, named=False)
        said_of = f"weights {weights}"
    return ImageTower(tower), _preprocessing(tower, entry), f"open_clip's image tower {name} with {said_of}"


def _agreed(entries: list[dict]) -> tuple[dict, list[str]]:
    """What all of a model's tags say alike, and the keys in which they differ."""
    keys = ("mean", "std", "interpolation", "resize_mode", "quick_gelu")
    alike = {
        k: entries[0].get(k) for k in keys if entries and all(e.get(k) == entries[0].get(k) for e in entries)
    }
    return alike, [k for k in keys if entries and k not in alike]


def _refuse_doubt(name: str, file: Path, apart: list[str], settings: Preprocess | None) -> None:
    """Raise `UserError` where a file may want one of several preprocessings and the config doesn't say which."""
    options = {"mean": "mean", "std": "std", "interpolation": "interpolation", "resize_mode": "squash"}
    unsaid = [options[k] for k in apart if k in options and getattr(settings, options[k], None) is None]
    if unsaid:
        wanted = " and ".join(f"target.preprocess.{option}" for option in unsaid)
        raise UserError(
            f"Weights of open_clip's {name} come with several preprocessings, and {file} can't say which: set {wanted}."
        )


def _no_such(name: str, weights: str, tags: list[str]) -> str:
    offered = f"there are {', '.join(tags[:8])}{', …' if len(tags) > 8 else ''}" if tags else "it has none"
    which = f"has no weights {quote(weights)} in open_clip"
    if weights == "default":
        which = "needs one of open_clip's tags as target.weights"
    return (
        f"open_clip/{name} {which}: {offered}; a checkpoint file or `random` can be given, too."
        + did_you_mean(weights, tags)
    )


def _built(name: str, config: dict, entry: dict) -> nn.Module:
    from open_clip.model import CLIPVisionCfg, _build_vision_tower

    vision = deepcopy(config["vision_cfg"])
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    gelu = entry.get("quick_gelu") or config.get("quick_gelu", False)
    try:
        with seeded():
            return _build_vision_tower(config["embed_dim"], CLIPVisionCfg(**vision), quick_gelu=bool(gelu))
    except Exception as error:  # open_clip and timm raise all sorts for what they can't build
        raise UserError(f"open_clip can't build the image tower of {name}: {said(error)}.") from None


def _fill(tower: nn.Module, file: Path, name: str, key: str | None = None, named: bool = True) -> str:
    """Load the tower's part of a checkpoint, strictly; says which, where the file holds several. named: as for `checkpoints.read_copies`."""

    def fitted(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], checkpoints.Difference]:
        for prefix in ("module.", "_orig_mod.", "module."):
            if all(key.startswith(prefix) for key in state):
                state = {key.removeprefix(prefix): value for key, value in state.items()}
        if any(key.startswith(_NAMED) for key in state):
            state = {k.removeprefix(_NAMED): v for k, v in state.items() if k.startswith(_NAMED)}
        return checkpoints.fit(state, tower)

    chosen = checkpoints.choose(checkpoints.read_copies(file, named), file, fitted, key)
    checkpoints.put(tower, chosen, file, f"the image tower of {name}")
    return chosen.sentence()


def downloaded(entry: Mapping, what: str, instead: str) -> Path:
    """The file of an open_clip tag's weights, from its cache, else downloaded; never so because a store names it.

    Raises `UserError` where it can't be had, about `what`, with what to do `instead`.
    """
    from open_clip.pretrained import download_pretrained

    try:
        return Path(download_pretrained(dict(entry)))
    except Exception as error:  # whatever the network, the disk or the hub's client comes up with
        if is_offline():
            raise not_in_cache(f"The weights {what}") from None
        reason = " ".join(str(error).split()).rstrip(".")[:200]
        raise UserError(f"The weights {what} can't be downloaded ({reason}){instead}.") from None


def _preprocessing(tower: nn.Module, entry: dict) -> Preprocessing:
    """As open_clip's own evaluation transform: SigLIP's images are squashed, CLIP's cut."""
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    size: Any = tower.image_size
    height, width = (size, size) if isinstance(size, int) else size
    return Preprocessing(
        resize=max(height, width),
        crop=(height, width),
        squash=entry.get("resize_mode") == "squash",
        interpolation=entry.get("interpolation") or "bicubic",
        mean=tuple(entry.get("mean") or OPENAI_DATASET_MEAN),
        std=tuple(entry.get("std") or OPENAI_DATASET_STD),
    )
