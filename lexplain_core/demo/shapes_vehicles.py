"""How each vehicle is drawn, in unit coordinates (pen.py)."""

from __future__ import annotations

from .pen import Part, arc, body, box, curve, detail, mirror, oval, poly, stroke


def _wheel(x: float, y: float, r: float) -> tuple[Part, ...]:
    return (
        detail("coal", oval(x, y, r, n=28), edge=True),
        detail("steel", oval(x, y, r * 0.48, n=18)),
    )


def car() -> tuple[Part, ...]:
    shell = [
        (-0.98, 0.2),
        (-0.95, -0.02),
        (-0.66, -0.1),
        (-0.42, -0.48),
        (0.22, -0.5),
        (0.52, -0.1),
        (0.9, 0.0),
        (0.99, 0.22),
        (0.96, 0.42),
        (-0.95, 0.42),
    ]
    return (
        body(curve(shell, n=6)),
        detail("glass", poly((-0.53, -0.1), (-0.35, -0.39), (-0.09, -0.39), (-0.09, -0.1)), edge=True),
        detail("glass", poly((0.02, -0.39), (0.19, -0.39), (0.39, -0.1), (0.02, -0.1)), edge=True),
        detail("cream", oval(0.9, 0.12, 0.08, 0.1, n=14), edge=True),
        detail("coal", stroke([(-0.96, 0.36), (0.97, 0.36)], 0.09)),
        detail("ink", stroke([(-0.06, 0.08), (0.06, 0.08)], 0.045)),
        *_wheel(-0.54, 0.4, 0.24),
        *_wheel(0.54, 0.4, 0.24),
    )


def bus() -> tuple[Part, ...]:
    windows = [box(x, -0.46, x + 0.3, -0.12, 0.04) for x in (-0.86, -0.48, -0.1)]
    return (
        body(box(-0.98, -0.66, 0.98, 0.56, 0.16)),
        *(detail("glass", w, edge=True) for w in windows),
        detail("glass", box(0.64, -0.46, 0.92, 0.06, 0.05), edge=True),
        detail("cream", box(0.3, -0.46, 0.55, 0.48, 0.04), edge=True),
        detail("glass", box(0.35, -0.4, 0.5, 0.12, 0.02)),
        detail("coal", stroke([(-0.94, 0.5), (0.94, 0.5)], 0.09)),
        detail("cream", oval(0.9, 0.3, 0.07, 0.08, n=12), edge=True),
        *_wheel(-0.55, 0.54, 0.23),
        *_wheel(0.5, 0.54, 0.23),
    )


def boat() -> tuple[Part, ...]:
    hull = [(-0.84, 0.46), (0.92, 0.46), (0.6, 0.9), (-0.54, 0.9)]
    return (
        detail("wood", stroke([(0.02, -0.94), (0.02, 0.5)], 0.085)),
        body(poly((0.1, -0.9), (0.5, -0.4), (0.86, 0.32), (0.1, 0.32)), 0.0, edge=True),
        body(poly((-0.08, -0.7), (-0.08, 0.32), (-0.66, 0.32)), 0.2, edge=True),
        body(poly(*hull), -0.36, edge=True),
        detail("cream", poly((-0.84, 0.46), (0.92, 0.46), (0.84, 0.57), (-0.76, 0.57)), edge=True),
    )


def submarine() -> tuple[Part, ...]:
    pipe = [(0.02, -0.4), (0.02, -0.86), (0.28, -0.86)]
    return (
        detail("steel", stroke(pipe[:2], 0.1)),
        detail("steel", stroke(pipe[1:], 0.1)),
        detail("steel", oval(-0.96, -0.02, 0.07, 0.2, n=16), edge=True),
        detail("steel", oval(-0.96, 0.42, 0.07, 0.2, n=16), edge=True),
        body(poly((-0.9, -0.1), (-0.62, 0.0), (-0.62, 0.4), (-0.9, 0.5)), -0.35, edge=True),
        body(box(-0.3, -0.5, 0.34, 0.1, 0.12), -0.18, edge=True),
        body(oval(0.08, 0.24, 0.9, 0.5)),
        *(
            part
            for x in (-0.34, 0.1, 0.54)
            for part in (
                detail("steel", oval(x, 0.18, 0.185, n=20), edge=True),
                detail("glass", oval(x, 0.18, 0.115, n=16)),
            )
        ),
    )


def rocket() -> tuple[Part, ...]:
    hull = [(0, -0.98), (0.26, -0.62), (0.36, -0.1), (0.26, 0.5), (-0.26, 0.5), (-0.36, -0.1), (-0.26, -0.62)]
    nose = curve([(0, -1.0), (0.16, -0.8), (0.27, -0.56), (0, -0.5), (-0.27, -0.56), (-0.16, -0.8)], n=6)
    fin = curve([(-0.3, 0.08), (-0.62, 0.36), (-0.66, 0.76), (-0.42, 0.6), (-0.22, 0.5)], n=5)
    flame = [(-0.2, 0.52), (-0.22, 0.74), (-0.08, 0.8), (0, 1.0), (0.08, 0.8), (0.22, 0.74), (0.2, 0.52)]
    return (
        detail("ochre", curve(flame, n=6), edge=True),
        detail("cream", curve([(-0.1, 0.54), (-0.08, 0.7), (0, 0.82), (0.08, 0.7), (0.1, 0.54)], n=5)),
        body(fin, -0.4, edge=True),
        body(mirror(fin), -0.4, edge=True),
        body(curve(hull)),
        body(nose, -0.4, edge=True),
        detail("steel", oval(0, -0.2, 0.21), edge=True),
        detail("glass", oval(0, -0.2, 0.135, n=20)),
        detail("coal", box(-0.24, 0.44, 0.24, 0.56, 0.03)),
    )


def balloon() -> tuple[Part, ...]:
    shell = [
        (0, -0.98),
        (0.42, -0.88),
        (0.68, -0.52),
        (0.66, -0.14),
        (0.42, 0.22),
        (0.16, 0.46),
        (-0.16, 0.46),
        (-0.42, 0.22),
        (-0.66, -0.14),
        (-0.68, -0.52),
        (-0.42, -0.88),
    ]
    gore = curve(
        [(0, -0.98), (0.26, -0.5), (0.2, 0.1), (0.08, 0.46), (-0.08, 0.46), (-0.2, 0.1), (-0.26, -0.5)]
    )
    return (
        *(detail("coal", stroke([(s * 0.15, 0.42), (s * 0.16, 0.74)], 0.035)) for s in (-1, 1)),
        body(curve(shell)),
        body(gore, -0.22),
        body(box(-0.19, 0.4, 0.19, 0.5, 0.03), -0.5, edge=True),
        detail("wood", poly((-0.22, 0.7), (0.22, 0.7), (0.17, 0.98), (-0.17, 0.98)), edge=True),
        detail("cream", box(-0.24, 0.68, 0.24, 0.76, 0.03), edge=True),
        detail("ink", stroke(arc(0, 1.5, 0.8, 0.8, -104, -76, 6), 0.02), solid=False),
    )
