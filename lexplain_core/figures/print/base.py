"""A sheet of paper in inches: texts, areas and images, laid down first and rendered as PDF, SVG or PNG.

The same sheet gives the same bytes, in any process and on any day: the letters are those of the font that
matplotlib brings along, and neither dates nor random names go into the files. Importing this imports matplotlib.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon, Rectangle
from matplotlib.textpath import text_to_path
from PIL import Image

from ...base.pictures import rgb_or_grey
from ..palette import Style

DPI = 300
INK, MUTED, FAINT = "#1a1a1a", "#555555", "#b5b5b5"
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
_CANVAS = {"pdf": FigureCanvasPdf, "svg": FigureCanvasSVG, "png": FigureCanvasAgg}
_METADATA = {
    "pdf": {"Creator": "lexplain", "Producer": None, "CreationDate": None},
    "svg": {"Creator": "lexplain", "Date": None},
    "png": {"Software": None},
}
_HATCH = {"": None, "/": "/////", "\\": "\\\\\\\\\\", ".": "....", "x": "xxxx", "-": "-----", "+": "++++"}
_LOCK = threading.Lock()  # matplotlib's settings are the process's, and pages run in threads
LEAST_SIZE = 3.5  # points; smaller letters can't be read
_SMALL = 64  # images smaller than this keep hard pixel edges when enlarged


@dataclass
class Sheet:
    """What is to be drawn, in inches from the upper left corner; `height` grows with it."""

    width: float
    size: float  # of the font, in points
    height: float = 0.0
    marks: list[tuple] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # sentences about what had no room

    @property
    def line(self) -> float:
        """From one line of text to the next."""
        return self.size * 1.3 / 72

    def text(
        self, x: float, y: float, words: str, *, size: float | None = None, bold: bool = False,
        color: str = INK, ha: str = "left", turned: bool = False,
    ) -> None:  # fmt: skip
        """Words whose baseline is at y; `ha` as matplotlib has it; turned: upwards, y is then their middle."""
        if words:
            self.marks.append(("text", x, y, clean(words), size or self.size, bold, color, ha, turned))

    def polygon(
        self, points: Sequence[tuple[float, float]], style: Style, name: str, edge: str = "#ffffff"
    ) -> None:
        """A closed area in a `Style`, with a thin line around it. name: of the area in an SVG."""
        self.marks.append(("polygon", points, style, name, edge))

    def line_to(self, points: Sequence[tuple[float, float]], color: str = INK, width: float = 0.5) -> None:
        """A line of `width` points."""
        self.marks.append(("line", points, color, width))

    def box(
        self, x: float, y: float, width: float, height: float, color: str = FAINT, dotted: bool = False
    ) -> None:
        """An empty rectangle whose upper left corner is (x, y)."""
        self.marks.append(("box", x, y, width, height, color, dotted))

    def image(self, x: float, y: float, side: float, picture: np.ndarray) -> None:
        """A square image whose upper left corner is (x, y), as `prepared` gives it."""
        self.marks.append(("image", x, y, side, picture))

    def words(self) -> list[str]:
        """All texts, in the order in which they were laid down."""
        return [mark[3] for mark in self.marks if mark[0] == "text"]


def render(sheet: Sheet, kind: str, *, paths: bool = False, dpi: int = DPI) -> bytes:
    """The sheet as 'pdf' (fonts embedded as TrueType), 'svg' (letters as text, or as paths) or 'png'."""
    settings = {
        "pdf.fonttype": 42,
        "pdf.compression": 6,
        "svg.fonttype": "path" if paths else "none",
        "svg.hashsalt": "lexplain",
        "svg.image_inline": True,
        "font.family": ["sans-serif"],
        "font.sans-serif": ["DejaVu Sans"],
        "text.parse_math": False,
        "text.usetex": False,
        "text.hinting": "none",
        "text.antialiased": True,
        "hatch.linewidth": 0.5,
        "path.simplify": False,
        "savefig.bbox": None,
        "image.composite_image": False,
    }
    defaults: dict[Any, Any] = {
        k: v for k, v in matplotlib.rcParamsDefault.items() if "backend" not in k
    }  # nobody's own settings
    with _LOCK, matplotlib.rc_context(defaults | settings), _quietly():
        height = math.ceil(sheet.height * DPI - 1e-6) / DPI  # whole pixels, so that images lie on them
        dots = dpi if kind == "png" else 72
        figure = Figure(figsize=(sheet.width, height), dpi=dots, facecolor="white")
        canvas = _CANVAS[kind](figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, sheet.width)
        axes.set_ylim(height, 0)
        axes.set_autoscale_on(False)
        for order, mark in enumerate(sheet.marks):
            _draw(axes, mark, order, kind, dpi == DPI)
        buffer = BytesIO()
        canvas.print_figure(buffer, format=kind, dpi=dots, metadata=_METADATA[kind])
    return buffer.getvalue()


def _draw(axes: Axes, mark: tuple, order: int, kind: str, sharp: bool) -> None:
    shape, *of = mark
    if shape == "text":
        x, y, words, size, bold, color, ha, turned = of
        axes.text(
            x, y, words, fontproperties=font(size, bold), color=color, ha=ha, zorder=order, clip_on=False,
            va="center" if turned else "baseline", rotation=90 if turned else 0, parse_math=False,
        )  # fmt: skip
    elif shape == "polygon":
        points, style, name, edge = of
        hatch = _HATCH[style.pattern]
        fill = Polygon(
            points, closed=True, facecolor=style.color, edgecolor=style.ink, hatch=hatch, linewidth=0
        )
        fill.set_gid(name)
        rim = Polygon(points, closed=True, fill=False, edgecolor=edge, linewidth=0.4)
        for part in (fill, rim):
            part.set_zorder(order)
            axes.add_artist(part)  # add_patch would work out limits, which stand
    elif shape == "line":
        points, color, width = of
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, color=color, linewidth=width, zorder=order, clip_on=False, solid_capstyle="butt")
    elif shape == "box":
        x, y, width, height, color, dotted = of
        axes.add_artist(
            Rectangle(
                (x, y), width, height, fill=False, edgecolor=color, linewidth=0.5, zorder=order,
                linestyle=(0, (1, 2)) if dotted else "solid", clip_on=False,
            )
        )  # fmt: skip
    else:
        x, y, side, picture = of
        way = (
            "none" if kind != "png" else "nearest" if sharp else "auto"
        )  # vector files hold the pixels as they are
        shown = AxesImage(axes, extent=(x, x + side, y + side, y), interpolation=way, zorder=order)
        shown.set_data(picture)
        shown.set_gid(f"image-{order}")
        axes.add_artist(shown)


# -- pictures -------------------------------------------------------------------------------------


def prepared(jpeg: bytes, side: float) -> np.ndarray:
    """A JPEG's middle square as RGB, uint8 (s, s, 3), with s the pixels of `side` inches at 300 dpi."""
    picture = rgb_or_grey(jpeg)
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    picture = picture.crop((left, top, left + edge, top + edge))
    pixels = max(1, round(side * DPI))
    if edge < _SMALL:
        way = Image.Resampling.NEAREST
    else:
        way = Image.Resampling.LANCZOS if edge > pixels else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((pixels, pixels), way))


