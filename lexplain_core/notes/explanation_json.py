"""An explanation that a person wrote as JSON, and back: what comes back may be anyone's, and is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..base.files import parse_json
from ..store import Score, UserExplanation

_ELSEWHERE = "?"  # no store's id: where it isn't said which store the scores are of
_LARGEST = 1e100  # of a weight or a score
_COLUMNS = ("layer", "unit", "method", "made")  # of their own in the file
_TEXTS, _NUMBERS = ("measure", "by", "split"), ("value", "low", "high", "chance")
_NULL = ("null_units", "null_mean", "null_above", "null_reason")  # of a correlation, in files of 0.1, too
_MEASURES = {"ablation-norm": "ablation", "ablation-optim": "ablation_optim"}  # as 0.1 named them


def written(explanation: UserExplanation) -> str:
    """All but what tells one explanation from another, as JSON."""
    data = {key: value for key, value in asdict(explanation).items() if key not in _COLUMNS}
    return json.dumps(data | {"config": dict(explanation.config)}, default=_plain)


def read(layer: Any, unit: Any, method: Any, made: Any, data: Any) -> UserExplanation:
    """The explanation of a row of the file; `ValueError`, with the reason, where it is none."""
    try:
        facts = parse_json(data)
    except (TypeError, ValueError):
        raise ValueError("it isn't JSON") from None
    if not isinstance(facts, dict):
        raise ValueError("it is not an object")
    for name, value in (("layer", layer), ("method", method), ("made", made)):
        _check(isinstance(value, str), name, value)
    _check(isinstance(unit, int), "unit", unit)
    facts.setdefault("store", _ELSEWHERE)
    for name in ("matrix", "simulator", "store"):
        _check(isinstance(facts.get(name), str), name, facts.get(name))
    _check(_is_number(facts.get("bias")), "bias", facts.get("bias"))
    _check(_is_number(facts.get("val_correlation"), True), "val_correlation", facts.get("val_correlation"))
    _check(isinstance(facts.get("config"), Mapping), "config", facts.get("config"))
    terms: Any = facts.get("terms")
    scores: Any = facts.get("scores")
    _check(isinstance(terms, list) and bool(terms) and all(map(_is_term, terms)), "terms", terms)
    _check(isinstance(scores, list), "scores", scores)
    facts["terms"] = tuple((float(weight), key) for weight, key in terms)
    facts["scores"] = tuple(map(_score, scores))
    try:
        return UserExplanation(layer, unit, method, made=made, **facts)
    except TypeError as error:  # a field too many, or too few
        raise ValueError(str(error)) from None


def _score(facts: Any) -> Score:
    _check(isinstance(facts, dict), "score", facts)
    if "kind" in facts:
        facts = _of_first_edition(facts)
    for name in _TEXTS:
        _check(isinstance(facts.get(name), str), name, facts.get(name))
    for name in _NUMBERS:
        _check(_is_number(facts.get(name), True), name, facts.get(name))
    _check(isinstance(facts.get("reason"), str | None), "reason", facts.get("reason"))
    _check(isinstance(facts.get("sampled", False), bool), "sampled", facts.get("sampled"))
    count = facts.get("n")
    _check(isinstance(count, int) and 0 <= count < 2**31, "n", count)
    details: Any = facts.get("details", {})
    _check(isinstance(details, dict) and len(details) <= 100, "details", details)
    for name, value in details.items():
        _check(isinstance(value, str) or _is_number(value, True), name, value)
    try:
        return Score(**facts)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _of_first_edition(facts: dict[str, Any]) -> dict[str, Any]:
    """A score as files of 0.1 have it: `kind` and `simulator`, and the null's numbers among the others."""
    facts = dict(facts)
    kind, details = facts.pop("kind"), {}
    for name in (*_NULL, "c", "d"):
        if (value := facts.pop(name, None)) is not None:
            details[name] = value
    named = {"by": facts.pop("simulator", None), "chance": facts.pop("null_high", None), "details": details}
    return facts | named | {"measure": _MEASURES.get(kind, kind) if isinstance(kind, str) else kind}


def _is_term(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_number(value[0]) and isinstance(value[1], str)


def _is_number(value: Any, or_none: bool = False) -> bool:
    if value is None:
        return or_none
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= _LARGEST  # not by isfinite(), which fails over an int of 400 digits


def _check(good: bool, name: str, value: Any) -> None:
    if not good:
        text = repr(value)
        raise ValueError(f"its {name} can't be {text if len(text) <= 60 else text[:57] + '…'}")


def _plain(value: object) -> object:
    """A number of numpy as one of Python."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} can't be kept")
