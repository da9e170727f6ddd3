"""The section `[explain]` of a build's config, and the tables of single methods in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ..base.errors import quote, repeated
from .section import Section, given_options


class Linear(Section):
    """Options of Linear Explanations."""

    solver: str = Field(
        "exact", description="Solver of the sparse fit: `exact`, or the published `glm-saga`."
    )
    l1: float = Field(0.05, gt=0, description="Weight of the ℓ1 penalty, λ·α.")
    alpha: float = Field(0.99, gt=0, le=1, description="Share of the ℓ1 part in the elastic net.")
    epochs: int = Field(500, ge=1, description="Most epochs of glm-saga.")
    step: float = Field(5e-4, gt=0, description="Step size of glm-saga.")
    batch: int = Field(512, ge=1, description="Batch size of glm-saga.")
    candidates: Annotated[int, Field(ge=1)] | Literal["all"] = Field(
        10, description="Concepts tried in each round of the greedy search; `all` tries every one."
    )
    signed: bool = Field(
        False,
        description="Rank candidates by the size of their sparse weight whatever its sign; the published search takes positive ones first.",
    )
    epsilon: float = Field(
        0.02, ge=0, description="Least gain in validation correlation that a further concept must bring."
    )
    max_terms: int = Field(10, ge=1, description="Most concepts in an explanation.")


# name of a method -> its own options; `explain.base.Methods` fills it in.
method_options: dict[str, type[Section]] = {}


class Explain(Linear):
    """How units are explained (docs/explanation/method.md). `[explain.NAME]` has the options of one method alone."""

    methods: list[str] = Field(
        ["le-label"],
        description="Explanation methods to run; `le-siglip` is added to the default where there is an explainer.",
    )
    min_top5_mean: float = Field(
        0.5,
        allow_inf_nan=False,
        description="A concept is kept if the mean of its 5 largest values on the train split is at least this.",
    )
    min_std: float = Field(
        1e-5,
        allow_inf_nan=False,
        description="A concept is kept if its standard deviation on the train split is at least this.",
    )
    own: dict[str, Any] = Field(
        default_factory=dict, description="Options of single methods, by name: the tables `[explain.NAME]`."
    )

    @model_validator(mode="before")
    @classmethod
    def _tables_of_methods(cls, data: Any) -> Any:
        """Put `[explain.NAME]` of methods that are known where they belong; other keys are no options."""
        if not isinstance(data, dict):
            return data
        tables = {
            name: value for name, value in data.items() if name in method_options and isinstance(value, dict)
        }
        rest = {name: value for name, value in data.items() if name not in tables}
        return rest | {"own": rest["own"] | tables if isinstance(rest.get("own"), dict) else tables}

    @field_validator("own")
    @classmethod
    def _own_options(cls, own: dict[str, Any]) -> dict[str, Any]:
        """Check the options of methods that are known; a store may name others."""
        return {
            name: given_options(method_options[name], options, f"[explain.{name}]")
            if name in method_options
            else options
            for name, options in own.items()
        }

    @field_validator("methods")
    @classmethod
    def _once(cls, methods: list[str]) -> list[str]:
        if (twice := repeated(methods)) is not None:
            raise ValueError(f"method {quote(twice)} is listed twice")
        return methods
