"""The terminal: what others wrote is printed as it is, commands nothing, and can always be shown."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from rich import console
from rich.text import Text


class Console(console.Console):
    """A console for which text is text: no markup, no `:emoji:`, no control characters."""

    def __init__(self, **options: Any):
        super().__init__(**({"markup": False, "emoji": False, "highlight": False} | options))

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)


def printable(text: str) -> str:
    """Text in which nothing commands a terminal: control characters are left out, other white space is a blank."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)


def print_json(facts: Any) -> None:
    """Print as JSON; control characters that JSON allows are escaped, since some terminals obey them."""
    text = json.dumps(facts, ensure_ascii=False, indent=2)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(facts, indent=2)
    print(text.translate({code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}))


def show_everything() -> None:
    """Let stdout and stderr write characters that they have no code for as `\\xe9`, and not fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def leave_quietly() -> None:
    """After the reader of a pipe has gone: nothing more is written, and Python doesn't complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())
