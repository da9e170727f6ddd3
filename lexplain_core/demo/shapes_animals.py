"""How each animal is drawn, in unit coordinates (pen.py)."""

from __future__ import annotations

from .pen import Part, arc, body, box, curve, detail, eye, mirror, oval, poly, rotate, stroke


def cat() -> tuple[Part, ...]:
    ear = curve([(-0.56, -0.42), (-0.56, -1.0), (-0.36, -0.92), (-0.08, -0.72)], n=6)
    inner = poly((-0.46, -0.56), (-0.47, -0.84), (-0.24, -0.72))
    tail = curve([(0.3, 0.84), (0.78, 0.82), (0.92, 0.45), (0.72, 0.16), (0.84, -0.08)], closed=False)
    whiskers = [[(0.3, -0.28), (0.78, -0.36)], [(0.3, -0.22), (0.76, -0.16)]]
    return (
        body(stroke(tail, 0.2, 0.17), -0.12),
        body(
            curve(
                [
                    (0, -0.15),
                    (0.42, 0.22),
                    (0.5, 0.75),
                    (0.36, 0.96),
                    (-0.36, 0.96),
                    (-0.5, 0.75),
                    (-0.42, 0.22),
                ]
            )
        ),
        body(oval(-0.17, 0.88, 0.16, 0.11, n=20), 0.35, edge=True),
        body(oval(0.17, 0.88, 0.16, 0.11, n=20), 0.35, edge=True),
        body(ear),
        body(mirror(ear)),
        body(oval(0, -0.36, 0.6, 0.46), 0.0, edge=True),
        detail("blush", inner),
        detail("blush", mirror(inner)),
        *eye(-0.24, -0.4, 0.11),
        *eye(0.24, -0.4, 0.11),
        detail("ink", poly((-0.07, -0.25), (0.07, -0.25), (0, -0.17))),
        detail("ink", stroke(arc(-0.08, -0.15, 0.08, 0.07, 0, 150, 8), 0.035)),
        detail("ink", stroke(arc(0.08, -0.15, 0.08, 0.07, 30, 180, 8), 0.035)),
        *(detail("ink", stroke(w, 0.03), solid=False) for w in whiskers),
        *(detail("ink", stroke([(-x, y) for x, y in w], 0.03), solid=False) for w in whiskers),
    )


def dog() -> tuple[Part, ...]:
    tail = curve([(-0.6, 0.05), (-0.84, -0.1), (-0.92, -0.45)], closed=False)
    torso = [
        (-0.68, 0.02),
        (-0.3, -0.08),
        (0.2, -0.02),
        (0.42, -0.28),
        (0.68, 0.0),
        (0.6, 0.42),
        (0.1, 0.5),
        (-0.45, 0.52),
        (-0.7, 0.35),
    ]
    return (
        body(stroke(tail, 0.18, 0.13)),
        body(box(-0.44, 0.3, -0.24, 0.92, 0.08), -0.3),
        body(box(0.2, 0.3, 0.4, 0.92, 0.08), -0.3),
        body(curve(torso)),
        body(box(-0.7, 0.2, -0.47, 0.95, 0.09), 0.0),
        body(box(0.42, 0.2, 0.65, 0.95, 0.09), 0.0),
        detail("coal", stroke([(0.27, -0.1), (0.62, -0.02)], 0.1)),
        body(oval(0.47, -0.5, 0.4, 0.36), 0.0, edge=True),
        body(oval(0.78, -0.38, 0.25, 0.19), 0.4, edge=True),
        detail("ink", oval(0.97, -0.46, 0.1, 0.08, n=16)),
        detail("ink", stroke(arc(0.74, -0.36, 0.16, 0.1, 20, 120, 8), 0.035)),
        body(rotate(oval(0, 0, 0.16, 0.34), 18) + (0.2, -0.42), -0.45, edge=True),
        *eye(0.58, -0.58, 0.09),
    )


