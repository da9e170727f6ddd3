"""Explanations and scores of units as a table to take away: CSV, JSON, Parquet."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pandas as pd

from ..base.errors import quote
from ..base.measures import HUMAN
from . import tables
from .catalog import Catalog
from .meta import read_cell
from .search.query import UnitQuery
from .search.sql import find
from .tables import AMONG, among, none_for_missing
from .text import explanation_text
from .version import StoreError

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}

_COLUMNS = {
    "layer": "name of the layer",
    "unit": "number of the unit in its layer, from 0",
    "name": "the unit's name where it has one, else empty",
    "status": "alive, dead, constant, negative (no positive range)",
    "minimum": "smallest activation over the probing set",
    "maximum": "largest activation over the probing set",
    "mean": "mean activation over the probing set",
    "std": "standard deviation of the activation over the probing set",
    "method": "the explanation's method; empty where the unit has no explanation",
    "origin": "build (the store's own), file (imported), hand (made by hand, kept in the notes)",
    "test_scores_seen": "made by hand: of how many versions the test scores were looked at before these words were kept",
    "explanation": "the explanation as one line, strongest concept first",
    "length": "how many concepts it has",
    "bias": "its bias, in units of the activation",
    "terms": "its concepts in the order in which they were chosen: weight (activation per unit of P), concept, key",
    "same": "names of other concepts that the matrix can't tell from these, since they are on the same images: a = b = c",
    "matrix": "the concept matrix that it was found on",
    "reason": "why there is no explanation, or why the unit is not alive",
    "val_correlation": "correlation on the val split, which the concepts were chosen by",
    "simulator": "the concept matrix whose scores are the headline",
}
_ENDS = {
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
    "n": "images or trials that it was computed on",
    "chance": "what chance gives for it: 95 % of what is meaningless scores less",
    "by": "who scored",
    "sampled": "whether it is an estimate from a sample of the images",
    "reason": "why there is none",
}
_TEXTS = ("name", "method", "origin", "explanation", "same", "matrix", "reason", "simulator")
_WHOLE = ("length", "test_scores_seen")
_NESTED = ("terms", "scores")
_SCORE = ("measure", "by", "split", "n", "value", "low", "high", "chance", "reason")


def export_columns(store: Catalog) -> dict[str, str]:
    """What each column of an export holds."""
    found = dict(_COLUMNS)
    for name, one in tables.stored(store).items():
        found[name] = f"{one.title}: {one.help}"
        found |= {f"{name}_{end}": f"{one.title}: {about}" for end, about in _ENDS.items()}
    found["scores"] = f"all scores of the explanation, those by others, too: {', '.join(_SCORE)}"
    found["human"] = HUMAN.help
    return found


def export(
    store: Catalog, wanted: UnitQuery, human: pd.DataFrame | None = None, methods: list[str] | None = None
) -> pd.DataFrame:
    """See `Store.export`."""
    asked = [*(methods or ()), *filter(None, (wanted.method, wanted.by))]
    if lost := [name for name in asked if name not in store.methods()]:
        raise StoreError(
            f"The store {quote(store.name)} has no explanations by {quote(lost[0])}; it has {', '.join(store.methods())}."
        )
    # a unit that other methods alone explain has no row, one that none explains has one
    only = (
        "WHERE ($methods::VARCHAR[] IS NULL OR e.method IS NOT NULL "
        "OR (u.layer_id, u.unit) NOT IN (SELECT (layer_id, unit) FROM explanations))"
    )
    columns, joins = tables.headlines(store)
    given: dict[str, Any] = {}
    order: dict[tuple[int, int], int] | None = None
    if wanted.filtered or wanted.sort != "unit":
        rows = find(store, wanted, None, 0, human).rows
        ids = dict(store.rows("SELECT name, layer_id FROM layers"))
        keys = [(ids[layer], int(unit)) for layer, unit in zip(rows["layer"], rows["unit"], strict=True)]
        only, given = f"{only} AND {AMONG}", among(keys)
        order = {key: place for place, key in enumerate(keys)}
    frame = store.frame(
        f"""
        SELECT u.layer_id, l.name AS layer, u.unit, u.name AS name, u.status, u.minimum, u.maximum, u.mean,
               u.std, e.method, CASE WHEN e.method IS NULL THEN NULL WHEN list_contains($user_methods::VARCHAR[], e.method) THEN 'hand'
               WHEN c.source IS NULL THEN 'build' ELSE 'file' END AS origin,
               CASE WHEN list_contains($user_methods::VARCHAR[], e.method) THEN c.config END AS config,
               e.explanation_id, e.length, e.bias, e.matrix, coalesce(u.reason, e.reason) AS reason,
               e.val_correlation, c.simulator, {columns}
        FROM units u JOIN layers l USING (layer_id)
        LEFT JOIN (SELECT * FROM explanations WHERE $methods::VARCHAR[] IS NULL OR list_contains($methods::VARCHAR[], method)) e
             ON e.layer_id = u.layer_id AND e.unit = u.unit
        LEFT JOIN method_configs c ON c.config_hash = e.config_hash
        {joins}
        {only}
        ORDER BY u.layer_id, u.unit, list_contains($user_methods::VARCHAR[], e.method), e.method, e.explanation_id
        """,
        {"methods": methods or None, "user_methods": sorted(store.user_methods)} | given,
    )
    if order is not None:
        place = [order[key] for key in zip(frame["layer_id"], frame["unit"], strict=True)]
        frame = frame.iloc[sorted(range(len(frame)), key=place.__getitem__)].reset_index(drop=True)
    explained = [None if pd.isna(i) else int(i) for i in frame["explanation_id"]]
    terms, scores = _terms(store, explained), _scores(store, explained)
    frame["terms"] = pd.Series([terms.get(i, []) for i in explained], dtype=object)
    frame["scores"] = pd.Series([scores.get(i, []) for i in explained], dtype=object)
    frame["explanation"] = pd.Series(
        [
            explanation_text([(t["weight"], t["concept"]) for t in found], None if pd.isna(bias) else bias)
            if found
            else None
            for found, bias in zip(frame["terms"], frame["bias"], strict=True)
        ],
        dtype=object,
    )
    frame["same"] = [
        None if pd.isna(matrix) else _same(store, matrix, [t["concept"] for t in found])
        for found, matrix in zip(frame["terms"], frame["matrix"], strict=True)
    ]
    frame["test_scores_seen"] = [None if pd.isna(config) else _seen(config) for config in frame["config"]]
    judged = {} if human is None else dict(
        zip(zip(human["layer"], human["unit"], strict=True), human["human"], strict=True)
    )  # fmt: skip
    frame["human"] = [
        float(judged.get(key, float("nan"))) for key in zip(frame["layer"], frame["unit"], strict=True)
    ]
    for column in _whole(frame):
        frame[column] = frame[column].astype("Int64")
    frame = none_for_missing(frame[list(export_columns(store))], *_texts(frame))
    frame.attrs["columns"] = export_columns(store)
    return frame


def _texts(frame: pd.DataFrame) -> list[str]:
    return [*_TEXTS, *(column for column in frame if column.endswith(("_reason", "_by")))]


def _whole(frame: pd.DataFrame) -> list[str]:
    return [*_WHOLE, *(column for column in frame if column.endswith("_n"))]


def _same(store: Catalog, matrix: str, names: list[str]) -> str | None:
    """What stands under the names of an explanation's concepts, in words."""
    labels = store.concept_labels
    same = {labels[concept][0]: others for concept, others in store.same_concepts.get(matrix, {}).items()}
    return "; ".join(" = ".join((name, *same[name])) for name in names if name in same) or None


