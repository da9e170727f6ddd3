"""Whether the check of maps is right about networks with known layers: all presets' networks, and families of timm's and torchvision's.

    python -m benchmarks.map_places [NAME …]

Weights are random. Of each network every layer is looked at; a layer is in order, in order by its likes (a patch leaves no
trace of its place there), out of order, or has no units. The smallest correlation and the largest spread of the first sort
and the opposite of the third show the margin on both sides of the thresholds (`lexplain_core/model/places.py`).
"""

from __future__ import annotations

import argparse
import time

from lexplain_core.config import Target
from lexplain_core.model import list_layers, load_target
from lexplain_core.model.places import judge, measure
from lexplain_core.model.presets import presets

from .common import report

FAMILIES = [
    "demo", "squeezenet1_1", "googlenet", "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "swin_t", "maxvit_t",
    "timm/vit_tiny_patch16_224", "timm/vit_little_patch16_reg4_gap_256", "timm/levit_128", "timm/tnt_s_patch16_224",
    "swin_v2_t", "timm/deit_tiny_distilled_patch16_224", "timm/hiera_tiny_224", "timm/mixer_s32_224",
    "timm/gmlp_s16_224", "timm/resmlp_12_224", "timm/cait_xxs24_224", "timm/xcit_nano_12_p16_224",
    "timm/edgenext_xx_small", "timm/mobilevit_xxs", "timm/pvt_v2_b0", "timm/twins_svt_small",
    "timm/efficientformerv2_s0", "timm/poolformer_s12",
]  # fmt: skip


def networks() -> list[str]:
    """Each network of the presets once, then the families."""
    return list(dict.fromkeys([*(preset.model for preset in map(presets.__getitem__, presets)), *FAMILIES]))


def look(name: str) -> dict:
    """One row: what the check says of all layers of a network."""
    weights = "default" if ".py:" in name else "random"
    model = load_target(Target(model=name, weights=weights))
    layers = list_layers(model)
    names = [layer.name for layer in layers if layer.kind != "features"]
    started = time.perf_counter()
    found = measure(model, layers, names)
    seconds = time.perf_counter() - started
    verdicts = judge(model, layers, found)
    right = [one for n, one in found.items() if verdicts[n].maps is None and one.in_order]
    alike = [n for n, one in found.items() if verdicts[n].maps is None and not one.in_order]
    wrong = [one for n, one in found.items() if verdicts[n].maps and not verdicts[n].units]
    moving = [one for one in right if one.follows < 1]  # the others have one place
    return {
        "network": name.rpartition("/")[2],
        "layers": len(names),
        "in order": len(right),
        "by likes": len(alike),
        "out of order": len(wrong),
        "no units": sum(verdict.units is not None for verdict in verdicts.values()),
        "least follows": min((one.follows for one in moving), default=None),
        "most spread": max((one.spread for one in moving), default=None),
        "wrong: most follows": max((one.follows for one in wrong if one.lift > 0), default=None),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="networks, as target.model names them; all without")
    rows = []
    for name in parser.parse_args().names or networks():
        rows.append(look(name))
        print(rows[-1], flush=True)
    table = [
        [f"{v:.2f}" if isinstance(v, float) else "–" if v is None else str(v) for v in row.values()]
        for row in rows
    ]
    report("map_places", "Layers whose places are the image's", list(rows[0]), table, {"networks": rows})


if __name__ == "__main__":
    main()
