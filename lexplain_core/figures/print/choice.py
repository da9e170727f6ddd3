"""What a figure for print is made of: the same fields in the page's address and on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from ...base.errors import few
from ...base.errors import quote as quoted

FIGURES = ("areas", "ranges")
LEVELS = ("concepts", "classes", "superclasses")
SCALES = ("relative", "same")
COLUMNS = {"single": 3.25, "double": 6.75}  # inches, of a two-column page
PALETTES = ("default", "bright", "muted", "grey")
MOST_UNITS = 24
MOST_IMAGES = 960  # of one figure
RANGES = 8
_NUMBERS = {"per": (1, 12), "size": (5.0, 16.0), "draw": (0, 2**31 - 1)}
_CHOICES = {
    "figure": FIGURES,
    "level": LEVELS,
    "scale": SCALES,
    "palette": PALETTES,
    "column": tuple(COLUMNS),
}


class Pin(NamedTuple):
    """An image that stands in a range of a unit, whatever the draw. bucket: 0 to 7."""

    layer: str
    unit: int
    bucket: int
    image: int


@dataclass(frozen=True)
class FigureChoice:
    """All that a figure depends on, besides the store.

    figure: 'areas' (the paper's Figure 3) or 'ranges' (Figure 4). units: (layer, unit), in their order.
    method: whose explanations, '' for the store's default. level: what the areas are. scale: of the x axis of
    areas, 'relative' to each unit's largest activation or the 'same' activations for all. per: images per range.
    palette: a name of `PALETTES`. column: 'single' (3.25 in) or 'double' (6.75 in). size: of the font, in points.
    words: with scores, counts and captions of images. paths: letters of an SVG as paths. pins: images that stay.
    without: images that aren't used. draw: seed of the images.
    """

    figure: str = "areas"
    units: tuple[tuple[str, int], ...] = ()
    method: str = ""
    level: str = "concepts"
    scale: str = "relative"
    per: int = 4
    palette: str = "default"
    column: str = "double"
    size: float = 8.0
    words: bool = True
    paths: bool = False
    pins: tuple[Pin, ...] = ()
    without: tuple[int, ...] = ()
    draw: int = 0

    @property
    def width(self) -> float:
        """In inches."""
        return COLUMNS[self.column]


NAMES = tuple(field.name for field in fields(FigureChoice))


def read_choice(given: Mapping[str, Any]) -> tuple[FigureChoice, list[str]]:
    """The choice that texts and numbers by field name stand for, and a sentence for each that says nothing usable.

    Names that no figure has are ignored; unusable values get their default.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name in NAMES:
        value = given.get(name)
        if value is None or value == "":
            continue
        if name in _CHOICES and value not in _CHOICES[name]:
            problems.append(f"{name} is one of {', '.join(_CHOICES[name])}, not {_short(value)}.")
        elif name in _NUMBERS:
            _number(name, value, values, problems)
        elif name in ("words", "paths"):
            values[name] = value in (True, 1, "1")
        elif name == "units":
            values[name] = _units(str(value), problems)
        elif name == "pins":
            values[name] = _pins(str(value), problems)
        elif name == "without":
            values[name] = _without(str(value), problems)
        else:
            values[name] = value
    choice = FigureChoice(**values)
    most = MOST_IMAGES // (RANGES * max(1, len(choice.units)))
    if choice.figure == "ranges" and choice.per > most:
        problems.append(
            f"{choice.per} images per range of {len(choice.units)} units are more than {MOST_IMAGES}; "
            f"{most} per range are shown."
        )
        choice = replace(choice, per=most)
    return choice, few(problems)


def texts(choice: FigureChoice) -> dict[str, str | int | float]:
    """The choice as texts and numbers by field name, for an address; `read_choice` reads them back."""
    return {name: getattr(choice, name) for name in NAMES} | {
        "words": int(choice.words),
        "paths": int(choice.paths),
        "units": units_text(choice.units),
        "pins": ",".join(f"{quote(p.layer, safe='')}:{p.unit}:{p.bucket}:{p.image}" for p in choice.pins),
        "without": ",".join(str(image) for image in choice.without),
    }


def units_text(units: Iterable[tuple[str, int]]) -> str:
    """`layer:unit,layer:unit`, with what a layer's name must not hold percent-encoded."""
    return ",".join(f"{quote(layer, safe='')}:{unit}" for layer, unit in units)


def command(choice: FigureChoice, store: str | Path, outs: Iterable[str]) -> str:
    """The command that makes the same figure: every option that is off its default."""
    words = ["python", "-m", "lexplain_core", "figure", str(store)]
    said, plain = texts(choice), texts(FigureChoice())
    for name in NAMES:
        if said[name] == plain[name] and name != "figure":
            continue
        if name in ("words", "paths"):
            words.append(f"--{'' if said[name] else 'no-'}{name}")
        else:
            value = f"{said[name]:g}" if name == "size" else str(said[name])
            words += [f"--{name}", value]
    for out in outs:
        words += ["--out", out]
    return shlex.join(words)


# -- reading --------------------------------------------------------------------------------------


def _number(name: str, value: Any, values: dict, problems: list[str]) -> None:
    low, high = _NUMBERS[name]
    try:
        number = round(float(value), 4) if name == "size" else int(value)
        if not low <= number <= high:
            raise ValueError
        values[name] = number
    except ValueError:
        problems.append(f"{name} is a number from {low:g} to {high:,g}, not {_short(value)}.")


def _units(text: str, problems: list[str]) -> tuple[tuple[str, int], ...]:
    found = []
    for part in filter(None, text.split(",")):
        layer, _, unit = part.rpartition(":")
        if not layer or not _whole(unit):
            problems.append(f"A unit is written `layer:unit`, such as `layer4:12`, not {_short(part)}.")
        else:
            found.append((unquote(layer), int(unit)))
    once = list(dict.fromkeys(found))
    if len(once) > MOST_UNITS:
        problems.append(
            f"A figure holds {MOST_UNITS} units at most; the last {len(once) - MOST_UNITS} are left out."
        )
    return tuple(once[:MOST_UNITS])


def _pins(text: str, problems: list[str]) -> tuple[Pin, ...]:
    found = []
    for part in filter(None, text.split(",")):
        layer, *numbers = part.rsplit(":", 3)
        if len(numbers) == 3 and all(map(_whole, numbers)) and int(numbers[1]) < RANGES:
            found.append(Pin(unquote(layer), *map(int, numbers)))
        else:
            problems.append(
                f"A pin is written `layer:unit:range:image` with a range from 0 to {RANGES - 1}, not {_short(part)}."
            )
    return tuple(dict.fromkeys(found))


def _without(text: str, problems: list[str]) -> tuple[int, ...]:
    found = []
    for part in filter(None, text.split(",")):
        if _whole(part):
            found.append(int(part))
        else:
            problems.append(f"Images to leave out are whole numbers, not {_short(part)}.")
    return tuple(sorted(set(found)))


def _short(value: Any) -> str:
    return quoted(value, 60)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