def _seen(config: str) -> int | None:
    seen = read_cell("method_configs.config", config).get("test_scores_seen")
    return seen if isinstance(seen, int) and 0 <= seen < 2**31 else None  # a file of notes may say anything


_OF = "explanation_id IN (SELECT unnest($ids::INT[]))"


def _terms(store: Catalog, ids: list[int | None]) -> dict[int | None, list[dict[str, Any]]]:
    """Explanation -> its terms, in the order in which they were chosen."""
    labels = store.concept_labels
    found: dict[int | None, list[dict[str, Any]]] = {}
    for identity, weight, concept, key in store.rows(
        "SELECT t.explanation_id, t.weight, t.concept_id, k.key FROM terms t JOIN concepts k USING (concept_id) "
        f"WHERE t.{_OF} ORDER BY t.explanation_id, t.rank",
        {"ids": ids},
    ):
        found.setdefault(identity, []).append({"weight": weight, "concept": labels[concept][0], "key": key})
    return found


def _scores(store: Catalog, ids: list[int | None]) -> dict[int | None, list[dict[str, Any]]]:
    found: dict[int | None, list[dict[str, Any]]] = {}
    for identity, *row in store.rows(
        "SELECT explanation_id, "
        + ", ".join(f"s.{name}" for name in _SCORE)
        + " FROM scores s JOIN measures m USING (measure) "
        f"WHERE s.{_OF} ORDER BY s.explanation_id, m.place, s.place",
        {"ids": ids},
    ):
        found.setdefault(identity, []).append(dict(zip(_SCORE, row, strict=True)))
    return found


