"""How each building and each thing is drawn, in unit coordinates (pen.py)."""

from __future__ import annotations

import numpy as np

from .pen import Part, arc, body, box, curve, detail, oval, poly, rotate, stroke


def house() -> tuple[Part, ...]:
    return (
        detail("coal", box(0.36, -0.86, 0.6, -0.3, 0.02)),
        body(box(-0.72, -0.2, 0.72, 0.9), 0.06),
        body(poly((0, -0.92), (0.98, -0.1), (0.88, 0.04), (-0.88, 0.04), (-0.98, -0.1)), -0.5, edge=True),
        detail("wood", box(-0.18, 0.36, 0.18, 0.9, 0.03), edge=True),
        detail("ochre", oval(0.1, 0.64, 0.04, n=10)),
        *(
            part
            for x in (-0.47, 0.47)
            for part in (
                detail("glass", box(x - 0.17, 0.2, x + 0.17, 0.54, 0.02), edge=True),
                detail("ink", stroke([(x, 0.22), (x, 0.52)], 0.03)),
                detail("ink", stroke([(x - 0.15, 0.37), (x + 0.15, 0.37)], 0.03)),
            )
        ),
        detail("cream", oval(0, -0.36, 0.13, n=20), edge=True),
    )


def _battlement(x0: float, x1: float, top: float, bottom: float, teeth: int) -> np.ndarray:
    step = (x1 - x0) / (2 * teeth - 1)
    points = [(x0, bottom)]
    for i in range(2 * teeth - 1):
        y = top if i % 2 == 0 else top + 0.16
        points += [(x0 + i * step, y), (x0 + (i + 1) * step, y)]
    return poly(*points, (x1, bottom))


def castle() -> tuple[Part, ...]:
    gate = np.concatenate([arc(0, 0.42, 0.24, 0.28, 180, 360, 14), poly((0.24, 0.9), (-0.24, 0.9))])
    slits = [(-0.68, 0.0), (0.68, 0.0)]
    return (
        detail("coal", stroke([(0, -0.98), (0, -0.5)], 0.045)),
        detail("cream", poly((0.0, -1.0), (0.36, -0.88), (0.0, -0.76)), edge=True),
        body(_battlement(-0.28, 0.28, -0.56, 0.3, 3), -0.3, edge=True),
        body(_battlement(-0.56, 0.56, 0.0, 0.9, 5), -0.05, edge=True),
        body(_battlement(-0.94, -0.42, -0.42, 0.9, 3), 0.1, edge=True),
        body(_battlement(0.42, 0.94, -0.42, 0.9, 3), 0.1, edge=True),
        detail("coal", gate, edge=True),
        *(detail("ink", stroke([(x, 0.32), (x, 0.88)], 0.03)) for x in (-0.08, 0.08)),
        *(
            detail(
                "coal",
                np.concatenate(
                    [arc(x, y, 0.09, 0.1, 180, 360, 8), poly((x + 0.09, y + 0.24), (x - 0.09, y + 0.24))]
                ),
            )
            for x, y in slits
        ),
        detail("coal", oval(0, -0.18, 0.08, 0.11, n=14)),
    )


def mug() -> tuple[Part, ...]:
    ring = np.concatenate([arc(0.5, 0.22, 0.44, 0.42, -80, 80), arc(0.5, 0.22, 0.24, 0.22, 80, -80)])
    steam = curve([(0, -0.5), (0.1, -0.64), (-0.06, -0.8), (0.06, -0.96)], closed=False, n=6)
    wall = np.concatenate(
        [arc(-0.1, 0.8, 0.56, 0.14, 0, 180), poly((-0.7, -0.34)), arc(-0.1, -0.34, 0.6, 0.14, 180, 360)]
    )
    return (
        *(detail("snow", stroke(steam + (x, 0.02), 0.07, 0.03), solid=False) for x in (-0.3, 0.06)),
        body(ring, -0.2, edge=True),
        body(wall),
        detail("cream", oval(-0.1, -0.34, 0.6, 0.15), edge=True),
        detail("wood", oval(-0.1, -0.31, 0.5, 0.105)),
    )


