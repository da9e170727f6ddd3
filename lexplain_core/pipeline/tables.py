"""Tables as stages keep them: those of the store, and what is known of explanations, by layer and unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from ..store import Score
from ..store.opening import arrow_schemas
from ..store.rows import table

_UNIT = [pa.field("layer_id", pa.int32()), pa.field("unit", pa.int32())]
Unit = tuple[int, int]  # number of the layer, and of the unit in it


def of_frames(name: str, frames: Iterable[pd.DataFrame]) -> pa.Table:
    """Frames, one below the other, as rows of a table of the store."""
    full = [frame for frame in frames if len(frame)]
    return table(name, pd.concat(full) if full else ())


def joined(name: str, tables: Iterable[pa.Table]) -> pa.Table:
    """Rows of a table of the store, one below the other."""
    return pa.concat_tables([table(name, ()), *tables])


def score_table(scores: Iterable[tuple[Unit, Score]]) -> pa.Table:
    """Scores of the explanations of units."""
    fields = [field for field in arrow_schemas()["scores"] if field.name != "explanation_id"]
    rows = [{"layer_id": layer, "unit": unit} | vars(score) for (layer, unit), score in scores]
    return pa.Table.from_pylist(rows, pa.schema(_UNIT + fields))


def read_scores(tables: Iterable[pa.Table]) -> dict[Unit, list[Score]]:
    """The scores of each unit's explanation, in their order."""
    found: dict[Unit, list[Score]] = defaultdict(list)
    for part in tables:
        for row in part.to_pylist():
            where = row.pop("layer_id"), row.pop("unit")
            found[where].append(Score(**row))
    return found


def shift_table(shifts: Iterable[tuple[Unit, tuple[float | None, str | None]]]) -> pa.Table:
    """The range shift of each unit's explanation, or the reason why there is none."""
    rows = [
        {"layer_id": layer, "unit": unit, "value": value, "reason": reason}
        for (layer, unit), (value, reason) in shifts
    ]
    return pa.Table.from_pylist(
        rows, pa.schema([*_UNIT, pa.field("value", pa.float64()), pa.field("reason", pa.string())])
    )


def read_shifts(table: pa.Table) -> dict[Unit, tuple[float | None, str | None]]:
    """What `shift_table` was made from."""
    return {(row["layer_id"], row["unit"]): (row["value"], row["reason"]) for row in table.to_pylist()}
