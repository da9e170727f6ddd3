"""Tables as stages keep them: rows of those of the store."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from ..store.rows import table


def of_frames(name: str, frames: Iterable[pd.DataFrame]) -> pa.Table:
    """Frames, one below the other, as rows of a table of the store."""
    full = [frame for frame in frames if len(frame)]
    return table(name, pd.concat(full) if full else ())


def joined(name: str, tables: Iterable[pa.Table]) -> pa.Table:
    """Rows of a table of the store, one below the other."""
    return pa.concat_tables([table(name, ()), *tables])