def snapped(length: float) -> float:
    """A length in inches that is a whole number of pixels at 300 dpi, so that images stay sharp."""
    return int(length * DPI + 1e-9) / DPI


# -- text -----------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Text on one line without what a file can't hold: control characters are left out."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


@cache
def font(size: float, bold: bool = False) -> FontProperties:
    """The font of the figures, the file that matplotlib brings along. Not to be changed."""
    file = _FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return FontProperties(
        family="sans-serif", fname=str(file), size=size, weight="bold" if bold else "normal"
    )


def width_of(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is, in inches."""
    return _width(clean(text), size, bold)


@cache
def _width(text: str, size: float, bold: bool) -> float:
    if not text:
        return 0.0
    with _LOCK, matplotlib.rc_context({"text.usetex": False}), _quietly():
        return text_to_path.get_text_width_height_descent(text, font(size, bold), False)[0] / 72


def fit(text: str, width: float, size: float, bold: bool = False) -> str:
    """The text, cut and with an ellipsis where it is wider than `width` inches."""
    text = clean(text)
    if width_of(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if width_of(text[:middle].rstrip() + "…", size, bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def first_that_fits(texts: Sequence[str], width: float, size: float) -> str:
    """The first of the texts that is no wider than `width`; the last, cut, where none is."""
    return next((t for t in texts if width_of(t, size) <= width), fit(texts[-1], width, size))


def widest(texts: Iterable[str], size: float) -> float:
    """How wide the widest of some texts is, in inches."""
    return max((width_of(text, size) for text in texts), default=0.0)


def size_that_fits(texts: Sequence[str], width: float, size: float) -> float | None:
    """The largest size of letters up to `size` at which every text is at most `width` inches wide; None where
    they would be too small to read. Numbers are made to fit like this: one that is cut is another number."""
    while size >= LEAST_SIZE and widest(texts, size) > width:
        size -= 0.25
    return size if size >= LEAST_SIZE else None


def wrap(text: str, width: float, size: float, most: int = 6, bold: bool = False) -> list[str]:
    """Lines no wider than `width` inches, `most` of them at most: the last one is cut after a word."""
    lines: list[str] = []
    words = clean(text).split(" ")
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size, bold) <= width:
            lines[-1] = longer
        elif len(lines) == most:
            kept = lines[-1].split(" ")
            while len(kept) > 1 and width_of(" ".join([*kept, "…"]), size, bold) > width:
                kept.pop()
            lines[-1] = " ".join([*kept, "…"])
            break
        else:
            lines.append(word)
    return [fit(line, width, size, bold) for line in lines if line]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without matplotlib's warnings of letters that the font lacks: `unknown_letters` says which."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def unknown_letters(texts: Iterable[str]) -> str:
    """The letters that the font doesn't have, each once; they show as empty boxes."""
    letters = {c for text in texts for c in text}
    if all(c.isascii() for c in letters):
        return ""
    with _LOCK:
        known = FT2Font(str(_FONTS / "DejaVuSans.ttf"))
        return "".join(sorted(c for c in letters if not known.get_char_index(ord(c))))