def rabbit() -> tuple[Part, ...]:
    ear = rotate(oval(0, -0.36, 0.14, 0.42), -14)
    inner = rotate(oval(0, -0.36, 0.07, 0.3), -14)
    return (
        detail("cream", oval(-0.72, 0.52, 0.19, n=20), edge=True),
        body(rotate(ear, 28) + (0.46, -0.3), -0.25, edge=True),
        body(
            curve(
                [
                    (-0.7, 0.55),
                    (-0.55, 0.12),
                    (-0.05, -0.04),
                    (0.32, 0.12),
                    (0.46, 0.5),
                    (0.4, 0.9),
                    (-0.2, 0.95),
                    (-0.6, 0.85),
                ]
            )
        ),
        body(oval(-0.28, 0.58, 0.34, 0.33), 0.12, edge=True),
        body(oval(-0.2, 0.9, 0.36, 0.1, n=24), 0.2, edge=True),
        body(oval(0.4, 0.9, 0.22, 0.09, n=20), 0.2, edge=True),
        body(ear + (0.3, -0.3), 0.0, edge=True),
        detail("blush", inner + (0.3, -0.3)),
        body(oval(0.43, -0.12, 0.38, 0.33), 0.0, edge=True),
        detail("cream", oval(0.66, 0.0, 0.17, 0.13, n=20)),
        detail("blush", oval(0.8, -0.08, 0.06, 0.05, n=12)),
        *eye(0.52, -0.2, 0.095),
    )


def duck() -> tuple[Part, ...]:
    torso = [
        (-0.98, -0.12),
        (-0.72, 0.1),
        (-0.35, 0.14),
        (0.05, 0.06),
        (0.3, -0.1),
        (0.62, 0.1),
        (0.74, 0.42),
        (0.5, 0.78),
        (-0.1, 0.88),
        (-0.65, 0.72),
        (-0.92, 0.35),
    ]
    bill = [(0.68, -0.5), (0.95, -0.5), (1.04, -0.38), (0.9, -0.3), (0.66, -0.3)]
    wing = [(-0.5, 0.3), (-0.1, 0.22), (0.24, 0.34), (0.1, 0.6), (-0.25, 0.64), (-0.5, 0.52), (-0.66, 0.56)]
    return (
        detail("ochre", curve(bill), edge=True),
        body(curve(torso)),
        body(oval(0.38, -0.42, 0.4, 0.38)),
        body(curve(wing), -0.28, edge=True),
        *eye(0.5, -0.52, 0.1),
    )


def owl() -> tuple[Part, ...]:
    shape = [
        (0, -0.7),
        (0.34, -0.78),
        (0.6, -0.98),
        (0.62, -0.55),
        (0.7, 0.0),
        (0.6, 0.6),
        (0.3, 0.88),
        (-0.3, 0.88),
        (-0.6, 0.6),
        (-0.7, 0.0),
        (-0.62, -0.55),
        (-0.6, -0.98),
        (-0.34, -0.78),
    ]
    wing = curve([(-0.6, -0.12), (-0.84, 0.25), (-0.72, 0.68), (-0.5, 0.74), (-0.42, 0.3)])
    return (
        *(detail("ochre", oval(x, 0.92, 0.09, 0.07, n=14)) for x in (-0.36, -0.2, 0.2, 0.36)),
        body(curve(shape)),
        body(oval(0, 0.36, 0.42, 0.44), 0.42, edge=False),
        body(wing, -0.35, edge=True),
        body(mirror(wing), -0.35, edge=True),
        detail("cream", oval(-0.3, -0.38, 0.31), edge=True),
        detail("cream", oval(0.3, -0.38, 0.31), edge=True),
        *eye(-0.25, -0.38, 0.17),
        *eye(0.25, -0.38, 0.17),
        detail("ochre", poly((-0.11, -0.24), (0.11, -0.24), (0, 0.0)), edge=True),
    )


