"""What all sections of a config have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..base.errors import did_you_mean, quote


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def given_options(section: type[Section], options: Any, where: str) -> dict[str, Any]:
    """The options of a section that were given, checked, as JSON has them.

    Raises `ValueError`, in a sentence, for a wrong one. where: what it calls the table that they stand in.
    """
    try:
        return section.model_validate(options).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "there is no such option." + did_you_mean(key, list(section.model_fields))
        elif first["type"] == "missing":
            reason = "it is needed but not there."
        raise ValueError(f"{where} has a wrong {quote(key)}: {reason}") from None
