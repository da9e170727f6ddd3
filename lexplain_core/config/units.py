"""Units of other kinds than those that layers have."""

from __future__ import annotations

from .section import Section

# name of a kind -> its own options; `model.units.base.UnitKinds` fills it in.
unit_options: dict[str, type[Section]] = {}
