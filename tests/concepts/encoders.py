"""Small dual encoders with random weights, of the classes that the big ones have, made on the spot."""

from __future__ import annotations

import io
import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

from lexplain_core.probe.base import ClassInfo, ProbingSet, Superclass

PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
# open_clip's own tokenizer; a tower of each kind that open_clip builds itself
CLIP_CFG = {
    "embed_dim": 24,
    "vision_cfg": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
# as open_clip's ViT-*-SigLIP: timm's ViT with map pooling, and a tower that looks at the last token
SIGLIP_CFG = {
    "embed_dim": 64,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 32,
        "timm_model_name": "test_vit",
        "timm_model_pretrained": False,
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 48,
        "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 64,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
    },
}


def make_model(model_cfg: dict, seed: int = 0) -> torch.nn.Module:
    model_cfg = deepcopy(model_cfg)
    custom = model_cfg.pop("custom_text", False)
    torch.manual_seed(seed)
    model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**model_cfg)
    with torch.no_grad():
        for value in model.parameters():  # a fresh text tower tells texts apart too little
            if value.ndim > 1:
                value.mul_(3)
    return model.eval()


def save_folder(
    folder: Path, model: torch.nn.Module, model_cfg: dict, preprocess: dict | None = PREPROCESS
) -> Path:
    """The form that open_clip reads as `local-dir:`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"model_cfg": model_cfg} | ({"preprocess_cfg": preprocess} if preprocess else {})
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


def save_t5_tokenizer(folder: Path, pad: str = "</s>", extra: int = 0) -> Path:
    """A T5 tokenizer with a SentencePiece vocabulary of 37 pieces, ids as in SigLIP's: 0 pad, 1 end, 2 unknown."""
    import sentencepiece
    from transformers import T5Tokenizer

    texts = [
        "a red cat",
        "two green dogs",
        "blue house on a hill",
        "photo of a small animal",
        "large yellow bus",
    ]
    vocabulary = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts * 20), model_writer=vocabulary, vocab_size=60, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spiece.model").write_bytes(vocabulary.getvalue())
    tokenizer = T5Tokenizer.from_pretrained(str(folder), extra_ids=extra, pad_token=pad)
    tokenizer.save_pretrained(str(folder))
    return folder


def pictures(count: int = 12, seed: int = 0, height: int = 40, width: int = 28) -> np.ndarray:
    """uint8 (N, H, W, 3): two colours, told by the class, and noise; not square."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (count, height, width, 3))
    for i in range(count):
        images[i, :, :, i % 3] += 150
    return images.astype(np.uint8)


def probing_set(images: np.ndarray) -> ProbingSet:
    """Three classes by colour and two superclasses, of which one covers too much to calibrate with."""
    count = len(images)
    return ProbingSet(
        name="colours",
        source="pictures made for a test",
        keys=tuple(f"{i:03}" for i in range(count)),
        labels=np.arange(count, dtype=np.int64) % 3,
        classes=tuple(ClassInfo(c, c) for c in ("red", "green", "blue")),
        load=lambda i: Image.fromarray(images[i]),
        superclasses=(Superclass("warm", "warm", (0, 1)), Superclass("cold", "cold", (2,))),
    )