def umbrella() -> tuple[Part, ...]:
    hem = [arc(x, 0.06, 0.24, 0.16, 0, -180, 9) for x in (0.72, 0.24, -0.24, -0.72)]
    dome = np.concatenate([arc(0, 0.06, 0.96, 0.92, 180, 360, 40), *hem])
    middle = np.concatenate(
        [
            arc(0, 0.06, 0.24, 0.16, 0, -180, 9),
            curve([(-0.24, 0.06), (-0.17, -0.5), (0, -0.86), (0.17, -0.5), (0.24, 0.06)], closed=False),
        ]
    )
    hook = np.concatenate([poly((0, -0.8), (0, 0.3), (0, 0.74)), arc(0.16, 0.78, 0.16, 0.16, 180, 20, 12)])
    ribs = [curve([(0, -0.86), (s * 0.34, -0.5), (s * 0.48, 0.04)], closed=False) for s in (-1, 1)]
    return (
        detail("coal", stroke([(0, -0.98), (0, -0.8)], 0.07)),
        detail("wood", stroke(hook, 0.1)),
        body(dome, 0.0, edge=True),
        body(middle, -0.28, edge=True),
        *(detail("ink", stroke(rib, 0.025)) for rib in ribs),
    )


def drum() -> tuple[Part, ...]:
    wall = np.concatenate([arc(0, 0.6, 0.74, 0.24, 0, 180), arc(0, -0.16, 0.74, 0.24, 180, 360)])
    lower = np.concatenate([arc(0, 0.6, 0.76, 0.25, 0, 180), arc(0, 0.46, 0.76, 0.25, 180, 0)])
    upper = np.concatenate([arc(0, -0.02, 0.76, 0.25, 0, 180), arc(0, -0.16, 0.76, 0.25, 180, 0)])
    xs = np.linspace(-0.7, 0.7, 9)
    zigzag = [(x, (0.08 if i % 2 else 0.5) + 0.22 * (1 - (x / 0.76) ** 2) ** 0.5) for i, x in enumerate(xs)]
    return (
        body(wall),
        *(detail("cream", stroke([a, b], 0.045)) for a, b in zip(zigzag, zigzag[1:], strict=False)),
        detail("coal", lower),
        detail("coal", upper),
        detail("cream", oval(0, -0.16, 0.76, 0.25), edge=True),
        detail("wood", stroke([(-0.12, -0.16), (-0.78, -0.78)], 0.085), edge=True),
        detail("wood", oval(-0.1, -0.15, 0.11, 0.09, n=16), edge=True),
        detail("wood", stroke([(0.14, -0.2), (0.7, -0.9)], 0.085), edge=True),
        detail("wood", oval(0.12, -0.18, 0.11, 0.09, n=16), edge=True),
    )


def guitar() -> tuple[Part, ...]:
    shape = [
        (0, 0.02),
        (0.24, 0.0),
        (0.36, 0.16),
        (0.28, 0.36),
        (0.42, 0.56),
        (0.46, 0.8),
        (0.26, 0.98),
        (0, 1.0),
        (-0.26, 0.98),
        (-0.46, 0.8),
        (-0.42, 0.56),
        (-0.28, 0.36),
        (-0.36, 0.16),
        (-0.24, 0.0),
    ]
    pegs = [(s * 0.17, y) for s in (-1, 1) for y in (-0.94, -0.82)]
    parts = (
        body(curve(shape)),
        *(detail("steel", oval(x, y, 0.06, n=10)) for x, y in pegs),
        detail("wood", box(-0.075, -0.74, 0.075, 0.3), edge=True),
        detail("coal", poly((-0.11, -0.74), (-0.14, -1.02), (0.14, -1.02), (0.11, -0.74)), edge=True),
        detail("coal", oval(0, 0.4, 0.16, n=22), edge=True),
        detail("coal", box(-0.18, 0.74, 0.18, 0.82, 0.03)),
        *(detail("cream", stroke([(x, -0.72), (x, 0.76)], 0.018)) for x in (-0.035, 0.035)),
    )
    return tuple(Part(rotate(p.points * (1.12, 1.0), 32), p.fill, p.tone, p.edge, p.solid) for p in parts)
