"""What stands beside a figure: its caption, where its images come from, and what to cite."""

from __future__ import annotations

import csv
import io

import pandas as pd

from ...base.numbers import plain, plural
from ...store import Score
from .choice import RANGES
from .data import FigureData, Panel

BIBTEX = """@inproceedings{oikarinen2024linear,
  title     = {Linear Explanations for Individual Neurons},
  author    = {Oikarinen, Tuomas and Weng, Tsui-Wei},
  booktitle = {Proceedings of the 41st International Conference on Machine Learning},
  series    = {Proceedings of Machine Learning Research},
  volume    = {235},
  pages     = {38639--38662},
  publisher = {PMLR},
  year      = {2024},
  url       = {https://proceedings.mlr.press/v235/oikarinen24a.html}
}
"""
_LEVELS = {
    "concepts": "shows which concept of the explanation; an image counts once, for the rarest of those that it shows, else as “other”",
    "classes": "is of which class; the classes that matter most in the upper ranges are named, all others are “other”",
    "superclasses": "is of which superclass; an image counts once, for the rarest of those named that it belongs to, else as “other”",
}
SOURCES = (
    "unit",
    "range",
    "image",
    "key",
    "class",
    "class_key",
    "split",
    "activation",
    "pinned",
    "probing_set",
)


def letter(place: int, of: int) -> str:
    """'(a) ' for the first of several panels, '' for a single one."""
    return "" if of < 2 else f"({chr(ord('a') + place)}) "


def score_words(score: Score | None) -> str:
    """The correlation with its interval, simulator, split and number of images; or why there is none."""
    if score is None:
        return ""
    if score.value is None:
        return score.reason or "no score"
    interval = (
        "" if score.low is None or score.high is None else f" [{plain(score.low)}, {plain(score.high)}]"
    )
    by = "labels" if score.by == "label" else score.by
    return f"correlation {plain(score.value)}{interval} by {by}, {score.split} split, n = {score.n:,}"


def caption(data: FigureData) -> str:
    """A caption that says all that a reader needs: what is shown, of how many images, by whose eyes."""
    choice, several = data.choice, len(data.panels) > 1
    who = "Units" if several else "A unit"
    parts = [
        f"{who} of {data.target} over {'their' if several else 'its'} whole range of activation, "
        f"on the {data.images:,} images of {data.probing_set}."
    ]
    ranges = f"{'Each unit’s' if several else 'Its'} activations from 0 to its largest are cut into {RANGES} ranges of equal width"
    if choice.figure == "areas":
        axis = (
            "the x axis is in per cent of the unit’s largest activation, the same for all panels"
            if choice.scale == "relative"
            else "the x axis is in activation, the same for all panels"
        )
        parts.append(
            f"{ranges}; the areas show what share of a range’s images {_LEVELS[choice.level]}; {axis}."
        )
        if choice.level == "concepts":
            if eyes := sorted({_eyes(p.matrix) for p in data.panels if p.matrix}):
                parts.append(f"An image shows a concept where {' or '.join(eyes)} give it P ≥ 0.5.")
            parts.append("Numbers in the legend are the weights of the explanation.")
    else:
        drawn = f"{plural(choice.per, 'image')} of each range, drawn at random (draw {choice.draw})"
        parts.append(f"{ranges}; shown are up to {drawn}, from all splits, the strongest on top.")
        if by_hand := sum(shot.pinned for p in data.panels for shots in p.shots for shot in shots):
            parts.append(f"{plural(by_hand, 'image')} {'was' if by_hand == 1 else 'were'} chosen by hand.")
        if choice.without:
            parts.append(
                f"{plural(len(choice.without), 'image')} of the draw {'was' if len(choice.without) == 1 else 'were'} left out by hand."
            )
        if data.hidden:
            parts.append(
                f"{plural(data.hidden, 'image')} of the set {'is' if data.hidden == 1 else 'are'} never shown."
            )
    parts += [_about(panel, place, data) for place, panel in enumerate(data.panels)]
    which = "Figure 3" if choice.figure == "areas" else "Figure 4"
    parts.append(
        f"Explanations by the method {choice.method}. After {which} of Oikarinen & Weng, Linear Explanations for "
        f"Individual Neurons (ICML 2024). Store {data.store}, id {data.store_id}."
    )
    return " ".join(parts)


def _about(panel: Panel, place: int, data: FigureData) -> str:
    words = f"{letter(place, len(data.panels))}{panel.title}"
    if panel.explanation is not None:
        words += f": {panel.explanation.text}"
    facts = [score_words(panel.score)] if panel.score else []
    if panel.edges is not None:
        counts = ", ".join(f"{n:,}" for n in panel.counts)
        facts.append(
            f"images per range {counts}" + (f", and {panel.negative:,} below 0" if panel.negative else "")
        )
    if panel.explanation is not None and panel.explanation.other_names:
        facts.append(panel.explanation.other_names)
    if panel.reason:
        facts.append(panel.reason.rstrip("."))
    return words + (f" ({'; '.join(facts)})." if facts else ".")


def _eyes(matrix: str) -> str:
    return "the images’ labels" if matrix == "label" else f"the encoder {matrix}"


def sources(data: FigureData) -> pd.DataFrame:
    """The images of the figure, one row each: unit (`layer:unit`), range (1 to 8), image (its id), key (path below
    the set's root), class, class_key, split, activation, pinned (chosen by hand), probing_set."""
    rows = [
        (f"{panel.layer}:{panel.unit}", bucket + 1, shot.image, shot.key, shot.label, shot.class_key, shot.split,
         shot.activation, shot.pinned, data.probing_set)
        for panel in data.panels for bucket, shots in enumerate(panel.shots) for shot in shots
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SOURCES))


def sources_csv(data: FigureData) -> str:
    """`sources` as CSV; text that a spreadsheet would take for a formula gets a leading quote."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(SOURCES)
    for row in sources(data).itertuples(index=False):
        table.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return f"{value:.6g}" if isinstance(value, float) else value
