"""Many pictures at once, with a process per core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from .render import draw_image
from .scene import SIDE

_BLOCK = 64  # pictures that a process draws at a time
_WORKER = Path(__file__).with_name("worker.py")


def draw_images(seed: int, indices: Iterable[int], workers: int | None = None) -> Iterator[np.ndarray]:
    """Yield uint8 (n, 96, 96, 3) blocks, in order. workers: processes, one per core when not given.

    Where processes can't be started or stop early (a restricted machine), the pictures are drawn
    in this one; they are the same.
    """
    indices = list(indices)
    blocks = [indices[i : i + _BLOCK] for i in range(0, len(indices), _BLOCK)]
    workers = min(_cores() if workers is None else workers, len(blocks) // 2)
    done = 0
    if workers > 1:
        for images in _by_processes(seed, blocks, workers):
            done += 1
            yield images
    for block in blocks[done:]:
        yield np.stack([np.asarray(draw_image(seed, i)) for i in block])


def _by_processes(seed: int, blocks: list[list[int]], workers: int) -> Iterator[np.ndarray]:
    """Blocks in order, block b from process b modulo `workers`; ends early if one of them fails."""
    # Plain processes and not multiprocessing's: those run a caller's script again, guarded or not.
    processes: list[subprocess.Popen[bytes]] = []
    outputs: list[IO[bytes]] = []
    try:
        for w in range(workers):
            process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert process.stdin is not None and process.stdout is not None  # pipes
            processes.append(process)
            outputs.append(process.stdout)
            process.stdin.write(json.dumps({"seed": seed, "blocks": blocks[w::workers]}).encode())
            process.stdin.close()
        for b, block in enumerate(blocks):
            size = len(block) * SIDE * SIDE * 3
            pixels = outputs[b % workers].read(size)
            if len(pixels) < size:
                return
            yield np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE, 3)
    except OSError:
        return
    finally:
        for process, output in zip(processes, outputs, strict=True):
            process.kill()
            output.close()
            process.wait()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
