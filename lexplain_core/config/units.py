"""The tables `[[units]]` of a build's config: units of other kinds than those that layers have."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from .section import Section, given_options

# name of a kind -> its own options; `model.units.base.UnitKinds` fills it in.
unit_options: dict[str, type[Section]] = {}


class UnitSpec(Section):
    """Units of another kind than a layer's own, read from that layer's output. Further keys are the kind's own options."""

    kind: str = Field(description="Kind of the units; plugins bring kinds along (docs/how-to/units.md).")
    layer: str = Field(description="The layer whose output they are read from, as in `layers`.")
    name: str = Field(
        "",
        description="What the store calls these units’ layer; `LAYER/KIND` when not set.",
    )
    pooling: Literal["auto", "mean", "max", "cls", "none"] = Field(
        "auto", description="How the places of a unit become one number, as in `layers`."
    )
    own: dict[str, Any] = Field(default_factory=dict, description="The kind's own options.")

    @model_validator(mode="before")
    @classmethod
    def _options_of_the_kind(cls, data: Any) -> Any:
        """Name the layer, and check the kind's own options where the kind is known; a store may name others."""
        if not isinstance(data, dict):
            return data
        kind, layer, own = data.get("kind"), data.get("layer"), data.get("own", {})
        if not isinstance(own, dict):
            return data
        known = {name: value for name, value in data.items() if name in cls.model_fields}
        own = own | {name: value for name, value in data.items() if name not in known}
        if kind in unit_options:
            own = given_options(unit_options[kind], own, f"[[units]] of the kind {kind}")
        return known | {"own": own, "name": known.get("name") or f"{layer}/{kind}"}
