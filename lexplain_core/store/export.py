"""Explanations and scores of units as a table to take away: CSV, JSON, Parquet."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pandas as pd

from ..base.errors import quote
from .catalog import Catalog
from .meta import read_cell
from .search.query import Wanted
from .search.sql import find
from .tables import ABLATION_REASON, AMONG, MAIN_SCORES, among, none_for_missing
from .text import explanation_text
from .version import StoreError

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}

COLUMNS = {
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
    "simulator": "the concept matrix whose scores follow",
    "score": "test correlation: of simulated and actual activation on the test split",
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
    "score_n": "images of the test split that it was computed on",
    "score_reason": "why there is no correlation",
    "null_mean": "mean correlation of the same words with other units of the layer",
    "null_high": "95th percentile of that",
    "ablation": "ablation score on the test split, c and d in closed form",
    "ablation_low": "lower end of its 95 % interval",
    "ablation_high": "upper end of its 95 % interval",
    "ablation_n": "images that it was computed on",
    "ablation_reason": "why there is no such score",
    "ablation_optim": "ablation score on the test split, c and d by gradient descent on val from there, not promised to be the least",
    "scores": "all scores, those by other simulators, too: simulator, kind, split, n, value, low, high, reason",
    "two_faced": "0 to 1: how different the concepts of its low and high ranges are",
    "impact": "what the network loses with the unit at 0, summed as |impact| over all images",
    "impact_sampled": "whether that is an estimate from a sample of images",
    "impact_error": "its standard error; 0 where exact",
    "observer": "machine 2AFC: share of trials in which the main machine observer was right; chance 0.5",
    "observer_trials": "how many trials those were",
    "human": "human 2AFC: share of answers that were right, over all studies of this store; chance 0.5",
}
_TEXTS = (
    "name", "method", "origin", "explanation", "same", "matrix", "reason", "simulator", "score_reason",
    "ablation_reason",
)  # fmt: skip
_WHOLE = ("length", "test_scores_seen", "score_n", "ablation_n", "observer_trials")
_NESTED = ("terms", "scores")
_SCORE = ("simulator", "kind", "split", "n", "value", "low", "high", "reason")


def export(
    store: Catalog, wanted: Wanted, human: pd.DataFrame | None = None, methods: list[str] | None = None
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
               e.val_correlation, c.simulator,
               s.value AS score, s.low AS low, s.high AS high, s.n AS score_n,
               s.reason AS score_reason, s.null_mean AS null_mean, s.null_high AS null_high,
               a.value AS ablation, a.low AS ablation_low, a.high AS ablation_high,
               a.n AS ablation_n, {ABLATION_REASON} AS ablation_reason,
               b.value AS ablation_optim, e.two_faced, i.total AS impact, i.sampled AS impact_sampled,
               i.total_error AS impact_error, o.value AS observer,
               o.trials AS observer_trials
        FROM units u JOIN layers l USING (layer_id)
        LEFT JOIN (SELECT * FROM explanations WHERE $methods::VARCHAR[] IS NULL OR list_contains($methods::VARCHAR[], method)) e
             ON e.layer_id = u.layer_id AND e.unit = u.unit
        LEFT JOIN method_configs c ON c.config_hash = e.config_hash
        LEFT JOIN ({MAIN_SCORES} AND s.kind = 'correlation') s ON s.explanation_id = e.explanation_id
        LEFT JOIN ({MAIN_SCORES} AND s.kind = 'ablation-norm') a ON a.explanation_id = e.explanation_id
        LEFT JOIN ({MAIN_SCORES} AND s.kind = 'ablation-optim') b ON b.explanation_id = e.explanation_id
        LEFT JOIN impacts i ON i.layer_id = u.layer_id AND i.unit = u.unit AND i.to_value = 'zero'
        LEFT JOIN observer_scores o ON o.layer_id = u.layer_id AND o.unit = u.unit AND o.place = 0
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
    for column in _WHOLE:
        frame[column] = frame[column].astype("Int64")
    return none_for_missing(frame[list(COLUMNS)], *_TEXTS)


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
        f"SELECT explanation_id, {', '.join(_SCORE)} FROM scores WHERE {_OF} "
        "ORDER BY explanation_id, kind <> 'correlation', kind, simulator",
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
    whole = facts | {"columns": {name: COLUMNS[name] for name in frame.columns}, "rows": rows}
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
    score = pa.struct([(n, pa.int64() if n == "n" else pa.float64() if n in ("value", "low", "high") else pa.string())
                       for n in _SCORE])  # fmt: skip
    types = {
        "terms": pa.list_(term),
        "scores": pa.list_(score),
        "unit": pa.int64(),
        "layer": pa.string(),
        "status": pa.string(),
    }
    types |= dict.fromkeys(_TEXTS, pa.string()) | dict.fromkeys(_WHOLE, pa.int64())
    fields = [
        pa.field(name, types.get(name, pa.float64()), metadata={"about": COLUMNS[name]})
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
