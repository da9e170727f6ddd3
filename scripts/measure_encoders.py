"""How well the demo's encoders know its words: `python -m scripts.measure_encoders`.

Average precision of every concept's bare name on pictures of a world that neither training nor any
choice has looked at; the encoders are loaded as every other one is. Writes the table to
data/demo/encoders.md.
"""

from __future__ import annotations

import argparse

import numpy as np

from lexplain_core.concepts import load_encoder
from lexplain_core.config import Encoder
from lexplain_core.demo.encoders import FOLDER, precision_by_concept
from lexplain_core.demo.many import draw_images
from lexplain_core.demo.scene import HELD_OUT_SEED, make_scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2_000, help="held-out pictures")
    options = parser.parse_args()
    images = np.concatenate(list(draw_images(HELD_OUT_SEED, range(options.images))))
    scenes = [make_scene(HELD_OUT_SEED, i) for i in range(options.images)]
    found = {}
    for role in ("explainer", "simulator"):
        encoder = load_encoder(Encoder(model=f"demo/{role}"), "cpu")
        found[role] = precision_by_concept(encoder, images, scenes)
        print(f"{role}: mean average precision {np.mean(list(found[role].values())):.3f}")
    concepts = list(found["explainer"])
    means = " | ".join(f"**{np.mean(list(f.values())):.3f}**" for f in found.values())
    rows = "\n".join(
        f"| {name} | {found['explainer'][name]:.3f} | {found['simulator'][name]:.3f} |"
        for name in sorted(concepts, key=lambda name: found["explainer"][name] + found["simulator"][name])
    )
    (FOLDER / "encoders.md").write_text(
        f"# What the demo's encoders know\n\nAverage precision of each concept's bare name on "
        f"{options.images:,} held-out pictures of the demo world, weakest first; written by\n"
        "`python -m scripts.measure_encoders`.\n\n"
        f"| concept | explainer | simulator |\n| --- | --- | --- |\n| mean of {len(concepts)} | {means} |\n{rows}\n"
    )


if __name__ == "__main__":
    main()
