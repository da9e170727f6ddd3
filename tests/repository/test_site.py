"""The site of docs/ builds without a warning, leads nowhere wrong, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ..conftest import ROOT

# What loads something where it stands, and so must not name another host.
LOADING = {"src", "srcset", "poster", "data", "action", "background", "manifest", "xlink:href"}
ELSEWHERE = re.compile(r"^\s*(?:https?:|wss?:)?//", re.I)
# Addresses in Material's script that nothing here makes it open: pages have no diagram and no repository, and every
# browser has ResizeObserver. A new version with other ones is to be looked at.
ASLEEP = {
    "https://unpkg.com/mermaid@11/dist/mermaid.min.js", "https://unpkg.com/resize-observer-polyfill",
    "https://api.github.com/repos/${e}/${t}", "https://api.github.com/users/${e}",
    "https://${e}/api/v4/projects/${encodeURIComponent(t",
}  # fmt: skip
WAKING = ("mermaid", 'data-md-component="source"', "<iframe", "http-equiv")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` does: broken links, missing anchors and pages without a place are errors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Page(HTMLParser):
    """What a page loads, and the ids that it has."""

    def __init__(self, text: str):
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.styles: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self._within = tag
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self.loaded += [given[name] for name in LOADING & set(given)]
        self.loaded += [given["href"]] if tag in ("link", "base", "image", "use") else []
        self.styles += [given["style"]] if "style" in given else []

    def handle_data(self, data):
        if self._within == "style":
            self.styles.append(data)

    def handle_endtag(self, tag):
        self._within = ""


def foreign(css: str) -> list[str]:
    """Addresses elsewhere that a stylesheet loads."""
    named = re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", css, re.I)
    return [address for address in named if ELSEWHERE.match(address)]


def test_what_loads_from_elsewhere_is_found():
    page = Page(
        '<link href="//a/x.css"><img src=https://b/y.png><style>@import "http://c/z"</style><p style="a:url(//d)">'
    )
    assert [*filter(ELSEWHERE.match, page.loaded)] == ["//a/x.css", "https://b/y.png"]
    assert [address for style in page.styles for address in foreign(style)] == ["http://c/z", "//d"]
    assert not ELSEWHERE.match("../x.css") and not foreign(
        "a { background: url(data:image/svg+xml;http://) }"
    )


def test_no_page_and_no_stylesheet_loads_anything_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 30
    for path in pages:
        text = path.read_text("utf-8")
        page = Page(text)
        assert not [*filter(ELSEWHERE.match, page.loaded)], path
        assert not [address for style in page.styles for address in foreign(style)], path
        assert not [word for word in WAKING if word in text], path
        inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", text, re.S)
        assert not [script for script in inline if re.search(r"https?://", script)], path
    sheets = sorted(site.rglob("*.css"))
    assert len(sheets) >= 3
    for path in sheets:
        assert not foreign(path.read_text("utf-8")), path


def test_the_scripts_name_no_address_that_wakes(site):
    """Comments of licences aside, whatever address stands in a script as a text."""
    found = set()
    for path in site.rglob("*.js"):
        if path.parent.name != "search":  # the index: words of the pages
            found |= set(re.findall(r"""["'`](https?://[^"'`\s)]+)""", path.read_text("utf-8")))
    assert found - {"http://www.w3.org/2000/svg"} == ASLEEP
    assert not (site / "assets/external").exists()


def test_the_reader_s_reference_says_what_each_method_takes_and_gives(site):
    """Every public method of `Store` and `Unit` is on the page, with each of its arguments."""
    from inspect import isfunction, signature

    from lexplain_core import Store
    from lexplain_core.store import Unit

    text = (site / "reference/python.html").read_text("utf-8")
    ids = Page(text).ids
    hidden = {"rows", "frame", "arrays", "cursor", "kept"}  # the layers below
    seen = 0
    for cls, place in ((Store, "lexplain_core.Store"), (Unit, "lexplain_core.store.Unit")):
        for name, member in vars(cls).items():
            if name.startswith("_") or not isfunction(member) or name in hidden:
                continue
            assert f"{place}.{name}" in ids, f"docs/reference/python.md lacks {place}.{name}"
            about = (member.__doc__ or "").split()
            for argument in [*signature(member).parameters][1:]:
                assert any(argument in word for word in about), f"{place}.{name} says nothing of {argument}"
                seen += 1
    assert seen > 40
