"""What visitors may do: a dashboard that others reach only shows, unless its operator says otherwise.

`LEXPLAIN_READONLY=1` turns writing off (stars, lists, remarks, hiding, keeping words, making studies), 0 leaves it on;
without it, it is off where the server listens beyond this machine. `LEXPLAIN_LIVE=0` turns pictures that are sent and
live runs of the network off.
"""

from __future__ import annotations

import os
from typing import Any

import streamlit as st

from lexplain_core.base import writing
from lexplain_core.base.errors import UserError
from lexplain_core.base.listening import this_machine_alone

READONLY = "This dashboard is read-only: nothing can be kept or changed here."
NOT_LIVE = "On this dashboard no pictures can be sent, and the network isn’t run live."


def readonly() -> bool:
    """Whether visitors may write nothing."""
    given = _switch("LEXPLAIN_READONLY")
    return not this_machine_alone(st.get_option("server.address")) if given is None else given


def live() -> bool:
    """Whether pictures can be sent and the network is run for visitors."""
    return _switch("LEXPLAIN_LIVE") is not False


def check_live() -> None:
    """Raise `UserError` where the network isn't run for visitors."""
    if not live():
        raise UserError(NOT_LIVE)


def off(**usual: Any) -> dict[str, Any]:
    """How a control that writes is called: as `usual`, and disabled, with the reason as its help, where `readonly`."""
    return usual | {"disabled": True, "help": READONLY} if readonly() else usual


def apply() -> None:
    """Let this server's writers and its error messages be as `readonly` says."""
    writing.forbid(READONLY if readonly() else None)
    if readonly():
        st.set_option("client.showErrorDetails", "none")  # no paths and no source for strangers


def _switch(name: str) -> bool | None:
    """A variable of the environment as on or off; None where it isn't set. Whatever isn't off is on."""
    given = os.environ.get(name, "").strip().lower()
    return given not in ("0", "false", "no", "off") if given else None
