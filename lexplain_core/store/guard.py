"""Errors of a reader whose store is damaged, in plain words; those of our own making stay as they are."""

from __future__ import annotations

from functools import cached_property, wraps
from typing import Any, TypeVar

from ..base.entries import shown
from ..base.errors import UserError
from .questions import check_command
from .version import StoreError

T = TypeVar("T", bound=type)
_ITS_OWN = {"fault", "close"}  # of `Store`: it answers whether it is damaged


def guarded(cls: T) -> T:
    """Let the public methods of `Store` and `Unit` raise `StoreError` where the store is damaged.

    A file may be read without any error and yet hold what doesn't fit together: a unit without
    activations, a concept that isn't there, a map of another size. Where a method fails over something else than a user's
    mistake, the store is looked through; only if that finds a fault it is to blame.
    """
    for name, found in list(vars(cls).items()):
        if name.startswith("_") or name in _ITS_OWN:
            continue
        if isinstance(found, cached_property):
            wrapped = type(found)(_guarded(found.func))
            wrapped.__set_name__(cls, name)
            setattr(cls, name, wrapped)
        elif callable(found) and not isinstance(found, type):
            setattr(cls, name, _guarded(found))
    return cls


def _guarded(function: Any) -> Any:
    @wraps(function)
    def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(self, *args, **kwargs)
        except UserError:
            raise
        except Exception as error:
            blame(getattr(self, "store", self), error)
            raise

    return asked


def blame(store: Any, error: Exception) -> None:
    """Raise `StoreError` where a store is damaged and so may have caused an error; nothing where it is in order."""
    fault = store.fault
    if fault is not None:
        raise StoreError(
            f"{shown(store.path)} is damaged ({fault}): `{check_command(store.path)}` says more, and copying or building it "
            "again mends it."
        ) from error
