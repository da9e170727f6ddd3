"""A small vocabulary of outlines in which every kind is drawn.

A drawing is a tuple of parts in unit coordinates: x to the right, y down, within about −1 … 1.
It has no pixels and no colours of its own, so that it is made once per kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin

import numpy as np

Points = np.ndarray  # float64 (n, 2)


@dataclass(frozen=True)
class Part:
    """One closed outline of a drawing.

    fill: 'body' (takes the object's colour and texture) or a name in `palette.DETAILS`.
    tone: −1 … 1, a body part's shade (negative darker). edge: draw a thin line around it.
    solid: counts as part of the object's silhouette (steam and whiskers do not).
    """

    points: Points
    fill: str = "body"
    tone: float = 0.0
    edge: bool = False
    solid: bool = True


def body(points: Points, tone: float = 0.0, edge: bool = False) -> Part:
    return Part(points, "body", tone, edge)


def detail(fill: str, points: Points, edge: bool = False, solid: bool = True) -> Part:
    return Part(points, fill, 0.0, edge, solid)


def poly(*corners: tuple[float, float]) -> Points:
    return np.array(corners, float)


def oval(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0, n: int = 36) -> Points:
    """Ellipse about (x, y), turned clockwise by `turn` degrees."""
    ry = rx if ry is None else ry
    t = np.linspace(0, 2 * pi, n, endpoint=False)
    return rotate(np.stack([rx * np.cos(t), ry * np.sin(t)], 1), turn) + (x, y)


def rotate(points: Points, degrees: float) -> Points:
    """Clockwise on the screen, about the origin."""
    a = radians(degrees)
    return points @ np.array([[cos(a), sin(a)], [-sin(a), cos(a)]])


def mirror(points: Points) -> Points:
    return points * (-1, 1)


def box(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> Points:
    """Rectangle with corners rounded by `r`."""
    if not r:
        return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    corners = [(x1 - r, y0 + r, -90), (x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180)]
    out = []
    for cx, cy, start in corners:
        t = np.radians(np.linspace(start, start + 90, 7))
        out.append(np.stack([cx + r * np.cos(t), cy + r * np.sin(t)], 1))
    return np.concatenate(out)


def curve(corners: Sequence[tuple[float, float]], closed: bool = True, n: int = 8) -> Points:
    """Catmull-Rom spline through `corners`, `n` points a stretch."""
    p = np.array(corners, float)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, n, endpoint=False)[:, None]
    out = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        out.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    if not closed:
        out.append(p[-2:-1])
    return np.concatenate(out)


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float, n: int = 20) -> Points:
    """Part of an ellipse's line, degrees clockwise from the right."""
    t = np.radians(np.linspace(start, stop, n))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], 1)


def stroke(line: Points | Sequence[tuple[float, float]], width: float, end: float | None = None) -> Points:
    """The outline of a line with round ends, `width` wide at its start and `end` at its end."""
    p = np.asarray(line, float)
    step = np.gradient(p, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-step[:, 1], step[:, 0]], 1)
    half = np.linspace(width, width if end is None else end, len(p))[:, None] / 2
    t = np.radians(np.linspace(90, -90, 9)[1:-1])
    cap_end = p[-1] + half[-1] * (np.cos(t)[:, None] * step[-1] + np.sin(t)[:, None] * normal[-1])
    cap_start = p[0] - half[0] * (np.cos(t)[:, None] * step[0] + np.sin(t)[:, None] * normal[0])
    return np.concatenate([p + half * normal, cap_end, (p - half * normal)[::-1], cap_start])


def eye(x: float, y: float, r: float = 0.09) -> tuple[Part, Part]:
    """A dark eye with a glint."""
    return (
        detail("ink", oval(x, y, r * 0.9, r, n=16)),
        detail("snow", oval(x + r * 0.3, y - r * 0.35, r * 0.36, n=10)),
    )