# -- as files -------------------------------------------------------------------------------------


def as_bytes(frame: pd.DataFrame, form: str, facts: dict[str, Any] | None = None) -> bytes:
    """An export as a file. form: one of `FORMATS`. facts: what the rows are (store, filter), for JSON and Parquet.

    CSV is UTF-8, with lists as JSON; texts that a spreadsheet would take for a formula get a leading '.
    """
    if form not in FORMATS:
        raise StoreError(f"There is no format {quote(form)}; there are {', '.join(FORMATS)}.")
    return {"csv": _csv, "json": _json, "parquet": _parquet}[form](frame, facts or {})


def guarded(text: object) -> object:
    """A cell that no spreadsheet takes for a formula: texts that begin like one, and are no number, get a leading '."""
    if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


_NUMBER = re.compile(r"[+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?")


def _csv(frame: pd.DataFrame, _facts: dict[str, Any]) -> bytes:
    frame = frame.copy()
    for column in _NESTED:
        frame[column] = [json.dumps(value, ensure_ascii=False) for value in frame[column]]
    return csv_bytes(frame)


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV (UTF-8, without its index), its texts and the names of its columns `guarded`."""
    frame = frame.rename(columns=guarded)
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":  # anything that may hold texts
            frame.isetitem(place, frame.iloc[:, place].astype(object).map(guarded))
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _json(frame: pd.DataFrame, facts: dict[str, Any]) -> bytes:
    rows = [
        {name: None if _missing(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    whole = facts | {"columns": frame.attrs["columns"], "rows": rows}
    try:
        return (json.dumps(whole, ensure_ascii=False, allow_nan=False, default=_plain) + "\n").encode()
    except ValueError:
        raise StoreError(
            "The rows hold numbers that are not finite, which JSON has no way to write: "
            "`python -m lexplain_core check STORE` says what is wrong with the store."
        ) from None


def _parquet(frame: pd.DataFrame, facts: dict[str, Any]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    term = pa.struct([("weight", pa.float64()), ("concept", pa.string()), ("key", pa.string())])
    score = pa.struct([(n, pa.int64() if n == "n" else pa.float64() if n in ("value", "low", "high", "chance") else pa.string())
                       for n in _SCORE])  # fmt: skip
    types = {
        "terms": pa.list_(term),
        "scores": pa.list_(score),
        "unit": pa.int64(),
        "layer": pa.string(),
        "status": pa.string(),
    }
    types |= dict.fromkeys(_texts(frame), pa.string()) | dict.fromkeys(_whole(frame), pa.int64())
    types |= dict.fromkeys([column for column in frame if column.endswith("_sampled")], pa.bool_())
    fields = [
        pa.field(name, types.get(name, pa.float64()), metadata={"about": frame.attrs["columns"][name]})
        for name in frame.columns
    ]
    meta = {"lexplain": json.dumps(facts, ensure_ascii=False)}
    table = pa.Table.from_pandas(frame, pa.schema(fields), preserve_index=False).replace_schema_metadata(meta)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    return value.item()
