"""Trains the demo's two dual encoders: `python -m scripts.train_encoders explainer` (or `simulator`).

Two steps. First the image tower learns to name kind, colour, texture, size and background of
pictures with one object; without it the contrastive step goes nowhere in the time a CPU has. Then
both towers train with the sigmoid loss (Zhai et al. 2023, SigLIP) over two sentences per picture
and all concept names; a pair counts as a match wherever the sentence is true of the picture, not
only where they were drawn together.

Neither the probing set nor the held-out pictures that `measure_encoders` uses are looked at here.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from lexplain_core.demo import vocabulary
from lexplain_core.demo.captions import Contents
from lexplain_core.demo.encoders import FOLDER, precision_by_concept
from lexplain_core.demo.many import draw_images
from lexplain_core.demo.scene import Scene, make_scene
from lexplain_core.demo.truth import truth_of
from scripts.train_classifier import augment, to_input

ENCODER_SEEDS = {"explainer": 3, "simulator": 4}  # training worlds; see scene.py for the others
_CONTEXT = 32
_PREPROCESS = {
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
# The two differ in depth, width, embedding and text tower, in first weights and in what they saw.
TOWERS = {
    "explainer": {
        "embed_dim": 128,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 16, "head_width": 64, "image_size": 96},
        "text_cfg": {"width": 64, "heads": 2, "layers": 2, "mlp_ratio": 2.0},
    },
    "simulator": {
        "embed_dim": 96,
        "vision_cfg": {"layers": [1, 2, 1, 1], "width": 14, "head_width": 64, "image_size": 96},
        "text_cfg": {"width": 80, "heads": 2, "layers": 1, "mlp_ratio": 2.0},
    },
}


@dataclass
class World:
    """images uint8 (N, 96, 96, 3), the scenes they show, and `single`, the indices with one object."""

    images: np.ndarray
    scenes: list[Scene]

    def __post_init__(self):
        self.contents = Contents(self.scenes)
        self.single = np.array([i for i, scene in enumerate(self.scenes) if len(scene.items) == 1])

    def part(self, chosen: slice) -> World:
        return World(self.images[chosen], self.scenes[chosen])


def world(seed: int, count: int) -> World:
    """`count` pictures of world `seed`; every second picture with several objects is left out."""
    chosen, index, several = [], 0, 0
    while len(chosen) < count:
        if len(make_scene(seed, index).items) > 1:
            several += 1
        if len(make_scene(seed, index).items) == 1 or several % 2:
            chosen.append(index)
        index += 1
    images = np.concatenate(list(draw_images(seed, chosen)))
    return World(images, [make_scene(seed, i) for i in chosen])


def build(name: str, folder: Path, seed: int) -> tuple[nn.Module, dict]:
    """A new model of the given towers, and its open_clip config, as written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    size = vocabulary.write(folder / "merges.txt.gz")
    towers = TOWERS[name]
    text = towers["text_cfg"] | {
        "context_length": _CONTEXT,
        "vocab_size": size,
        "tokenizer_kwargs": {"bpe_path": "merges.txt.gz"},
    }
    model_cfg = towers | {"text_cfg": text, "init_logit_scale": float(np.log(10)), "init_logit_bias": -2.0}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": model_cfg, "preprocess_cfg": _PREPROCESS}, indent=2) + "\n"
    )
    torch.manual_seed(seed)
    return open_clip.model.CLIP(**model_cfg), model_cfg


class _Encoder:
    """A model in training, with the interface of a loaded encoder."""

    def __init__(self, model: nn.Module, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    def preprocess(self, image) -> torch.Tensor:
        return to_input(np.asarray(image)[None])[0]

    @torch.inference_mode()
    def embed_batch(self, batch: torch.Tensor) -> torch.Tensor:
        return self.model.encode_image(batch, normalize=True)

    @torch.inference_mode()
    def embed_texts(self, texts: list[str]) -> np.ndarray:
        return self.model.encode_text(self.tokenizer(texts), normalize=True).numpy()


def _optimiser(parameters: list, rate: float, steps: int, decay: float):
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.12)


