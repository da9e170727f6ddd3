"""A drawing process, run as a script: scene numbers in on stdin, pixels out on stdout.

It imports the drawing alone, not the packages above it: these load torch, which takes longer than
many a picture.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    here = Path(__file__).resolve().parent
    for name, folder in (("lexplain_core", here.parent), ("lexplain_core.demo", here)):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    from lexplain_core.demo.render import draw_image

    task = json.load(sys.stdin)
    for block in task["blocks"]:
        pixels = b"".join(draw_image(task["seed"], i).tobytes() for i in block)
        sys.stdout.buffer.write(pixels)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