def penguin() -> tuple[Part, ...]:
    shape = [
        (0, -0.98),
        (0.36, -0.86),
        (0.47, -0.5),
        (0.56, 0.1),
        (0.58, 0.55),
        (0.36, 0.88),
        (-0.36, 0.88),
        (-0.58, 0.55),
        (-0.56, 0.1),
        (-0.47, -0.5),
        (-0.36, -0.86),
    ]
    flipper = curve([(-0.46, -0.24), (-0.66, 0.02), (-0.9, 0.44), (-0.78, 0.5), (-0.5, 0.3)])
    belly = [
        (0, -0.22),
        (0.3, -0.18),
        (0.4, 0.2),
        (0.38, 0.58),
        (0.2, 0.8),
        (-0.2, 0.8),
        (-0.38, 0.58),
        (-0.4, 0.2),
        (-0.3, -0.18),
    ]
    return (
        body(flipper, -0.3, edge=True),
        body(mirror(flipper), -0.3, edge=True),
        detail("ochre", oval(-0.26, 0.92, 0.24, 0.08, n=20), edge=True),
        detail("ochre", oval(0.26, 0.92, 0.24, 0.08, n=20), edge=True),
        body(curve(shape)),
        detail("cream", curve(belly)),
        detail("cream", oval(-0.17, -0.56, 0.2, 0.21)),
        detail("cream", oval(0.17, -0.56, 0.2, 0.21)),
        *eye(-0.16, -0.58, 0.09),
        *eye(0.16, -0.58, 0.09),
        detail("ochre", poly((-0.13, -0.46), (0.13, -0.46), (0, -0.26)), edge=True),
    )


def fish() -> tuple[Part, ...]:
    tail = [(-0.42, 0), (-0.96, -0.46), (-0.84, 0.0), (-0.96, 0.46)]
    top = [(-0.3, -0.3), (-0.12, -0.66), (0.3, -0.62), (0.3, -0.34)]
    return (
        body(curve(tail, n=6), -0.3, edge=True),
        body(curve(top, n=6), -0.3, edge=True),
        body(curve([(-0.1, 0.36), (-0.25, 0.66), (0.18, 0.46)], n=6), -0.3, edge=True),
        body(
            curve(
                [
                    (-0.6, 0.0),
                    (-0.25, -0.36),
                    (0.25, -0.46),
                    (0.7, -0.28),
                    (0.96, 0.0),
                    (0.7, 0.28),
                    (0.25, 0.46),
                    (-0.25, 0.36),
                ]
            )
        ),
        detail("ink", stroke(arc(0.2, 0, 0.2, 0.36, -62, 62), 0.045)),
        body(curve([(0.1, 0.02), (-0.2, -0.1), (-0.24, 0.16), (0.0, 0.2)], n=6), -0.3, edge=True),
        detail("snow", oval(0.6, -0.12, 0.14, n=20), edge=True),
        detail("ink", oval(0.63, -0.12, 0.08, n=14)),
        detail("ink", stroke([(0.78, 0.15), (0.68, 0.17), (0.6, 0.14)], 0.04)),
    )


def whale() -> tuple[Part, ...]:
    shape = [
        (-0.66, -0.08),
        (-0.5, 0.18),
        (-0.15, 0.02),
        (0.15, -0.26),
        (0.55, -0.34),
        (0.88, -0.1),
        (0.96, 0.3),
        (0.74, 0.66),
        (0.2, 0.8),
        (-0.3, 0.72),
        (-0.66, 0.42),
        (-0.82, 0.0),
    ]
    fluke = [
        (-0.74, 0.08),
        (-0.92, -0.14),
        (-1.02, -0.42),
        (-0.74, -0.36),
        (-0.68, -0.2),
        (-0.56, -0.4),
        (-0.28, -0.46),
        (-0.4, -0.16),
        (-0.62, 0.08),
    ]
    belly = [(0.96, 0.34), (0.74, 0.66), (0.2, 0.8), (-0.25, 0.73), (0.1, 0.6), (0.5, 0.48), (0.75, 0.36)]
    spout = curve([(0.42, -0.4), (0.42, -0.62), (0.3, -0.82), (0.12, -0.76)], closed=False)
    return (
        detail("glass", stroke(spout, 0.1)),
        detail("glass", stroke(spout * (-1, 1) + (0.84, 0), 0.1)),
        body(curve(fluke, n=6), -0.12),
        body(curve(shape)),
        detail("cream", curve(belly)),
        *(
            detail("steel", stroke([(x, 0.5 + 0.16 * (0.6 - x)), (x - 0.12, 0.72)], 0.03))
            for x in (0.62, 0.44, 0.26)
        ),
        body(
            curve([(0.24, 0.42), (0.02, 0.5), (-0.1, 0.74), (0.1, 0.76), (0.3, 0.6)], n=6), -0.35, edge=True
        ),
        *eye(0.58, 0.12, 0.09),
        detail("ink", stroke(arc(0.84, 0.22, 0.14, 0.1, 70, 190, 8), 0.04)),
    )


