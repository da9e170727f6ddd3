"""What is known of open_clip's models: how images are prepared, published calibrations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from .. import config
from ..base.errors import UserError, quote

_INTERPOLATIONS, _RESIZES = ("bilinear", "bicubic"), ("squash", "shortest", "longest")

# (a, b) of P = sigmoid(a·(cos + b)) by open_clip's name and official tag (Oikarinen & Weng 2024, eq. 5).
PUBLISHED = {
    ("ViT-SO400M-14-SigLIP-384", "webli"): (58.0, -0.13),
    ("ViT-L-16-SigLIP-384", "webli"): (60.0, -0.09),
    ("ViT-L-14-336", "openai"): (58.0, -0.25),
}


def take_activation(model_cfg: dict, entry: Mapping) -> None:
    """Set the activation that the weights of a tag, open_clip's `entry`, were trained with."""
    # open_clip only warns where the weights of a tag were trained with another activation
    if entry.get("quick_gelu"):
        model_cfg["quick_gelu"] = True


def preprocess(known: Mapping, spec: config.Encoder, role: str, where: str) -> dict:
    """mean, std, resize_mode and interpolation: those of the weights, then what the user has set.

    known: what came with the weights. where: where that was, for errors. Raises `UserError` for
    what is missing or no preprocessing.
    """
    if not isinstance(known, Mapping):
        raise UserError(f"The preprocess_cfg of {where} must be an object with mean, std and resize_mode.")
    keys = ("mean", "std", "interpolation", "resize_mode")
    found = {key: known[key] for key in keys if known.get(key) is not None}
    if spec.mean is not None:
        found["mean"] = spec.mean
    if spec.std is not None:
        found["std"] = spec.std
    if spec.squash is not None:
        found["resize_mode"] = "squash" if spec.squash else "shortest"
    options = {"mean": "mean", "std": "std", "resize_mode": "squash"}
    missing = [f"{role}.{option}" for key, option in options.items() if key not in found]
    if missing:
        raise UserError(
            f"How images are prepared for {quote(spec.model)} does not follow from {where}: set {', '.join(missing)}."
        )
    found.setdefault("interpolation", "bicubic")  # open_clip's own default, in all but a few models
    if found["interpolation"] not in _INTERPOLATIONS or found["resize_mode"] not in _RESIZES:
        raise UserError(
            f"The preprocess_cfg of {where} must have an interpolation of {' or '.join(_INTERPOLATIONS)} and a "
            f"resize_mode of {', '.join(_RESIZES)}; it has {quote(found['interpolation'])} and "
            f"{quote(found['resize_mode'])}."
        )
    for key in ("mean", "std"):
        values = found[key]
        right = isinstance(values, list | tuple) and len(values) == 3
        if not right or not all(isinstance(v, int | float) for v in values):
            raise UserError(
                f"The {key} of {where} must be three numbers, one a channel; it is {quote(values)}."
            )
        if key == "std" and not all(v > 0 for v in values):
            raise UserError(f"The std of {where} must be above 0; it is {quote(values)}.")
        found[key] = [float(v) for v in values]
    return found


def plain(model_cfg: dict) -> dict:
    """A configuration with its defaults filled in, less what doesn't change the embeddings."""
    from open_clip.model import CLIPTextCfg, CLIPVisionCfg

    try:
        vision, text = CLIPVisionCfg(**model_cfg["vision_cfg"]), CLIPTextCfg(**model_cfg["text_cfg"])
    except TypeError:
        return {}
    vision, text = asdict(vision), asdict(text)
    for towers, key in ((vision, "timm_model_pretrained"), (text, "hf_model_pretrained")):
        towers.pop(key)
    text.pop("hf_tokenizer_name")
    text["tokenizer_kwargs"] = text["tokenizer_kwargs"] or {}
    rest = {"embed_dim": model_cfg["embed_dim"], "quick_gelu": bool(model_cfg.get("quick_gelu"))}
    return json.loads(json.dumps(rest | {"vision": vision, "text": text}))


def published(model_cfg: dict, preprocess: dict, tag: str | None) -> tuple[float, float, str] | None:
    """The paper's a and b if architecture, preprocessing and tag are those of its models, and why they hold."""
    from open_clip import get_model_config
    from open_clip.pretrained import get_pretrained_cfg

    for (name, official), (a, b) in PUBLISHED.items():
        usual, entry = get_model_config(name), get_pretrained_cfg(name, official)
        take_activation(usual, entry)
        same = all(
            list(entry[key]) == preprocess[key] if key in ("mean", "std") else entry[key] == preprocess[key]
            for key in preprocess
        )
        if tag in (None, official) and same and plain(model_cfg) == plain(usual):
            how = f"for {name} with open_clip's weights {quote(official)}"
            if tag is None:
                how += (
                    "; here the architecture and preprocessing are the same, and the weights are a local file"
                )
            return a, b, how
    return None
