"""The page of docs/how-to/pages.md as it stands there, from a file outside the package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lexplain_core.store import Store

from ..conftest import ROOT

EXAMPLE = re.search(r"```python[^\n]*\n(.*?)```", (ROOT / "docs/how-to/pages.md").read_text("utf-8"), re.S)[1]
VISIT = """
import json, sys
from tests.pages.helpers import alerts, elements, opened, params

def links(app):
    return [one.proto.label for one in elements(app, "page_link")]

def state(app):
    return {"links": links(app), "said": alerts(app), "query": params(app),
            "titles": [one.value for one in app.title],
            "table": app.dataframe[0].value.to_dict("list") if app.dataframe else None}

app = opened("overview")
found = {"overview": state(app), "fresh": state(opened("census", by="length")), "wrong": state(opened("census", by="size"))}
app = opened("census")
if "Census" in found["overview"]["links"]:
    app.selectbox(key="census layer").set_value("planted").run()
    assert not app.exception
    found["chosen"] = state(app)
print(json.dumps(found, default=str))
"""


def visit(stores: Path, *plugins: Path) -> dict:
    """What the dashboard shows with these plugins, in a process of its own, since they stay in it."""
    done = subprocess.run(
        [sys.executable, "-c", VISIT], cwd=ROOT, text=True, capture_output=True,
        env=os.environ | {"LEXPLAIN_STORES": str(stores), "LEXPLAIN_STUDIES": str(stores),
                          "LEXPLAIN_PLUGINS": os.pathsep.join(map(str, plugins))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_page_in_a_file_outside_the_package_is_in_the_navigation_and_has_an_address(demo_store, tmp_path):
    names = ["git", "grep", "-il", "census", "--", "lexplain_core", "pages", "app.py"]
    assert not subprocess.run(names, cwd=ROOT, capture_output=True).stdout
    (tmp_path / "census.py").write_text(EXAMPLE)
    found = visit(demo_store.parent, tmp_path / "census.py")
    assert found["overview"]["links"][:2] == ["Overview", "Neuron"] and "Census" in found["overview"]["links"]
    with Store.open(demo_store) as store:
        units = store.unit_table()
        planted = units[units["layer"] == "planted"]
    fresh = found["fresh"]
    assert fresh["titles"] == ["Census"] and fresh["query"]["by"] == "length"
    assert sum(fresh["table"]["units"]) == units["length"].notna().sum()
    assert found["chosen"]["query"]["layer"] == "planted"
    counts = dict(zip(found["chosen"]["table"]["status"], found["chosen"]["table"]["units"], strict=True))
    assert counts == planted["status"].value_counts().to_dict()
    assert any("by=size, which is not one of status, length" in one for one in found["wrong"]["said"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "fails when it is loaded: ZeroDivisionError"),
        (EXAMPLE.replace('page = "census"', 'page = "neuron"'), "there is a page named 'neuron' already"),
    ],
)
def test_a_page_that_fails_is_a_sentence_on_the_others(demo_store, tmp_path, source, said):
    (tmp_path / "broken.py").write_text(source)
    found = visit(demo_store.parent, tmp_path / "broken.py")["overview"]
    assert found["titles"] and "Census" not in found["links"]
    assert any(said in one for one in found["said"])
