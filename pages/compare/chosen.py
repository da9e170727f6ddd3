"""The highlighted image of the Compare page: what each unit does on it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import decimals, plain
from lexplain_core.views.compare import Chosen, percentile, percentile_words, track
from lexplain_core.views.markdown import md
from lexplain_core.views.scores import seen_by
from pages.compare.places import Shown
from pages.ui import links, shell

_SIDE = 104  # CSS pixels
HOW = (
    "Click an image, or go to one with <kbd>Tab</kbd> and the arrow keys and press <kbd>Enter</kbd>: it is highlighted in every "
    "column, its activation is marked in every chart, and what each unit does on it stands here. <kbd>Esc</kbd> lets go of it."
)


def panel(view: links.Compare, shown: Sequence[Shown], chosen: Chosen | None) -> None:
    """The image with a row for each unit, or how to choose one."""
    if chosen is None:
        if view.key:
            st.warning(md(f"None of these stores has an image “{view.key}”."), icon=":material/link_off:")
        st.html(f'<p class="lx-facts lx-muted">{HOW}</p>')
        return
    picture, table, button = st.columns([0.1, 0.8, 0.1], gap="small", vertical_alignment="center")
    with picture:
        st.html(_picture(shown, chosen))
    with table:
        st.html(_table(rows(shown, chosen)))
    with button:
        st.button(
            "Let go",
            key="compare let go",
            icon=":material/close:",
            type="tertiary",
            on_click=shell.change,
            args=(view,),
            kwargs={"key": ""},
            help="Highlight no image",
        )


def _picture(shown: Sequence[Shown], chosen: Chosen) -> str:
    if chosen.hidden:
        return f'<p class="lx-facts lx-muted">Hidden in {escape(", ".join(chosen.hidden))}, so it is not shown.</p>'
    one, i = next((one, i) for one, i in zip(shown, chosen.ids, strict=True) if i is not None)
    row = shell.images(one.opened).loc[i]
    jpeg = one.opened.store.crops([i])[i]
    small = "px " if max(row["width"], row["height"]) < 64 else ""
    words = escape(f"{row['label']}, {chosen.key}", quote=True)
    return (
        f'<div class="lx-shots" style="--w:{_SIDE}px"><figure title="{words}"><img class="{small}" alt="{words}" '
        f'src="data:image/jpeg;base64,{b64encode(jpeg).decode()}"><figcaption>{escape(str(row["label"]))}</figcaption></figure></div>'
    )


def rows(shown: Sequence[Shown], chosen: Chosen) -> pd.DataFrame:
    """What each unit does on the image: unit, method, split, activation, place (of the largest activation, -… to 1),
    percentile (0 to 1: share of images with a smaller activation, ties by half), range (1 to 8, 0 below 0),
    simulated, by. Missing values where the store hasn't the image, or nothing is known."""
    found = []
    for one, i in zip(shown, chosen.ids, strict=True):
        unit, row = one.unit, {"unit": one.name, "method": one.place.method, "split": None}
        if i is not None:
            value = float(unit.activations[i])
            row |= {
                "split": str(unit.split[i]),
                "activation": value,
                "percentile": percentile(unit.activations, unit.activations[i]),
                "images": len(unit.activations),
            }
            if unit.buckets is not None:
                row["place"] = value / unit.maximum
                row["range"] = int(unit.buckets.assign(unit.activations[[i]])[0]) + 1
            if one.in_words is not None and one.matrix:
                row |= {"simulated": float(unit.simulated(one.in_words, one.matrix)[i]), "by": one.matrix}
        found.append(row | {"places": decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)})
    columns = [
        "unit", "method", "split", "activation", "place", "percentile", "images", "range", "simulated", "by", "places",
    ]  # fmt: skip
    return pd.DataFrame(found, columns=columns)


def _table(frame: pd.DataFrame) -> str:
    head = ["Unit", "Activation", "From 0 to the largest", "Percentile", "Range", "Simulated", "Split"]
    body = []
    for row in frame.itertuples():
        title = f'<th scope="row">{escape(row.unit)}</th>'
        if pd.isna(row.activation):
            body.append(f'<tr>{title}<td colspan="6" class="lx-muted">not in this store</td></tr>')
            continue
        inside = "–" if pd.isna(row.range) else "below 0" if row.range == 0 else f"{int(row.range)} of 8"
        simulated = "–"
        if not pd.isna(row.simulated):
            simulated = (
                f'{plain(row.simulated, row.places)} <span class="lx-muted">{escape(seen_by(row.by))}</span>'
            )
        cells = [
            f"<b>{plain(row.activation, row.places)}</b>",
            "–" if pd.isna(row.place) else track(row.place),
            f'{percentile_words(row.percentile)} <span class="lx-muted">of {int(row.images):,} images</span>',
            inside,
            simulated,
            escape(row.split),
        ]
        body.append(f"<tr>{title}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return (
        '<div class="lx-table"><table class="lx-compare lx-tight"><thead><tr>'
        + "".join(f'<th scope="col">{title}</th>' for title in head)
        + f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
