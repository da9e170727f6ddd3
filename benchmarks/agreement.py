"""How far the ways of replacing units lie apart on real layers.

    python -m benchmarks.agreement docs/examples/cifar10-resnet20.toml --layer layer3 --layer layer2 --set probe.root=…

For each layer: units set to 0 on images; the outputs of the fastest way that is right against those of a
cached prefix on `--rows` pairs of unit and image (0: all pairs), and of whole runs on `--whole` pairs drawn from all.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from .common import report


def compare(one, other, images: np.ndarray, units: np.ndarray, classes: int) -> tuple[float, float, int]:
    """Largest difference of the outputs, of the losses, and how many images change sides in one only."""
    values = np.zeros(len(images))
    outputs, apart = np.zeros((len(images), classes), np.float32), 0.0

    def keep(at, logits):
        outputs[at] = logits.cpu()

    def subtract(at, logits):
        nonlocal apart
        apart = max(apart, float(np.abs(outputs[at] - logits.cpu().numpy()).max()))

    first = one.rows(images, units, values, keep)
    second = other.rows(images, units, values, subtract)
    return apart, float(np.abs(first.loss - second.loss).max()), int((first.right != second.right).sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--layer", action="append", required=True)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--whole", type=int, default=2_000)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    arguments = parser.parse_args()
    from lexplain_core.config import load_config
    from lexplain_core.model import choose_device, fit_temperature, open_effects
    from lexplain_core.pipeline.build import make

    layers = ", ".join(f'"{name}"' for name in arguments.layer)
    config = load_config(arguments.config, [*arguments.overrides, f"layers=[{layers}]"])
    names = ("probing", "splits", "model", "run", "outputs")
    probing, splits, model, run, known = make(config, *names)
    outputs, labels = np.ascontiguousarray(run.outputs.T), known.labels
    val, rng = splits == "val", np.random.default_rng(0)
    temperature = fit_temperature(outputs[val], labels[val])
    rows, facts = [], []
    for layer in run.layers:
        opened = partial(
            open_effects, model, layer, outputs, labels, temperature, probing.load, probing.keys,
            choose_device(config.record.device),
        )  # fmt: skip
        best, pairs = opened(), layer.info.units * len(labels)
        for way, most in (("prefix", arguments.rows), ("whole", arguments.whole)):
            if way == best.intervention or (way == "prefix" and best.intervention == "whole"):
                continue
            chosen = np.arange(pairs) if not most or most >= pairs else rng.choice(pairs, most, replace=False)
            apart = compare(
                best, opened(intervention=way), chosen % len(labels), chosen // len(labels), outputs.shape[1]
            )
            facts.append({
                "layer": layer.info.name, "ways": [best.intervention, way], "pairs": len(chosen), "of": pairs,
                "outputs": apart[0], "largest output": float(np.abs(outputs).max()), "losses": apart[1],
                "other answers": apart[2],
            })  # fmt: skip
            rows.append([
                layer.info.name, f"{best.intervention}, {way}", f"{len(chosen):,} of {pairs:,}", f"{apart[0]:.1e}",
                f"{np.abs(outputs).max():.1f}", f"{apart[1]:.1e}", str(apart[2]),
            ])  # fmt: skip
    columns = ["layer", "ways", "pairs", "outputs apart", "largest output", "losses apart", "other answers"]
    report(f"agreement-{model.name.split(':')[-1]}", config.name, columns, rows, {"layers": facts})


if __name__ == "__main__":
    main()
