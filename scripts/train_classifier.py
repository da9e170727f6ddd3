"""Trains DemoNet and writes its weights: `python -m scripts.train_classifier`.

Training pictures come from a world of their own (`TRAIN_SEED`); the accuracy that is reported is
measured once, at the end, on a third world (`HELD_OUT_SEED`). The probing set is yet another.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from lexplain_core.demo.kinds import KIND_NAMES
from lexplain_core.demo.many import draw_images
from lexplain_core.demo.network import WEIGHTS, DemoNet, demo_network
from lexplain_core.demo.scene import HELD_OUT_SEED, TRAIN_SEED, make_scene


def pictures(seed: int, count: int, workers: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 96, 96, 3) and the kinds of their main objects, int64 (count,)."""
    images = np.concatenate(list(draw_images(seed, range(count), workers)))
    return images, np.array([make_scene(seed, i).items[0].kind for i in range(count)])


def to_input(images: np.ndarray) -> torch.Tensor:
    """uint8 (n, 96, 96, 3) to float (n, 3, 96, 96) in −1 … 1, as mean 0.5 and deviation 0.5 give it."""
    return torch.tensor(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def augment(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Mirror half of the images; move the batch by up to 6 pixels; change each one's brightness and tint."""
    flip = torch.rand(len(x), generator=rng) < 0.5
    x[flip] = x[flip].flip(3)
    dy, dx = torch.randint(-6, 7, (2,), generator=rng).tolist()
    x = nn.functional.pad(x, (6, 6, 6, 6), mode="replicate")[:, :, 6 + dy : 102 + dy, 6 + dx : 102 + dx]
    gain = 1 + 0.12 * torch.randn(len(x), 1, 1, 1, generator=rng)
    tint = 0.05 * torch.randn(len(x), 3, 1, 1, generator=rng)
    return (x * gain + tint).contiguous(memory_format=torch.channels_last)


def train(images: np.ndarray, labels: np.ndarray, epochs: int, seed: int = 0, batch: int = 64) -> DemoNet:
    """AdamW with a one-cycle rate, label smoothing 0.05, an average of the last weights' course."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    network = DemoNet().to(memory_format=torch.channels_last)
    steps = len(images) // batch
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, epochs * steps, pct_start=0.2)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    start = time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=rng).numpy()
        total, right = 0.0, 0
        for step in range(steps):
            chosen = np.sort(order[step * batch : (step + 1) * batch])
            y = torch.from_numpy(labels[chosen])
            logits = network(augment(to_input(images[chosen]), rng))
            loss = loss_of(logits, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
            right += int((logits.argmax(1) == y).sum())
        minutes = (time.time() - start) / 60
        print(
            f"pass {epoch + 1:2}/{epochs}  loss {total / steps:.3f}  "
            f"training accuracy {right / (steps * batch):.3f}  {minutes:.1f} min",
            flush=True,
        )
    return network.eval()


@torch.inference_mode()
def accuracy(network: nn.Module, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images the network names right, boolean (n,)."""
    found = [network(to_input(images[i : i + 100])).argmax(1).numpy() for i in range(0, len(images), 100)]
    return np.concatenate(found) == labels


def save(network: DemoNet, path: Path) -> None:
    """Half precision: rounding costs nothing here and halves the file."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.contiguous() for k, v in state.items()}, str(path), {"outputs": json.dumps(list(KIND_NAMES))}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=9_000, help="training pictures")
    parser.add_argument("--epochs", type=int, default=12, help="passes over them")
    parser.add_argument("--held-out", type=int, default=2_000, help="pictures the accuracy is measured on")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the order")
    parser.add_argument("--threads", type=int, default=1, help="for torch")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.time()
    images, labels = pictures(TRAIN_SEED, options.images)
    print(f"{len(images)} training pictures in {time.time() - start:.0f} s", flush=True)
    save(train(images, labels, options.epochs, options.seed), options.out)
    held_out, truth = pictures(HELD_OUT_SEED, options.held_out)
    right = accuracy(demo_network(options.out), held_out, truth)
    counts = np.array([len(make_scene(HELD_OUT_SEED, i).items) for i in range(options.held_out)])
    print(f"held-out accuracy {right.mean():.4f} on {len(right)} pictures")
    for n in (1, 2, 3):
        print(
            f"  with {n} object{'s' if n > 1 else ' '}: {right[counts == n].mean():.4f} of {(counts == n).sum()}"
        )
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {(time.time() - start) / 60:.1f} min in all")


if __name__ == "__main__":
    main()
