"""What participant mode looks like around its trials: the style of its pages, and the sketch of a trial."""

from __future__ import annotations

from pages.ui.front import asset


def style(offline: str) -> str:
    """The pages' style, as HTML. offline: what Streamlit's dialog says while the connection is lost."""
    quoted = "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in offline)
    return f"<style>:root {{ --lx-offline: '{quoted}'; }}\n{asset('participant.css')}</style>"