def butterfly() -> tuple[Part, ...]:
    upper = curve(
        [(-0.04, -0.08), (-0.3, -0.66), (-0.72, -0.86), (-0.98, -0.62), (-0.86, -0.18), (-0.45, 0.06)]
    )
    lower = curve([(-0.04, 0.02), (-0.5, 0.08), (-0.8, 0.3), (-0.7, 0.74), (-0.4, 0.84), (-0.14, 0.5)])
    feeler = curve([(-0.04, -0.42), (-0.1, -0.7), (-0.26, -0.9)], closed=False)
    return (
        detail("ink", stroke(feeler, 0.04)),
        detail("ink", stroke(mirror(feeler), 0.04)),
        detail("ink", oval(-0.27, -0.91, 0.06, n=12)),
        detail("ink", oval(0.27, -0.91, 0.06, n=12)),
        body(lower, -0.22, edge=True),
        body(mirror(lower), -0.22, edge=True),
        body(upper, 0.0, edge=True),
        body(mirror(upper), 0.0, edge=True),
        *(detail("cream", oval(s * 0.72, -0.52, 0.11, 0.13, s * 30, n=16), edge=True) for s in (-1, 1)),
        *(detail("cream", oval(s * 0.5, 0.56, 0.1, 0.11, n=16), edge=True) for s in (-1, 1)),
        detail("coal", oval(0, 0.12, 0.09, 0.5, n=24)),
        detail("coal", oval(0, -0.4, 0.12, 0.13, n=20)),
    )


def beetle() -> tuple[Part, ...]:
    legs = [
        [(0.4, -0.2), (0.72, -0.32), (0.84, -0.52)],
        [(0.5, 0.18), (0.84, 0.2), (0.96, 0.34)],
        [(0.4, 0.55), (0.7, 0.7), (0.76, 0.92)],
    ]
    horn = curve([(0.12, -0.66), (0.3, -0.76), (0.34, -0.94), (0.2, -1.04)], closed=False)
    shell = curve(
        [(0.0, -0.36), (0.34, -0.32), (0.56, 0.1), (0.5, 0.6), (0.2, 0.92), (0.0, 0.96)], closed=False
    )
    return (
        *(detail("coal", stroke(curve(leg, closed=False, n=5), 0.085)) for leg in legs),
        *(detail("coal", stroke(mirror(curve(leg, closed=False, n=5)), 0.085)) for leg in legs),
        detail("coal", stroke(horn, 0.08)),
        detail("coal", stroke(mirror(horn), 0.08)),
        detail("coal", oval(0, -0.6, 0.24, 0.19, n=24)),
        detail("coal", curve([(-0.4, -0.24), (-0.3, -0.5), (0.3, -0.5), (0.4, -0.24), (0.0, -0.16)])),
        body(shell, 0.0, edge=True),
        body(mirror(shell), 0.0, edge=True),
        detail("ink", stroke([(0, -0.34), (0, 0.94)], 0.055)),
        detail("snow", oval(-0.1, -0.64, 0.055, n=10)),
        detail("snow", oval(0.1, -0.64, 0.055, n=10)),
    )
