"""The docs say what the code does: every option, command and page is there, every link leads somewhere."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from lexplain_core.cli import reference as command_line
from lexplain_core.cli.main import app
from lexplain_core.config import load_config, reference
from lexplain_core.measures import reference as measures_reference

from ..conftest import ROOT

DOCS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_configuration_page_is_what_the_config_says():
    assert (ROOT / "docs/reference/configuration.md").read_text("utf-8") == reference.render(), (
        "docs/reference/configuration.md is out of date: python -m lexplain_core.config.reference > docs/reference/configuration.md"
    )


def test_command_line_page_is_what_the_commands_say():
    assert (ROOT / "docs/reference/command-line.md").read_text("utf-8") == command_line.render(), (
        "docs/reference/command-line.md is out of date: python -m lexplain_core.cli.reference > docs/reference/command-line.md"
    )


def test_every_command_is_documented():
    text = (ROOT / "docs/reference/command-line.md").read_text("utf-8")
    for command in app.registered_commands:
        assert f"\n## {command.callback.__name__}\n" in text, command.callback.__name__
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            name = f"{group.name} {command.name or command.callback.__name__}"
            assert f"\n## {name}\n" in text, f"docs/reference/command-line.md says nothing of {name}"
    assert app.registered_groups  # `import explanations`


def test_every_option_is_documented():
    """In the section of its command."""
    text = (ROOT / "docs/reference/command-line.md").read_text("utf-8")
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}
    seen = 0
    for words, command in command_line.commands(get_command(app)):
        for parameter in command.params:
            if parameter.name == "help":
                continue
            name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
            assert re.search(
                rf"^\| `{re.escape(name or parameter.name.upper())}\b.*\w", sections[words], re.M
            ), f"docs/reference/command-line.md: {words} {name}"
            seen += 1
    assert seen >= 40


def test_every_variable_of_the_environment_is_documented():
    text = (ROOT / "docs/reference/command-line.md").read_text("utf-8")
    sources = [*(ROOT / "lexplain_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    named = {name for path in sources for name in re.findall(r"LEXPLAIN_[A-Z_]+", path.read_text("utf-8"))}
    assert len(named) >= 8
    assert not [name for name in named if f"| `{name}` |" not in text]


def test_every_page_is_documented():
    text = (ROOT / "docs/reference/dashboard.md").read_text("utf-8")
    pages = [path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*/page.py")]
    assert len(pages) >= 10
    for page in pages:
        assert f"*{page}" in text, f"docs/reference/dashboard.md says nothing of {page}"


def test_what_the_code_says_of_docs_is_there():
    """Sentences, help texts and comments name pages of docs/."""
    sources = [
        p for room in ("lexplain_core", "pages", "benchmarks", "scripts") for p in (ROOT / room).rglob("*.py")
    ]
    named = {page for path in sources for page in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))}
    assert len(named) >= 8
    assert not [page for page in named if not (ROOT / page).is_file()]


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.relative_to(ROOT).as_posix())
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


def test_measures_page_is_what_the_measures_say():
    assert (ROOT / "docs/reference/measures.md").read_text("utf-8") == measures_reference.render(), (
        "docs/reference/measures.md is out of date: python -m lexplain_core.measures.reference > docs/reference/measures.md"
    )


def test_study_settings_page_is_what_the_settings_say():
    assert (ROOT / "docs/reference/study-settings.md").read_text("utf-8") == reference.render_study(), (
        "docs/reference/study-settings.md is out of date: python -m lexplain_core.config.reference study > docs/reference/study-settings.md"
    )
