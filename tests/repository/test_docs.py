"""The docs say what the code does: every option, command and page is there, every link leads somewhere."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from lexplain_core.cli.main import app
from lexplain_core.config import load_config, reference

from ..conftest import ROOT

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_configuration_page_is_what_the_config_says():
    assert (ROOT / "docs/reference/configuration.md").read_text("utf-8") == reference.render(), (
        "docs/reference/configuration.md is out of date: python -m lexplain_core.config.reference > docs/reference/configuration.md"
    )


def test_every_command_is_documented():
    text = (ROOT / "docs/reference/info-json.md").read_text("utf-8")
    for command in app.registered_commands:
        assert f"`{command.callback.__name__}" in text, (
            f"docs/reference/info-json.md says nothing of {command.callback.__name__}"
        )
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            name = f"{group.name} {command.name or command.callback.__name__}"
            assert f"`{name}" in text, f"docs/reference/info-json.md says nothing of {name}"
    assert app.registered_groups  # `import explanations`


def test_every_option_is_documented():
    """In the row of its command."""
    text = (ROOT / "docs/reference/info-json.md").read_text("utf-8").split("\n### ")[0]
    rows = {m[1]: m[0] for m in re.finditer(r"^\| `([a-z -]+?)(?= [A-Z\[-]|`).*$", text, re.M)}
    seen = 0
    for words, command in commands(get_command(app)):
        row = rows[words]
        for parameter in command.params:
            if parameter.name == "help":
                continue
            name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
            assert re.search(rf"{re.escape(name or parameter.name.upper())}\b", row), (
                f"docs/reference/info-json.md: {words} {name}"
            )
            seen += 1
    assert seen >= 40


def commands(group, *words: str):
    """(words, command) of all commands of a group."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *words, name)
        else:
            yield " ".join((*words, name)), command


def test_every_page_is_documented():
    text = (ROOT / "docs/reference/dashboard.md").read_text("utf-8")
    for page in (ROOT / "pages").glob("*.py"):
        if re.search(r"^st\.title|st\.header|def render", page.read_text("utf-8"), re.M):
            assert page.stem in text.lower(), f"docs/reference/dashboard.md says nothing of pages/{page.name}"


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@pytest.mark.parametrize("example", sorted((ROOT / "docs/examples").glob("*.toml")), ids=lambda p: p.stem)
def test_examples_are_valid_configs(example):
    config = load_config(example)
    assert config.layers and config.store.suffix == ".duckdb"
    for line in re.findall(r"--set (\S+)=", example.read_text("utf-8")):
        load_config(example, [f"{line}=/elsewhere/x.pth"])


def test_info_json_is_documented(demo_store):
    from lexplain_core import Store

    text = (ROOT / "docs/reference/info-json.md").read_text("utf-8")
    with Store.open(demo_store) as store:
        facts = store.info()
    parts = ("layers", "explanations", "matrices", "scores")
    keys = set(facts) | {key for part in parts for key in facts[part][0]}
    missing = sorted(key for key in keys if f"`{key}`" not in text)
    assert not missing, f"docs/reference/info-json.md says nothing of the keys {missing} of `info --json`"


def test_study_settings_page_is_what_the_settings_say():
    assert (ROOT / "docs/reference/study-settings.md").read_text("utf-8") == reference.render_study(), (
        "docs/reference/study-settings.md is out of date: python -m lexplain_core.config.reference study > docs/reference/study-settings.md"
    )
