"""Kinds of units: what of a layer's output counts as its units, how they are read, and how they are changed."""

from .base import Units, fault_of, unit_kinds
from .own import Channels, ChannelsLast, Features, OwnUnits, Tokens
from .planted import Planted

__all__ = [
    "Channels",
    "ChannelsLast",
    "Features",
    "OwnUnits",
    "Planted",
    "Tokens",
    "Units",
    "fault_of",
    "unit_kinds",
]
