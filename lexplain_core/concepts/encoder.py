"""Dual encoders of open_clip: an image tower and a text tower that meet in one space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import config
from ..base.errors import UserError, quote
from ..model.checkpoints import fit, read_checkpoint
from ..model.recording import choose_device
from .sources import Source, find_source
from .tokenizer import Tokenizer, load_tokenizer

_TEXTS_AT_ONCE = 256
_LEAST_TEXTS = 16  # fewer are rounded in another way, so that a text's vector would depend on those beside it
_BFLOAT16 = 2**-7  # relative: a step of bfloat16, by which two copies differ where one was float16 between
_FLOAT16 = 2**-24  # absolute; what rounding to float16 takes from tiny values


@dataclass
class DualEncoder:
    """Embeds images and texts as unit vectors of one space, in float32.

    name: for people. fingerprint: SHA-256 of weights, architecture, preprocessing and how the
    tokenizer behaves; what was embedded under one fingerprint may be used under the same.
    weights: SHA-256 of the towers' weights alone, in float16 and without their names, so that one
    model is known again under another name, in another file or in float16; see `same_weights`.
    published: (a, b) for P = sigmoid(a·(cos + b)) where the paper has them, with `facts["published"]`
    saying why they hold. facts: what a reader may want to know, for JSON.
    preprocess: an RGB image -> float32 (3, H, W).
    """

    name: str
    fingerprint: str
    weights: str
    published: tuple[float, float] | None
    facts: dict
    preprocess: Callable[[Image.Image], Tensor]
    batch_size: int
    device: torch.device
    model: Any  # open_clip's, whose methods and parts torch's type doesn't know
    tokenizer: Tokenizer

    @torch.inference_mode()
    def embed_batch(self, images: Tensor) -> Tensor:
        """Preprocessed images (B, 3, H, W) -> unit vectors float32 (B, D) on the CPU."""
        # channels last is what convolutions are fast with; transformers don't mind
        images = images.to(self.device, memory_format=torch.channels_last)
        # cuDNN would round convolutions to 10 bits (TF32)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            features = self.model.encode_image(images, normalize=False)
        return _unit(features).cpu()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str], advance: Callable[[int], None] | None = None) -> np.ndarray:
        """Texts as they are, without a template around them -> unit vectors float32 (M, D)."""
        rows = _token_rows(self.model)
        parts = [np.zeros((0, int(self.facts["embedding"])), np.float32)]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = list(texts[start : start + _TEXTS_AT_ONCE])
            ids = self.tokenizer(part + part[-1:] * (_LEAST_TEXTS - len(part)))
            if int(ids.max()) >= rows:
                text = part[int((ids >= rows).any(dim=1).nonzero()[0])]
                raise UserError(
                    f"The text {quote(text)} has tokens that the text tower of {self.name} doesn't know."
                )
            found = (
                _unit(self.model.encode_text(ids.to(self.device), normalize=False)).cpu().numpy()[: len(part)]
            )
            if not np.isfinite(found).all():
                text = part[int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])]
                raise UserError(
                    f"The encoder {self.name} gives no finite embedding for the text {quote(text)}."
                )
            parts.append(found)
            if advance:
                advance(len(part))
        return np.concatenate(parts)

    def same_weights(self, other: DualEncoder) -> bool:
        """Whether all weights of the towers are the same, but for a copy's lower precision.

        By digest, or one by one within the rounding of float16 and bfloat16.
        """
        if self.weights == other.weights:
            return True
        one, two = _towers(self.model), _towers(other.model)
        if [(key, v.shape) for key, v in one.items()] != [(key, v.shape) for key, v in two.items()]:
            return False
        return all(
            torch.allclose(one[key], two[key].to(one[key].device), rtol=_BFLOAT16, atol=_FLOAT16)
            for key in one
        )


def _unit(features: Tensor) -> Tensor:
    return nn.functional.normalize(features.float(), dim=-1)


def load_encoder(
    spec: config.Encoder, device: str | torch.device = "auto", role: str = "explainer"
) -> DualEncoder:
    """Load the encoder that a config's section asks for, in float32 and evaluation mode.

    role: the section's name, for errors. Weights are read as tensors only, must cover every parameter
    and fit in shape; preprocessing and tokenizer come with them, or are told. Raises `UserError` where
    any of these is missing, doubtful or doesn't fit (docs/how-to/encoders.md).
    """
    if isinstance(device, str):
        device = choose_device(device)
    source = find_source(spec, role)
    model = _build(source)
    _load(model, source)
    model.eval().requires_grad_(False)
    tokenizer, behaviour = load_tokenizer(source, spec.tokenizer, _token_rows(model), role)
    size, transform = _transform(model, source)
    exact, alike = _weights_digests(model)
    preprocess = source.preprocess | {"size": size}
    content = json.dumps([1, _architecture(source), preprocess, exact, behaviour], sort_keys=True)
    facts = {
        "model": source.model,
        "pretrained": source.tag or source.weights.name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "embedding": int(source.model_cfg["embed_dim"]),
        "activation": "QuickGELU" if source.model_cfg.get("quick_gelu") else "GELU",
        **preprocess,
    }
    if source.published:
        facts["published"] = source.published[2]
    return DualEncoder(
        name=source.name,
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        weights=alike,
        published=source.published[:2] if source.published else None,
        facts=facts,
        preprocess=transform,
        batch_size=spec.batch_size,
        device=device,
        model=model.to(device),
        tokenizer=tokenizer,
    )


def _build(source: Source) -> nn.Module:
    """The model, every weight of it not a number: one that the file doesn't fill can't go unseen."""
    from open_clip import CLIP, CoCa, CustomTextCLIP

    model_cfg = deepcopy(source.model_cfg)
    vision, text = model_cfg["vision_cfg"], model_cfg["text_cfg"]
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
    custom = model_cfg.pop("custom_text", False) or "hf_model_name" in text
    kind = (CoCa if "multimodal_cfg" in model_cfg else CustomTextCLIP) if custom else CLIP
    try:
        model = kind(**model_cfg)
    except Exception as error:  # open_clip and timm raise all sorts for what they can't build
        reason = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")[:200]
        raise UserError(
            f"open_clip can't build the encoder {source.name} from its configuration: {reason}."
        ) from None
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.fill_(torch.nan)
    return model


def _load(model: nn.Module, source: Source) -> None:
    """Fill every weight from the file, or raise `UserError` naming the first that don't fit.

    As open_clip's own loader, but strictly: position embeddings of another size are not stretched,
    and a missing bias is not made up.
    """
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    state = read_checkpoint(source.weights, named=False)
    for prefix in ("module.", "_orig_mod.", "module."):
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    state = convert_state_dict(model, state)
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    expected = model.state_dict()
    # facts that OpenAI's files keep among the weights, and indices that transformers no longer does
    for key in (
        "input_resolution",
        "context_length",
        "vocab_size",
        "text.transformer.embeddings.position_ids",
    ):
        if key not in expected:
            state.pop(key, None)
    for key in ("logit_scale", "logit_bias"):
        if key in state and key in expected and state[key].numel() == expected[key].numel():
            state[key] = state[key].reshape(expected[key].shape)
    state, difference = fit(state, model)
    if difference:
        raise UserError(
            f"The weights in {source.weights} don't fit the encoder {source.name}: {difference.sentence()}."
        )
    model.load_state_dict(state, strict=False)  # copies, so half precision becomes float32
    for key, value in model.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(f"The weights in {source.weights} hold values that are not finite, in {key}.")


def _transform(model: Any, source: Source) -> tuple[list[int], Callable[[Image.Image], Tensor]]:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    size = model.visual.image_size
    size = [size, size] if isinstance(size, int) else list(size)
    return size, image_transform_v2(PreprocessCfg(size=tuple(size), **source.preprocess), is_train=False)


def _token_rows(model: Any) -> int:
    """How many tokens the text tower has an embedding for."""
    text = getattr(model, "text", model)
    if hasattr(text, "token_embedding"):
        return text.token_embedding.num_embeddings
    return text.transformer.get_input_embeddings().num_embeddings


def _architecture(source: Source) -> dict:
    """The configuration less paths and names: these don't change what an encoder gives."""
    model_cfg = deepcopy(source.model_cfg)
    text = model_cfg["text_cfg"]
    for key in ("hf_tokenizer_name", "tokenizer_kwargs"):  # how the tokenizer behaves is taken up by itself
        text.pop(key, None)
    return model_cfg


def _towers(model: nn.Module) -> dict[str, Tensor]:
    """The towers' weights, called the same whether the text tower is a module of its own or not."""
    state = {key.removeprefix("text."): value for key, value in model.state_dict().items()}
    return {key: v for key, v in sorted(state.items()) if v.is_floating_point() and v.ndim}


def _weights_digests(model: nn.Module) -> tuple[str, str]:
    """SHA-256 of all weights, and of the towers' in float16 whatever the tensors are called."""
    exact, alike = hashlib.sha256(), []
    for key, value in sorted(model.state_dict().items()):
        exact.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        exact.update(value.numpy().tobytes())
        if value.is_floating_point() and value.ndim:
            half = np.ascontiguousarray(value.half().numpy())
            alike.append(hashlib.sha256(str(half.shape).encode() + half.tobytes()).digest())
    return exact.hexdigest(), hashlib.sha256(b"".join(sorted(alike))).hexdigest()
