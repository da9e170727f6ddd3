"""The one builder and parser of permalinks: what a page shows, to and from its address.

A view is a frozen dataclass, one a page; its fields are the parameters of the address, by name.
The address bar holds what differs from the default; a copied link holds every parameter, so that
it means the same when a default changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar
from urllib.parse import urlencode

STATUSES = ("alive", "dead", "constant", "negative")
SORTS = ("unit", "score", "-score", "-ablation", "-impact", "length", "-maximum")
TABS = ("examples", "simulated", "effect", "images", "about")
PICKS = ("draw", "top")
KINDS = ("activation", "occlusion", "saliency", "gradcam")
PARTS = ("top", "together")
TO = ("zero", "mean")
FITS = ("norm", "optim")
LARGEST = 2**31 - 1  # of whole numbers: the store's are 32 bits wide


@dataclass(frozen=True)
class Overview:
    """The overview: a store and the filters of its table of units.

    layer: '' for all. q: words that the explanation's concepts must contain. low, high: score
    range, None for open. status: '' for all. sort: a column, with '-' for descending.
    """

    page: ClassVar[str] = "overview"
    store: str = ""
    layer: str = ""
    q: str = ""
    low: float | None = None
    high: float | None = None
    status: str = ""
    sort: str = "unit"
    method: str = ""


@dataclass(frozen=True)
class Neuron:
    """One unit. unit: None for one that the page chooses. matrix: the concept matrix that shows its
    concepts, '' for the explanation's own. pick: which examples; draw: their seed. map: how opaque
    maps lie over the examples, in percent, 0 for none. image: the one that is looked at closely, and
    kind: how. bucket: the range whose outputs the Effect tab shows (-1 below 0), None for the highest.
    """

    page: ClassVar[str] = "neuron"
    store: str = ""
    layer: str = ""
    unit: int | None = None
    method: str = ""
    matrix: str = ""
    tab: str = "examples"
    pick: str = "draw"
    draw: int = 0
    map: int = 0
    image: int | None = None
    kind: str = "activation"
    bucket: int | None = None


@dataclass(frozen=True)
class Importance:
    """How much units matter. to: what units were replaced by. part: which half of the page. layer,
    method: '' for all. fit: how the ablation scores' c and d were found."""

    page: ClassVar[str] = "importance"
    store: str = ""
    part: str = "top"
    to: str = "zero"
    layer: str = ""
    method: str = ""
    fit: str = "norm"


VIEWS = {view.page: view for view in (Overview, Neuron, Importance)}
_CHOICES = {
    "status": ("", *STATUSES), "sort": SORTS, "tab": TABS, "pick": PICKS, "kind": KINDS,
    "part": PARTS, "to": TO, "fit": FITS,
}  # fmt: skip
_RANGES = {"map": (0, 100), "bucket": (-1, 7)}  # of whole numbers, 0 to LARGEST for the others


def parse(page: str, params: Mapping[str, str]) -> tuple[Any, list[str]]:
    """The view that an address asks for, and a sentence for each parameter that says nothing usable.

    Parameters that the page doesn't know are ignored; unusable ones get their default.
    """
    view, values, problems = VIEWS[page], {}, []
    for field in fields(view):
        text = params.get(field.name, "")
        if text == "":
            continue
        value = _value(field, text)
        if value is None:
            problems.append(
                f"The address says {field.name}={text}, which is not {_kind(field)}; it was ignored."
            )
        else:
            values[field.name] = value
    return view(**values), problems


def query(view: Any, full: bool = False) -> dict[str, str]:
    """The parameters of a view's address: those off their default, or every one with `full`."""
    pairs = {}
    for field in fields(view):
        value = getattr(view, field.name)
        if full or value != field.default:
            pairs[field.name] = (
                "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
            )
    return pairs


def strays(page: str, params: Mapping[str, str]) -> bool:
    """Whether an address of this page carries parameters that only other pages have."""
    own = {field.name for field in fields(VIEWS[page])}
    known = {field.name for view in VIEWS.values() for field in fields(view)}
    return any(name in known - own for name in params)


def link(view: Any) -> str:
    """The whole view as an address below the dashboard's root: `neuron?store=…&layer=…`."""
    return f"{view.page}?{urlencode(query(view, full=True))}"


def _value(field, text: str):
    if field.name in _CHOICES:
        return text if text in _CHOICES[field.name] else None
    try:
        if "int" in field.type:
            number, (low, high) = int(text), _range(field)
            return number if low <= number <= high else None
        if "float" in field.type:
            number = round(float(text), 4)
            return number if -1 <= number <= 1 else None
    except ValueError:
        return None
    return text


def _kind(field) -> str:
    if field.name in _CHOICES:
        return "one of " + ", ".join(c for c in _CHOICES[field.name] if c)
    low, high = _range(field)
    return f"a whole number from {low} to {high:,}" if "int" in field.type else "a number from -1 to 1"


def _range(field) -> tuple[int, int]:
    return _RANGES.get(field.name, (0, LARGEST))
