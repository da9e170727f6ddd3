"""The recording pass against a bare forward pass of the same network on the same batches.

    python -m benchmarks.recording [--model resnet18] [--images 512] [--device auto]

Images wait in memory as the network takes them, so that no decoding hides the difference. The two
take turns; figures are medians of 5 rounds. Weights are random: speed doesn't depend on them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import torch

from lexplain_core import demo  # noqa: F401  (registers DemoNet)
from lexplain_core.config import LayerSpec, Record, Target
from lexplain_core.model import choose_device, load_target, record

from .common import median, report

LAYERS = {
    "resnet18": ["layer1", "layer2", "layer3", "layer4"],
    "resnet50": ["layer1", "layer2", "layer3", "layer4"],
    "vit_b_16": [f"encoder.layers.encoder_layer_{i}.mlp.1" for i in range(0, 12, 3)],
    "demo": ["block4", "block7"],
}


def compare(name: str, images: int, batch: int, device: torch.device, rounds: int) -> dict:
    """Images per second of both ways, a list each."""
    model = load_target(Target(model=name, weights="random"))
    h, w = model.input_size
    data = torch.randn(images, 3, h, w)
    shown = replace(model, preprocess=lambda i: data[i])
    settings = Record(batch_size=batch, device=str(device), workers=0)
    specs = [LayerSpec(name=layer) for layer in LAYERS[name]]
    keys = [str(i) for i in range(images)]
    speeds: dict[str, list[float]] = {"recording": [], "bare": []}
    for turn in range(rounds + 1):  # the first warms up
        recorded = record(shown, lambda i: i, keys, specs, settings).images_per_second
        module = model.module.eval().to(device)
        with torch.inference_mode():
            start = time.perf_counter()
            for at in range(0, images, batch):
                # as a batch comes to the network: images one by one
                module(torch.stack([data[i] for i in range(at, min(at + batch, images))]).to(device))
            if device.type == "cuda":
                torch.cuda.synchronize()
            bare = images / (time.perf_counter() - start)
        module.to("cpu")
        if turn:
            speeds["recording"].append(recorded)
            speeds["bare"].append(bare)
    ratio = median([a / b for a, b in zip(speeds["recording"], speeds["bare"], strict=True)])
    return {
        "model": name, "layers": LAYERS[name], "images": images, "batch": batch, "device": str(device),
        "recording": median(speeds["recording"]), "bare": median(speeds["bare"]), "ratio": ratio,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=sorted(LAYERS), action="append")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    found = [
        compare(name, options.images, options.batch, device, options.rounds)
        for name in options.model or ["demo", "resnet18"]
    ]
    rows = [
        [
            f["model"],
            str(len(f["layers"])),
            f"{f['recording']:,.1f}",
            f"{f['bare']:,.1f}",
            f"{f['ratio']:.1%}",
        ]
        for f in found
    ]
    columns = ["network", "layers", "recording, images/s", "bare, images/s", "recording / bare"]
    report("recording", f"{options.images} images on {device}", columns, rows, {"networks": found})


if __name__ == "__main__":
    main()
