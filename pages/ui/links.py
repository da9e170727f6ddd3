"""The one builder and parser of permalinks: what a page shows, to and from its address.

A view is a frozen dataclass, one a page; its fields are the parameters of the address, by name.
The address bar holds what differs from the default; a copied link holds every parameter, so that
it means the same when a default changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any
from urllib.parse import unquote, urlencode

from lexplain_core.base.numbers import LARGEST_INTEGER
from lexplain_core.base.pages import VIEWS, View, choice, long, within
from lexplain_core.stimuli.ranks import DIFFICULTIES as KNOWN_DIFFICULTIES
from lexplain_core.store.search.query import OLD_RANGES, where_of
from lexplain_core.store.search.text import LONGEST_SEARCH

STATUSES = ("alive", "dead", "constant", "negative")
TABS = ("examples", "values", "similar", "simulated", "effect", "images", "about")
LEVELS = ("concepts", "classes", "superclasses")
FIGURES = ("areas", "ranges")
COLUMNS = ("single", "double")
PALETTES = ("default", "bright", "muted", "grey")
PICKS = ("draw", "top")
SCALES = ("same", "relative", "own")
KINDS = ("activation", "occlusion", "saliency", "gradcam")
PARTS = ("top", "together")
TO = ("zero", "mean")
FITS = ("norm", "optim")
DIFFICULTIES = tuple(KNOWN_DIFFICULTIES)
SHOWN = ("overview", "units", "answers", "scores", "people", "new")
OVER = ("units", "people")
ORDERS = ("right", "-right", "layer")
AGAINST = ("correlation", "ablation", "observer")
LONGEST = 2000  # characters of a parameter's value
ANY = (-1e30, 1e30)
_TOLD = 60  # characters of a value that are said again


@dataclass(frozen=True)
class Overview(View):
    """The overview: a store and the filters of its table of units.

    layer: '' for all. q: what the explanation's concepts must say (`store.find` has the language). by: whose
    explanations are searched, '' for any method's. where: ranges of measures, `correlation:0.2..0.7,length:..4`. status: '' for all. starred: a list's name. units: a shared list, `block7:3,block7:5`. sort: a column, with '-'
    for descending. method: whose explanations and scores the table shows. shown: which page of the table, from 1.
    """

    page = "overview"
    old = frozenset({*OLD_RANGES, "low", "high"})
    layer: str = ""
    q: str = long(LONGEST_SEARCH)
    by: str = ""
    where: str = ""
    status: str = choice("", STATUSES)
    starred: str = ""
    units: str = long(20_000)
    sort: str = "unit"
    method: str = ""
    shown: int = within(1, 1, LARGEST_INTEGER)

    @classmethod
    def current(cls, params: Mapping[str, str]) -> Mapping[str, str]:
        """The ranges of measures that had parameters of their own become `where`."""
        return {**params, "where": where_of(params)}


@dataclass(frozen=True)
class Neuron(View):
    """One unit. unit: None for one that the page chooses. matrix: the concept matrix that shows its
    concepts, '' for the explanation's own. level: what the area chart's areas are. pick: which examples; draw:
    their seed. only: the one range (0–7, -1 below 0) whose images are shown, None for all. above, below: the
    activations between which images are shown in the tab of values, None for open; log: 1 for logarithmic counts there, 0 for linear ones. map: how opaque
    maps lie over the examples, in percent, 0 for none. image: the one that is looked at closely, and
    kind: how. bucket: the range whose outputs the Effect tab shows (-1 below 0), None for the highest.
    """

    page = "neuron"
    layer: str = ""
    unit: int | None = None
    method: str = ""
    matrix: str = ""
    level: str = choice("concepts", LEVELS)
    tab: str = choice("examples", TABS)
    pick: str = choice("draw", PICKS)
    draw: int = 0
    only: int | None = within(None, -1, 7)
    above: float | None = within(None, *ANY)
    below: float | None = within(None, *ANY)
    log: int = within(1, 0, 1)
    map: int = within(0, 0, 100)
    image: int | None = None
    kind: str = choice("activation", KINDS)
    bucket: int | None = within(None, -1, 7)


@dataclass(frozen=True)
class Words(View):
    """An explanation edited by hand. method: the one that it starts from. matrix: whose eyes it is fitted with. terms:
    `12:2.1,40:-0.3`, concept ids with weights; '' for those of the method. bias: None for the fitted one. way: 'refit'
    (weights and bias by least squares on the train split) or 'keep' (as they are given)."""

    page = "words"
    layer: str = ""
    unit: int | None = None
    method: str = ""
    matrix: str = ""
    terms: str = long(20_000)
    bias: float | None = within(None, *ANY)
    way: str = choice("refit", ("refit", "keep"))


@dataclass(frozen=True)
class Picture(View):
    """What a picture excites. layer: '' for the network's last. image: one of the store's; None for one that was sent,
    which no address can hold. unit: the one whose map is shown, None for the most unusual."""

    page = "picture"
    layer: str = ""
    image: int | None = None
    unit: int | None = None


@dataclass(frozen=True)
class Compare(View):
    """Two to four units side by side. a, b, c, d: `layer:unit`, `layer:unit:method` or `layer:unit:method:store id`, each
    part percent-encoded; '' for an empty place. scale: the axes are the 'same' for all, 'relative' to each unit's largest
    activation, or each unit's 'own'. key: the image that is highlighted, by its path below the set's root. draw: seed of the images."""

    page = "compare"
    a: str = ""
    b: str = ""
    c: str = ""
    d: str = ""
    level: str = choice("concepts", LEVELS)
    scale: str = choice("same", SCALES)
    pick: str = choice("draw", PICKS)
    draw: int = 0
    key: str = ""


@dataclass(frozen=True)
class Studio(View):
    """A figure for print. figure: 'areas' (the paper's Figure 3) or 'ranges' (Figure 4). units: `layer:unit,…`, in
    their order, each part percent-encoded. scale: the x axis of areas is 'relative' to each unit's largest activation, or the 'same' activations
    for all. per: images per range. palette: a name. column: width. size: of the font, in points. words: 1 with
    captions. paths: 1 for letters as paths. pins, without: `layer:unit:bucket:image,…` and `image,…`. at: which of the units' images
    are to be chosen from, by its place from 1."""

    page = "studio"
    figure: str = choice("areas", FIGURES)
    units: str = long(20_000)
    method: str = ""
    level: str = choice("concepts", LEVELS)
    scale: str = choice("relative", SCALES)
    per: int = within(4, 1, 12)
    palette: str = choice("default", PALETTES)
    column: str = choice("double", COLUMNS)
    size: float = within(8.0, 5.0, 16.0)
    words: int = within(1, 0, 1)
    paths: int = within(0, 0, 1)
    pins: str = long(20_000)
    without: str = long(20_000)
    draw: int = 0
    at: int = 1


@dataclass(frozen=True)
class Importance(View):
    """How much units matter. to: what units were replaced by. part: which half of the page. layer,
    method: '' for all. fit: how the ablation scores' c and d were found."""

    page = "importance"
    part: str = choice("top", PARTS)
    to: str = choice("zero", TO)
    layer: str = ""
    method: str = ""
    fit: str = choice("norm", FITS)


@dataclass(frozen=True)
class TryIt(View):
    """Some trials to try. layer: '' for the network's last. unit: None for any of the layer, another one in each
    trial. seed: draws trials and places. count: how many trials."""

    page = "try_it"
    layer: str = ""
    unit: int | None = None
    difficulty: str = choice("easy", DIFFICULTIES)
    seed: int = 0
    count: int = within(5, 1, 20)


@dataclass(frozen=True)
class Results(View):
    """What people answered in a study. store: only for the way to the other pages. study: its file's name, '' for
    the newest. show: which part. condition: one of the study's conditions in words, '' for all. over: what the
    interval of bars is over. order: of units. against: which score.

    rounds, catch, least, most, reading, row: thresholds of the checks (at most, at least, seconds from … to,
    seconds, share at most); None for the study's own.
    """

    page = "results"
    study: str = ""
    show: str = choice("overview", SHOWN)
    condition: str = ""
    over: str = choice("units", OVER)
    order: str = choice("right", ORDERS)
    against: str = choice("correlation", AGAINST)
    rounds: int | None = within(None, 1, 100)
    catch: float | None = within(None, 0.0, 1.0)
    least: float | None = within(None, 0.0, 1e6)
    most: float | None = within(None, 0.0, 1e6)
    reading: float | None = within(None, 0.0, 1e6)
    row: float | None = within(None, 0.5, 1.0)


def parse(page: str, params: Mapping[str, str]) -> tuple[Any, list[str]]:
    """The view that an address asks for, and a sentence for each parameter that says nothing usable.

    Parameters that the page doesn't know are ignored; unusable ones, and those longer than `LONGEST`, get their default.
    """
    view, values, problems = VIEWS[page], {}, []
    params = view.current(params)
    for field in fields(view):
        text = params.get(field.name, "")
        if text == "":
            continue
        most = field.metadata.get("longest", LONGEST)
        if len(text) > most:
            problems.append(
                f"The address's {field.name}= is longer than {most:,} characters; it was ignored."
            )
            continue
        value = _value(field, text)
        if value is None:
            problems.append(
                f"The address says {field.name}={_short(text)}, which is not {_kind(field)}; it was ignored."
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
                "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
            )
    return pairs


def next_draw(draw: int) -> int:
    """The draw after one; from the last to the first."""
    return draw + 1 if draw < LARGEST_INTEGER else 0


def strays(page: str, params: Mapping[str, str]) -> bool:
    """Whether an address of this page carries parameters that only other pages have."""
    own = {field.name for field in fields(VIEWS[page])} | VIEWS[page].old
    known = {field.name for view in VIEWS.values() for field in fields(view)}
    return any(name in known - own for name in params)


def link(view: Any) -> str:
    """The whole view as an address below the dashboard's root: `neuron?store=…&layer=…`."""
    return f"{view.page}?{urlencode(query(view, full=True))}"


def short(view: Any) -> str:
    """The view as an address below the dashboard's root, without what is at its default."""
    return f"{view.page}?{urlencode(query(view))}"


def named(view: Any) -> str:
    """The unit or units, or else the layer, that a view is of, for the browser's tab; '' where it names none."""
    if isinstance(view, Compare):
        places = (view.a, view.b, view.c, view.d)
        return ", ".join(
            ":".join(unquote(part) for part in place.split(":")[:2]) for place in places if place
        )
    layer, unit = getattr(view, "layer", ""), getattr(view, "unit", None)
    return layer if unit is None or not layer else f"{layer} · unit {unit}"


def _value(field: Field, text: str) -> Any:
    if choices := field.metadata.get("choices"):
        return text if text in choices else None
    try:
        if "int" in str(field.type):
            number, (low, high) = int(text), _range(field)
            return number if low <= number <= high else None
        if "float" in str(field.type):
            (low, high), real = _range(field), float(text)
            real = float(f"{real:.6g}") if (low, high) == ANY else round(real, 4)
            return real if low <= real <= high else None
    except ValueError:
        return None
    return text


def _short(text: str) -> str:
    return text if len(text) <= _TOLD else text[:_TOLD] + "…"


def _kind(field: Field) -> str:
    if choices := field.metadata.get("choices"):
        return "one of " + ", ".join(choices)
    low, high = _range(field)
    return f"a {'whole ' if 'int' in str(field.type) else ''}number from {low:g} to {_grouped(high)}"


def _grouped(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _range(field: Field) -> tuple[float, float]:
    return field.metadata.get("range") or ((0, LARGEST_INTEGER) if "int" in str(field.type) else (-1, 1))