def warm_up(visual: nn.Module, width: int, pictures: World, passes: int, rng, batch: int = 64) -> None:
    """Names of what is in pictures with one object: four attributes and the background, cross-entropy."""
    codes = pictures.contents.codes[:, 0]
    targets = torch.from_numpy(np.column_stack([codes, pictures.contents.backgrounds]))
    sizes = [int(n) + 1 for n in targets.max(0).values]
    head = nn.Linear(width, sum(sizes))
    steps = len(pictures.single) // batch
    parameters = [*visual.parameters(), *head.parameters()]
    optimiser, schedule = _optimiser(parameters, 3e-3, passes * steps, 0.05)
    generator = torch.Generator().manual_seed(0)
    start = time.time()
    for n in range(passes):
        right = 0
        order = rng.permutation(pictures.single)
        for step in range(steps):
            chosen = np.sort(order[step * batch : (step + 1) * batch])
            logits = head(visual(augment(to_input(pictures.images[chosen]), generator))).split(sizes, 1)
            y = targets[chosen]
            loss = sum(F.cross_entropy(z, y[:, k], label_smoothing=0.05) for k, z in enumerate(logits))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right += int((logits[0].argmax(1) == y[:, 0]).sum())
        minutes = (time.time() - start) / 60
        print(
            f"warm-up {n + 1}/{passes}  kind right {right / (steps * batch):.3f}  {minutes:.1f} min",
            flush=True,
        )


def train(model: nn.Module, tokenizer, pictures: World, validation: World, epochs: int, rng, batch: int = 64):
    """The sigmoid loss over true matches; prints the mean average precision on `validation` as it goes."""
    truth = truth_of(pictures.scenes).concepts()
    names, present = list(truth), np.column_stack(list(truth.values()))
    tokens = tokenizer(names)
    steps = len(pictures.images) // batch
    optimiser, schedule = _optimiser(list(model.parameters()), 1.5e-3, epochs * steps, 0.1)
    generator = torch.Generator().manual_seed(1)
    start = time.time()
    for epoch in range(epochs):
        model.train()
        order, total = rng.permutation(len(pictures.images)), 0.0
        for step in range(steps):
            chosen = np.sort(order[step * batch : (step + 1) * batch])
            claims = [pictures.contents.claim(n, rng) for n in chosen for _ in range(2)]
            matches = np.column_stack([pictures.contents.matches(chosen, claims), present[chosen]])
            image = model.encode_image(augment(to_input(pictures.images[chosen]), generator), normalize=True)
            text = model.encode_text(
                torch.cat([tokenizer([str(claim) for claim in claims]), tokens]), normalize=True
            )
            logits = model.logit_scale.exp() * image @ text.T + model.logit_bias
            sign = torch.from_numpy(matches).float() * 2 - 1
            loss = -F.logsigmoid(sign * logits).sum() / batch
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        line = f"epoch {epoch + 1}/{epochs}  loss {total / steps:.2f}"
        if epoch % 3 == 2 or epoch == epochs - 1:
            found = precision_by_concept(
                _Encoder(model.eval(), tokenizer), validation.images, validation.scenes
            )
            line += f"  validation mean average precision {np.mean(list(found.values())):.3f}"
        print(f"{line}  {(time.time() - start) / 60:.1f} min", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TOWERS))
    parser.add_argument("--images", type=int, default=11_000, help="training pictures")
    parser.add_argument("--warm-up", type=int, default=14, help="passes over those with one object")
    parser.add_argument("--epochs", type=int, default=15, help="passes of the contrastive step")
    parser.add_argument("--threads", type=int, default=1, help="for torch")
    parser.add_argument("--out", type=Path, help="folder; data/demo/NAME when not given")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    seed = ENCODER_SEEDS[options.name]
    rng = np.random.default_rng(seed)
    folder = options.out or FOLDER / options.name
    start = time.time()
    pictures = world(seed, options.images + 600)
    print(f"{len(pictures.images)} pictures in {time.time() - start:.0f} s", flush=True)
    pictures, validation = pictures.part(slice(options.images)), pictures.part(slice(options.images, None))
    model, model_cfg = build(options.name, folder, seed)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    model.visual.to(memory_format=torch.channels_last)
    tokenizer = open_clip.SimpleTokenizer(str(folder / "merges.txt.gz"), context_length=_CONTEXT)
    warm_up(model.visual, model_cfg["embed_dim"], pictures, options.warm_up, rng)
    train(model, tokenizer, pictures, validation, options.epochs, rng)
    path = folder / "open_clip_model.safetensors"
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, str(path))
    print(f"{path}: {path.stat().st_size:,} bytes, {(time.time() - start) / 60:.1f} min in all")


if __name__ == "__main__":
    main()
