"""The JSON of a store: what it says of itself, and some cells. It may say anything, so all is checked before it is used."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from ..base.files import parse_json

LONGEST = 8 * 2**20  # characters of one piece of JSON; a config with 20,000 names has half a million
_DEEPEST = 40
_COMMAND = ["python", "-m", "lexplain_core"]

Text = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Count = Annotated[int, Strict(), Field(ge=0, lt=2**31)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
_Pair = Strict(False)  # JSON has lists, and a list is no tuple in strict mode


def _one_word(text: str) -> str:
    """An id stands in addresses and names of caches."""
    if not text.isprintable() or " " in text:
        raise ValueError("it is not one printable word")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class ProbingSet(_Part):
    name: Text = ""
    source: Text = ""


class Target(_Part):
    name: Text = ""
    source: Text = ""
    outputs: Count | None = None
    accuracy: Share | None = None
    accuracy_images: Count = 0
    accuracy_reason: Text | None = None
    top5: Share | None = None
    top5_reason: Text | None = None
    notes: list[Text] = []


class Simulate(_Part):
    labels: bool = True


class BuildConfig(_Part):
    """The parts of a store's config that are read before all of it is checked (`trust.of_store`)."""

    simulate: Simulate = Simulate()


class Meta(_Part):
    """The facts of `Store.meta` that the code relies on; others are left as they are."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_one_word)]
    schema_version: int
    name: Name = ""
    created: Text | None = None
    probing_set: ProbingSet | None = None
    target: Target | None = None
    outputs: list[Text] | None = None
    build: dict[str, Any] | None = None
    same_encoder: bool | None = None
    temperature: Number | None = None
    unsteady: Text | None = None
    rebuild: Text | None = None
    config: BuildConfig | None = None
    versions: dict[str, Any] | None = None


class Truth(_Part):
    terms: list[Annotated[tuple[Number, Text], _Pair]]
    bias: Number | None = None
    noise: Annotated[Number, Field(ge=0)] | None = None


class Calibration(_Part):
    source: Text | None = None
    labels: Count | None = None
    images: Count | None = None
    reason: Text | None = None


class MatrixConfig(_Part):
    fingerprint: Text | None = None
    calibration: Calibration | None = None


# Columns of JSON, all of which hold objects.
CELLS: dict[str, TypeAdapter[Any]] = {
    "units.truth": TypeAdapter(Truth),
    "concept_matrices.filter": TypeAdapter(dict[Text, Annotated[tuple[Count, Count], _Pair]]),
    "concept_matrices.config": TypeAdapter(MatrixConfig),
    "method_configs.config": TypeAdapter(dict[str, Any]),
    "scores.details": TypeAdapter(dict[Text, Number | Text | None]),
}


def read_cell(place: str, text: str) -> dict[str, Any]:
    """The JSON of a cell, as it is; `ValueError` where it isn't of its column's kind. place: of `CELLS`."""
    try:
        value = read_json(text)
        CELLS[place].validate_python(value)
    except ValidationError as error:
        raise ValueError(f"`{place}` holds what can't be used ({_first(error)[1]})") from None
    except ValueError as error:
        raise ValueError(f"`{place}` holds what can't be read ({error})") from None
    return value


def read_json(text: str) -> Any:
    """JSON of a store, without lone surrogates. `ValueError` for none, and for what is too long or nested too deeply."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters")
    value = parse_json(text)
    if "\\u" in text:  # maybe half a letter, which neither browsers nor files take
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if _deeper(value, _DEEPEST):
        raise ValueError("it is nested too deeply")
    return value


def _deeper(value: Any, levels: int) -> bool:
    found = [value]
    for _ in range(levels):
        found = [
            part
            for one in found
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(found)


def checked(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a store, as they are, where the known ones are of their kinds; `ValueError` in half a sentence."""
    try:
        Meta.model_validate(facts)
    except ValidationError as error:
        where, why = _first(error)
        why = "is missing" if why == "Field required" else f"can't be used ({why})"
        raise ValueError(f"its `{where}` {why}") from None
    return facts


def _first(error: ValidationError) -> tuple[str, str]:
    """Where something is wrong, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(map(str, first["loc"]))[:80], first["msg"]


def rebuilding(facts: dict[str, Any]) -> str:
    """The command that builds a store anew. A file that says another than one of ours isn't quoted."""
    said = facts.get("rebuild")
    if isinstance(said, str) and len(said) <= 2000 and said.isprintable():
        try:
            words = shlex.split(said)
        except ValueError:
            words = []
        if words[:3] == _COMMAND and words[3:4] in (["build"], ["demo"]) and shlex.join(words) == said:
            return said
    return "python -m lexplain_core build CONFIG.toml"
