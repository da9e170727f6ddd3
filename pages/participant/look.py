"""What participant mode looks like around its trials: the style of its pages, and the sketch of a trial."""

from __future__ import annotations

import html
from base64 import b64encode

from lexplain_core.config.study import Labels
from pages.ui.front import asset


def style(offline: str) -> str:
    """The pages' style, as HTML. offline: what Streamlit's dialog says while the connection is lost."""
    quoted = "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in offline)
    return f"<style>:root {{ --lx-offline: '{quoted}'; }}\n{asset('participant.css')}</style>"


def sketch(labels: Labels) -> str:
    """What a trial looks like, in outlines; in a grey that is seen on white and on black. HTML."""
    grey = "#7c8794"
    cells = [
        f'<rect x="{x + 30 * column}" y="{30 + 30 * row}" width="26" height="26" rx="2" fill="{grey}" fill-opacity=".5"/>'
        for x in (8, 312)
        for row in range(3)
        for column in range(3)
    ]
    queries = [f'<rect x="180" y="{y}" width="46" height="46" rx="2" fill="{grey}"/>' for y in (6, 100)]
    words = [
        f'<text x="{x}" y="20" font-size="15">{html.escape(word)}</text>'
        for x, word in ((51, labels.left), (355, labels.right))
    ]
    keys = [
        f'<rect x="{164 + 27 * n}" y="{y}" width="24" height="19" rx="3" fill="none" stroke="{grey}"/>'
        f'<text x="{176 + 27 * n}" y="{y + 14}" font-size="15">{n + 1}</text>'
        for y in (55, 78)
        for n in range(3)
    ]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="440" height="152" viewBox="-17 0 440 152">'
        f'<g text-anchor="middle" font-family="sans-serif" fill="{grey}">{"".join(cells + queries + words + keys)}</g></svg>'
    )
    data = b64encode(svg.encode()).decode()
    return (
        f'<img class="lx-sketch" alt="{html.escape(labels.sketch)}" src="data:image/svg+xml;base64,{data}">'
    )
