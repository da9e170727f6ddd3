"""Losses without each unit: the closed form against one unit at a time.

    python -m benchmarks.replacing [--images 50000] [--units 2048] [--classes 1000] [--device auto]
    python -m benchmarks.replacing --config docs/examples/cifar10-resnet20.toml --layer layer3 --set probe.root=…

Both give the loss of every image with every unit set to 0. One at a time is as it is plainly done: for
each unit the head (random problem) or the whole network (a config's layer) runs again on all images.
It is timed on `--plain` units and multiplied up, since all would take hours; the closed form does all units.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from .common import median, report


def random_problem(images: int, units: int, classes: int, device: torch.device):
    """A head with random weights over rectified features; labels drawn from its own softmax."""
    from lexplain_core.model.effects import ClosedEffects

    generator = torch.Generator().manual_seed(0)
    q = torch.randn(units, images, generator=generator).clamp_min_(0)
    weight = torch.randn(classes, units, generator=generator) * 2 / units**0.5
    logits = torch.empty(images, classes)
    for start in range(0, images, 5000):
        torch.matmul(q[:, start : start + 5000].T, weight.T, out=logits[start : start + 5000])
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator)[:, 0]
    effects = ClosedEffects(q.numpy(), logits.numpy(), labels.numpy(), 1.1, weight.numpy(), device)
    features, head, targets = q.T.contiguous().to(device), weight.T.contiguous().to(device), labels.to(device)

    def plain(unit: int) -> np.ndarray:
        """The published way: the features with one column replaced, through the head again."""
        replaced = features.clone()
        replaced[:, unit] = 0
        logits = replaced @ head / 1.1
        return torch.nn.functional.cross_entropy(logits, targets, reduction="none").cpu().numpy()

    return effects, plain


def config_problem(path: str, layer: str, overrides: list[str]):
    """A layer of a build whose units are replaced in closed form, and in whole runs of the network."""
    from lexplain_core.config import load_config
    from lexplain_core.model import fit_temperature, open_effects
    from lexplain_core.pipeline.build import make

    config = load_config(path, [*overrides, f'layers=["{layer}"]'])
    names = ("probing", "splits", "model", "run", "outputs", "device")
    probing, splits, model, run, known, device = make(config, *names)
    outputs, labels = np.ascontiguousarray(run.outputs.T), known.labels
    val = splits == "val"
    common = (
        model,
        run.layers[0],
        outputs,
        labels,
        fit_temperature(outputs[val], labels[val]),
        probing.load,
        probing.keys,
        device,
    )
    effects, whole = open_effects(*common, intervention="closed"), open_effects(*common, intervention="whole")
    images = np.arange(len(labels))

    def plain(unit: int) -> np.ndarray:
        values = np.zeros((1, 1, len(images)))
        return whole.block(np.array([unit]), images, values).loss[0, 0]

    return effects, plain


def compare(effects, plain, rounds: int, plain_units: int) -> dict:
    """Seconds of both ways for all units, and how far their losses lie apart."""
    total, n = effects.q.shape
    images, step = np.arange(n), max(1, 4_000_000 // n)
    seconds: dict[str, list[float]] = {"closed": [], "plain": []}
    chosen = np.linspace(0, total - 1, plain_units).astype(int)
    apart = 0.0
    for turn in range(rounds):
        start, losses = time.perf_counter(), {}
        for first in range(0, total, step):
            piece = np.arange(first, min(first + step, total))
            found = effects.block(piece, images, np.zeros((1, len(piece), n)))
            losses |= {int(k): found.loss[0, i].copy() for i, k in enumerate(piece) if k in chosen}
        seconds["closed"].append(time.perf_counter() - start)
        start = time.perf_counter()
        again = {int(unit): plain(int(unit)) for unit in chosen}
        seconds["plain"].append((time.perf_counter() - start) / len(chosen) * total)
        apart = max(apart, *(float(np.abs(losses[k] - again[k]).max()) for k in again))
        print(
            f"round {turn + 1}: closed {seconds['closed'][-1]:.1f} s, one at a time {seconds['plain'][-1]:.0f} s"
        )
    return {
        "images": n, "units": total, "classes": effects.outputs.shape[1], "plain units timed": len(chosen),
        "closed seconds": median(seconds["closed"]), "plain seconds": median(seconds["plain"]),
        "ratio": median([p / c for p, c in zip(seconds["plain"], seconds["closed"], strict=True)]),
        "largest difference, nats": apart, "rounds": rounds,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--units", type=int, default=2_048)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", type=int, default=3, help="units of the plain way that are timed")
    parser.add_argument("--config", help="a build whose layer is taken in place of random numbers")
    parser.add_argument("--layer")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    arguments = parser.parse_args()
    from lexplain_core.model import choose_device

    if arguments.config:
        name = f"{arguments.layer} of {arguments.config}"
        effects, plain = config_problem(arguments.config, arguments.layer, arguments.overrides)
    else:
        name, device = "random head", choose_device(arguments.device)
        effects, plain = random_problem(arguments.images, arguments.units, arguments.classes, device)
    found = {"problem": name} | compare(effects, plain, arguments.rounds, arguments.plain)
    columns = [
        "images × units × classes",
        "closed, s",
        "one at a time, s",
        "ratio",
        "largest difference, nats",
    ]
    row = [
        f"{found['images']:,} × {found['units']:,} × {found['classes']:,}",
        f"{found['closed seconds']:,.2f}",
        f"{found['plain seconds']:,.0f}",
        f"{found['ratio']:,.0f}",
        f"{found['largest difference, nats']:.1e}",
    ]
    report(f"replacing-{'config' if arguments.config else 'random'}", name, columns, [row], found)


if __name__ == "__main__":
    main()
