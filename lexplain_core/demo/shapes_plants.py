"""How each plant is drawn, in unit coordinates (pen.py)."""

from __future__ import annotations

import numpy as np

from .pen import Part, body, curve, detail, mirror, oval, poly, rotate, stroke


def tulip() -> tuple[Part, ...]:
    leaf = curve([(-0.02, 0.92), (-0.3, 0.72), (-0.52, 0.24), (-0.44, 0.2), (-0.16, 0.5)])
    side = curve(
        [(0.0, 0.12), (-0.34, 0.06), (-0.52, -0.28), (-0.5, -0.92), (-0.2, -0.62), (0.02, -0.3)], n=7
    )
    return (
        detail("moss", stroke([(0, 0.0), (0.02, 0.45), (0, 0.94)], 0.12)),
        detail("moss", leaf, edge=True),
        detail("moss", mirror(leaf) * (0.9, 1) + (0, 0.04), edge=True),
        body(
            curve([(0, -0.98), (0.3, -0.55), (0.3, 0.0), (0, 0.14), (-0.3, 0.0), (-0.3, -0.55)]),
            -0.3,
            edge=True,
        ),
        body(side, 0.0, edge=True),
        body(mirror(side), 0.0, edge=True),
    )


def sunflower() -> tuple[Part, ...]:
    petal = curve([(0, -0.2), (0.13, -0.4), (0.1, -0.6), (0, -0.72), (-0.1, -0.6), (-0.13, -0.4)], n=5)
    leaf = curve([(0.02, 0.72), (0.2, 0.46), (0.54, 0.4), (0.44, 0.64), (0.2, 0.76)], n=6)
    centre = (0, -0.28)
    ring = [body(rotate(petal, a) + centre, -0.28, edge=True) for a in range(15, 375, 30)]
    ring += [body(rotate(petal, a) * 0.97 + centre, 0.0, edge=True) for a in range(0, 360, 30)]
    seeds = [
        detail("ochre", oval(0.14 * np.cos(a), -0.28 + 0.14 * np.sin(a), 0.028, n=8))
        for a in np.arange(0, 6.2, 1.05)
    ]
    return (
        detail("moss", stroke(curve([(0, 0.1), (0.04, 0.5), (0, 0.96)], closed=False), 0.11)),
        detail("moss", leaf, edge=True),
        detail("moss", mirror(leaf) + (0, 0.1), edge=True),
        *ring,
        detail("wood", oval(*centre, 0.27), edge=True),
        *seeds,
    )


def fir_tree() -> tuple[Part, ...]:
    def tier(top: float, bottom: float, half: float) -> np.ndarray:
        drop = 0.09
        lower = [(half, bottom), (half * 0.62, bottom + drop), (half * 0.3, bottom - 0.0), (0, bottom + drop)]
        right = [(0, top), (half * 0.42, top + (bottom - top) * 0.6), *lower]
        return poly(*right, *[(-x, y) for x, y in right[:0:-1]])

    return (
        detail("wood", poly((-0.12, 0.6), (0.12, 0.6), (0.15, 0.96), (-0.15, 0.96))),
        body(tier(0.02, 0.64, 0.76), -0.34, edge=True),
        body(tier(-0.44, 0.26, 0.6), -0.17, edge=True),
        body(tier(-0.98, -0.14, 0.44), 0.0, edge=True),
    )


def palm_tree() -> tuple[Part, ...]:
    trunk = curve([(0.02, 0.96), (-0.06, 0.5), (-0.02, 0.05), (0.14, -0.38)], closed=False)
    top = np.array([0.14, -0.42])

    def frond(tip: tuple[float, float], lift: float, width: float) -> tuple[np.ndarray, np.ndarray]:
        x, y = tip
        spine = [(0, 0), (x * 0.5, y * 0.5 - lift), (x, y)]
        out = [(0, 0.02), (x * 0.3, y * 0.3 - lift * 0.84), (x * 0.68, y * 0.68 - lift * 0.84), (x, y)]
        back = [(x * 0.72, y * 0.72 - lift * 0.6 + width), (x * 0.4, y * 0.4 - lift * 0.5 + width)]
        return curve(out + back, n=6) + top, stroke(curve(spine, closed=False, n=5) + top, 0.025)

    tips = [
        ((-0.68, 0.66), 0.4, 0.28),
        ((0.66, 0.68), 0.4, 0.28),
        ((-1.06, 0.2), 0.46, 0.32),
        ((0.92, 0.22), 0.46, 0.32),
        ((-0.74, -0.4), 0.22, 0.28),
        ((0.62, -0.44), 0.22, 0.28),
    ]
    fronds = [frond(*tip) for tip in tips]
    rings = [
        detail("coal", stroke([(x - 0.09, y + 0.02), (x + 0.09, y)], 0.03))
        for x, y in [(-0.02, 0.7), (-0.05, 0.46), (-0.03, 0.22), (0.03, -0.02)]
    ]
    return (
        detail("wood", stroke(trunk, 0.22, 0.14), edge=True),
        *rings,
        *(
            body(leaf, tone, edge=True)
            for (leaf, _), tone in zip(fronds, (-0.38, -0.38, -0.15, -0.15, 0, 0), strict=True)
        ),
        detail("coal", oval(0.02, -0.3, 0.1, n=16), edge=True),
        detail("coal", oval(0.24, -0.29, 0.1, n=16), edge=True),
    )


def apple() -> tuple[Part, ...]:
    shape = [
        (0, -0.42),
        (0.3, -0.56),
        (0.68, -0.46),
        (0.86, -0.04),
        (0.76, 0.46),
        (0.46, 0.86),
        (0.18, 0.92),
        (0, 0.85),
        (-0.18, 0.92),
        (-0.46, 0.86),
        (-0.76, 0.46),
        (-0.86, -0.04),
        (-0.68, -0.46),
        (-0.3, -0.56),
    ]
    leaf = curve([(0.08, -0.6), (0.2, -0.88), (0.58, -0.94), (0.46, -0.66)], n=8)
    return (
        body(curve(shape)),
        body(oval(0, -0.43, 0.2, 0.075, n=20), -0.5),
        detail("wood", stroke(curve([(0.0, -0.42), (0.0, -0.7), (-0.1, -0.96)], closed=False), 0.1, 0.12)),
        detail("moss", leaf, edge=True),
    )


def pear() -> tuple[Part, ...]:
    shape = [
        (0, -0.62),
        (0.22, -0.54),
        (0.32, -0.22),
        (0.52, 0.12),
        (0.64, 0.5),
        (0.48, 0.84),
        (0.14, 0.95),
        (-0.14, 0.95),
        (-0.48, 0.84),
        (-0.64, 0.5),
        (-0.52, 0.12),
        (-0.32, -0.22),
        (-0.22, -0.54),
    ]
    leaf = curve([(0.06, -0.68), (0.24, -0.9), (0.56, -0.82), (0.36, -0.62)], n=8)
    return (
        body(curve(shape)),
        detail(
            "wood", stroke(curve([(0.0, -0.56), (0.02, -0.78), (-0.08, -0.98)], closed=False), 0.085, 0.1)
        ),
        detail("moss", leaf, edge=True),
    )
