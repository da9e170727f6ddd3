"""The store's schema version and the errors of opening one."""

from __future__ import annotations

from ..base.errors import UserError

# Raise this with every change of schema.sql: a store of another version is refused.
SCHEMA_VERSION = 7


class StoreError(UserError):
    """A store that can't be read, or something asked of it that it doesn't hold."""
