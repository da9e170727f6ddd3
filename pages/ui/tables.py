"""The one table of the pages, and files of tables that people take away."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any, Literal

import pandas as pd
import streamlit as st

from lexplain_core.store import csv_bytes
from lexplain_core.views.tables import file_name, no_minus_zero

number, text, check = (
    st.column_config.NumberColumn,
    st.column_config.TextColumn,
    st.column_config.CheckboxColumn,
)


def show(
    frame: pd.DataFrame,
    key: str,
    alt: str,
    columns: Mapping[str, Any],
    optional: Container[str] = (),
    tall: tuple[int, int] = (10, 400),
    clicks: bool = False,
) -> int | None:
    """A table. What its numbers' formats would round to −0.00 stands as 0.

    Args:
        alt: for those who can't see it.
        columns: title, or `number`, `text` or `check`, by the frame's columns, in their order.
        optional: columns that are left out where they say nothing.
        tall: with more rows than the first the table has the height of the second, in pixels.
        clicks: whether rows can be clicked.

    Returns:
        The place of the row that was clicked; None where none was.
    """
    shown = {
        name: column
        for name, column in columns.items()
        if name in frame and not (name in optional and _empty(frame[name]))
    }
    rows = frame[list(shown)]
    for name, column in shown.items():
        if (decimals := _decimals(column)) is not None:
            rows = no_minus_zero(rows, decimals, name)
    height: int | Literal["content"] = "content" if len(rows) <= tall[0] else tall[1]
    look: dict[str, Any] = {"hide_index": True, "height": height, "placeholder": "", "key": key, "alt": alt}
    if not clicks:
        st.dataframe(rows, column_config=shown, **look)
        return None
    picked = st.dataframe(
        rows, column_config=shown, on_select="rerun", selection_mode="single-cell", **look
    ).selection.cells
    return int(picked[0][0]) if picked else None


def _empty(column: pd.Series) -> bool:
    """Whether a column holds nothing; numbers that count, flags and texts also not where all are 0, False or ''."""
    known = column.dropna()
    return bool(known.empty or (not pd.api.types.is_float_dtype(known) and not known.astype(bool).any()))


def _decimals(column: Any) -> int | None:
    """How many decimals the format of a column leaves; None where it has none."""
    made = (column.get("type_config") or {}).get("format") if isinstance(column, dict) else None
    if made == "percent":
        return 4
    found = re.fullmatch(r"%\.(\d)f", made or "")
    return int(found[1]) if found else None


def csv(label: str, table: pd.DataFrame | Callable[[], pd.DataFrame], *name: str) -> None:
    """A table as CSV, made when it is asked for; the page doesn't run again. Texts that a spreadsheet would take for a
    formula get a leading '. name: of the file, in parts."""
    st.download_button(
        label,
        lambda: csv_bytes(table() if callable(table) else table),
        file_name=file_name(*name),
        mime="text/csv",
        key=f"csv {label}",
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
    )
