"""Pages in Streamlit's own test harness, without a browser: what stands on them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from ..conftest import ROOT

_VOID = {"br", "col", "hr", "img", "input", "link", "meta", "wbr"}
_MARKS = re.compile(
    r":small\[\]|`+ ?(?P<code>.+?) ?`+|\\(?P<escaped>[!-/:-@\[-`{-~])|\*\*|:[a-z-]+\[(?P<badge>[^]]*)\]"
)


def at_page(app: AppTest, page: str) -> AppTest:
    """An app that hasn't run yet, at a page: its `switch_page` takes files, and ours are functions."""
    app._page_hash = calc_hash(page)
    return app


def opened(page: str, **query: object) -> AppTest:
    """A page at an address, of the stores in LEXPLAIN_STORES, '' for the bare address; it shows no exception."""
    app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=120)
    if page:
        at_page(app, page)
    app.query_params.update({name: str(value) for name, value in query.items()})
    app.run()
    assert not app.exception
    return app


def params(app: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def said(app: AppTest) -> str:
    """Its sentences as they were written, those of boxes first."""
    kinds = (app.error, app.warning, app.info, app.markdown)
    return "\n".join(element.value for kind in kinds for element in kind)


# -- as it is read ---------------------------------------------------------------------------------


def plain(markdown: str) -> str:
    """Markdown as it is read: without its marks and escapes."""
    return _MARKS.sub(lambda m: m["code"] or m["escaped"] or m["badge"] or "", markdown)


def alerts(app: AppTest) -> list[str]:
    """The coloured boxes, as they are read."""
    return [plain(box.value) for kind in (app.error, app.warning, app.info, app.success) for box in kind]


def headings(app: AppTest) -> list[str]:
    return [plain(e.value) for e in elements(app, "title", "header", "subheader")]


def elements(app: AppTest, *types: str) -> Iterator:
    """All elements of a page in their order, of these types or of any."""

    def walk(block) -> Iterator:
        for child in getattr(block, "children", {}).values():
            if not types or child.type in types:
                yield child
            yield from walk(child)

    return walk(app.main)


def text(app: AppTest) -> str:
    """All that stands on a page, as it is read; spaces count once."""
    found = []
    for element in elements(app):
        if element.type == "html":
            found += html(element.proto.body).itertext()
        elif hasattr(element, "value") and isinstance(element.value, str):
            found.append(plain(element.value))
        found.append(plain(getattr(element, "label", "") or ""))
    return " ".join(" ".join(found).split())


class _Tree(HTMLParser):
    """HTML as an ElementTree."""

    def __init__(self) -> None:
        super().__init__()
        self.made = ElementTree.TreeBuilder()
        self.made.start("html", {})

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.made.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.made.end(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self.made.end(tag)

    def handle_data(self, data: str) -> None:
        self.made.data(data)


def html(body: str) -> ElementTree.Element:
    tree = _Tree()
    tree.feed(re.sub(r"<style>.*?</style>", "", body, flags=re.S))
    tree.made.end("html")
    return tree.made.close()


def of_class(app: AppTest, name: str) -> list[ElementTree.Element]:
    """The elements of a page's HTML that have a class."""
    every = (e for part in elements(app, "html") for e in html(part.proto.body).iter())
    return [element for element in every if name in element.get("class", "").split()]


def inner(element: ElementTree.Element) -> str:
    """An element's text; spaces count once."""
    return " ".join("".join(element.itertext()).split())


def pictures(app: AppTest) -> list[tuple[str, str]]:
    """(words, source) of every example image."""
    return [
        (image.get("alt"), image.get("src")) for row in of_class(app, "lx-shots") for image in row.iter("img")
    ]


def charts(app: AppTest) -> list[dict]:
    """Data and layout of every chart, with its columns as lists."""
    return [_listed(json.loads(chart.proto.spec)) for chart in elements(app, "plotly_chart")]


def _listed(value):
    if isinstance(value, dict) and "bdata" in value:
        return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list) else value


def notes(chart: dict) -> list[str]:
    return [note["text"] for note in chart["layout"].get("annotations", [])]


def labels(app: AppTest, kind: str) -> list[str]:
    """The labels of all elements of a kind, such as 'button_group'."""
    return [plain(element.label) for element in elements(app, kind)]
