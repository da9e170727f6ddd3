"""What a store says of itself. It may say anything, so all of it is checked before anybody uses it."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ..files import parse_json

LONGEST = 8 * 2**20  # characters of one piece of JSON; a config with 20,000 names has half a million
_DEEPEST = 40
_COMMAND = ["python", "-m", "lexplain_core"]

Text = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]


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
    outputs: Annotated[int, Field(ge=0)] | None = None
    accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    accuracy_images: Annotated[int, Field(ge=0)] = 0


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
    temperature: float | None = None
    rebuild: Text | None = None
    config: dict[str, Any] | None = None
    versions: dict[str, Any] | None = None


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
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        why = "is missing" if first["type"] == "missing" else f"can't be used ({first['msg']})"
        raise ValueError(f"its `{where[:80]}` {why}") from None
    return facts


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
