"""The overview: a store in plain sentences, and the table of its units."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..base.numbers import plain, plural, rounded, two
from ..store import SearchResult, Start, Store, of_units
from .markdown import code, md
from .scores import scorer, seen_by

_ROLES = {"explainer": "find", "simulator": "score"}  # what a concept matrix is used to do
_WIDTHS = {"unit": "7.4rem", "correlation": "8rem"}
# title and help of each column that isn't a measure's
_TITLES = {
    "unit": ("Unit", "Layer and number; a click opens the unit"),
    "explanation": ("Explanation", "weight·concept, strongest first, and the bias"),
    "apart": ("Apart", "Between the unit’s rank by people and its rank by test correlation, among units that have both: 0 to 1"),
    "maximum": ("Max", "Largest activation over the whole probing set"),
    "status": ("Status", "alive; dead, constant or without a positive range (negative)"),
}  # fmt: skip
ALWAYS = (
    "unit",
    "explanation",
    "correlation",
    "length",
    "maximum",
    "status",
)  # columns that are shown without numbers, too


def titles(store: Store, sort: str = "") -> dict[str, tuple[str, str]]:
    """Title and help of each column of the table of units, in their order. sort: what it is sorted by."""
    shown = {
        name: one for name, one in store.measures.items() if one.listed or name == sort.removeprefix("-")
    }
    known = _TITLES | {name: (one.short, one.help) for name, one in shown.items()}
    return {name: known[name] for name in store.columns if name in known}


def store_words(info: dict) -> str:
    """The store in one or two plain sentences."""
    probing, target, splits = (
        info.get("probing_set") or {},
        info.get("target") or {},
        info.get("splits") or {},
    )
    parts = ", ".join(f"{count:,} {name}" for name, count in splits.items() if count)
    odd = {
        "dead": info["dead_units"],
        "constant": sum(layer["constant"] for layer in info["layers"]),
        "negative throughout": sum(layer["negative"] for layer in info["layers"]),
    }
    told = ", ".join(f"{number:,} {what}" for what, number in odd.items() if number)
    text = (
        f"**{info['images']:,} images** of {md(probing.get('name') or 'a probing set')} ({parts}) were shown to "
        f"**{md(target.get('name') or 'a network')}**; the **{plural(info['units'], 'unit')}** of "
        f"{plural(len(info['layers']), 'layer')} were recorded{f' ({told})' if told else ''}."
    )
    accuracy = target.get("accuracy")
    if accuracy is not None:
        count = target.get("accuracy_images") or info["images"]
        among = f", among its {target['outputs']:,} outputs" if target.get("outputs") else ""
        text += f" The network names {accuracy:.1%} of {count:,} images right{among}"
        top5 = target.get("top5")
        text += "." if top5 is None else f"; for {top5:.1%} the class is among the 5 largest."
    elif isinstance(reason := target.get("accuracy_reason"), str):
        text += f" Its accuracy is unknown. {md(reason)}"
    for note in target.get("notes") or ():
        text += f" Note: {md(str(note))}."
    text += _mean_words(info)
    if info.get("skipped"):
        text += f" {plural(len(info['skipped']), 'image')} could not be used."
    return text


def _mean_words(info: dict) -> str:
    """The mean test correlation of each layer by the first method, and over how many units it is."""
    methods = {row["method"]: row for row in info["explanations"]}
    first = next(iter(methods), None)
    told = [
        f"{code(row['layer'])} {plain(row['mean_correlation'], 3)} (mean of {row['mean_over']})"
        for row in info["explanations"]
        if row["method"] == first and row["mean_correlation"] is not None
    ]
    if not told:
        return ""
    more = f" and {len(told) - 4} more layers" if len(told) > 5 else ""
    return f" Test correlation by {md(first)}: {', '.join(told[: 4 if more else 5])}{more}."


def seen_note(found: SearchResult) -> str:
    """Methods may have different simulators, and their scores then don't compare."""
    seen = " and ".join(seen_by(name) for name in found.simulators)
    return " " + md(f"Scored with concepts seen by {seen}.") if seen else ""


def export_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(terms=rows["terms"].map("; ".join), found=rows["found"].map("; ".join))


def layer_mean_of(row: Any) -> str:
    """Over how many units a layer's mean correlation is, and what the others are; row: of `Store.layers`."""
    return of_units(row.units_correlation, row.units, dead=row.dead, constant=row.constant)


def start_number(start: Start, value: float) -> str:
    return f"{value:.0f} concepts" if start.query.sort.endswith("length") else two(value)


def first_order(store: Store, column: str) -> str:
    """'-' for columns that one wants largest first, '' for those that start at the small end."""
    return "-" if store.columns[column].number and column != "length" else ""


def elsewhere(found: tuple[str, ...], method: str) -> str:
    """Whose words the search found, where they aren't those of the shown explanation."""
    return f"found in the words of {', '.join(found)}" if found and method not in found else ""


def table_cell(name: str, row: dict) -> dict[str, Any]:
    if name == "unit":
        return {}
    if name == "explanation":
        return {"text": row["explanation"] or "", "why": "" if row["explanation"] else row["reason"] or ""}
    value = row[name]
    if name == "status":
        return {"text": value, "why": row["reason"] or ""}
    if pd.isna(value) or (name == "length" and not value):
        return {"text": "", "why": row.get(f"{name}_reason") or ""}
    if name == "length":
        return {"text": f"{int(value)}"}
    if name == "correlation":
        chance = row["correlation_chance"]
        return {
            "text": two(value),
            "share": value,
            "below": "" if pd.isna(chance) else f"chance {two(chance)}",
        }
    return {"text": rounded(value) if name in ("maximum", "impact") else two(value)}


def table_column(store: Store, name: str, sort: str, found: SearchResult) -> dict[str, Any]:
    title, about = titles(store, sort)[name]
    rows = found.rows
    if f"{name}_sampled" in rows and rows[f"{name}_sampled"].eq(True).any():
        about += "; partly estimates from samples"
    scorers = sorted({by for by in rows.get(f"{name}_by", ()) if by})
    if scorers and store.measures[name].of == "unit" and name != "impact":
        about += f"; scored by {' and '.join(map(scorer, scorers))}"
    column = store.columns[name]
    order = ""
    if sort.removeprefix("-") == name:
        order = "descending" if sort.startswith("-") else "ascending"
    return {
        "name": name,
        "title": title,
        "help": about,
        "order": order,
        "words": column.down if sort.startswith("-") else column.up,
        "number": column.number,
        "width": _WIDTHS.get(name),
    }


def matrix_rows(matrices: pd.DataFrame) -> pd.DataFrame:
    """Concept matrices as the overview's table has them, without columns that hold nothing. matrices: as `Store.info` has them."""
    rows = pd.DataFrame(
        {
            "matrix": matrices["matrix"],
            "does": [", ".join(_ROLES.get(role, role) for role in roles) for roles in matrices["roles"]],
            "kept": matrices["kept"],
            "dropped": matrices["dropped"],
            "ab": [
                None if pd.isna(a) else f"{rounded(a)}, {two(b)}"
                for a, b in zip(matrices["a"], matrices["b"], strict=True)
            ],
            "loss": matrices["loss"],
        }
    )
    return rows[[c for c in rows if c in ("matrix", "does") or rows[c].notna().any()]]
