"""docs/reference/configuration.md and docs/reference/study-settings.md, written from the fields themselves.

    python -m lexplain_core.config.reference > docs/reference/configuration.md
    python -m lexplain_core.config.reference study > docs/reference/study-settings.md

A test fails when a file and the fields differ.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from . import Build, LayerSpec, UnitSpec
from .study import StudySettings

_HEAD = """# Configuration

One TOML file describes a build; `python -m lexplain_core build CONFIG.toml` runs it. Every option can be changed on the
command line, `--set explain.epsilon=0.01`. Paths in the file are relative to the file, paths given with `--set` to the
present folder. Whole examples: [CIFAR-10](../examples/cifar10-resnet20.toml),
[Tiny ImageNet](../examples/tiny-imagenet-squeezenet.toml). This page is written by `python -m lexplain_core.config.reference`.
"""

_STUDY = """# Settings of a study

`python -m lexplain_core study new STORE --name NAME --config FILE.toml` makes a
[study](../how-to/studies.md). Each setting can also be given on the command line, `--set course.trials=10`. Where nothing is
set, a study is as IMI's was (Zimmermann et al. 2023). A study's settings can't be changed once it is made. This page is
written by `python -m lexplain_core.config.reference study`.
"""

_LONGEST = 60  # characters of a default that stands in the table
_TABLES: dict[str, type[BaseModel]] = {"layers": LayerSpec, "units": UnitSpec}
_TITLES = {
    "": "Top level",
    "units": "`[[units]]`",
    "layers": '`[[layers]]`, or `layers = ["name", …]`',
}


def render() -> str:
    """The page as Markdown."""
    parts = [_HEAD, *_section("", Build)]
    return "\n".join(parts) + "\n"


def render_study() -> str:
    """The page of a study's settings as Markdown."""
    return "\n".join([_STUDY, *_section("", StudySettings)]) + "\n"


def _section(path: str, section: type[BaseModel]) -> list[str]:
    title = _TITLES.get(path, f"`[{path}]`")
    lines = [f"## {title}", "", "| option | default | what it does |", "| --- | --- | --- |"]
    inner = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        below = f"{path}.{name}".lstrip(".")
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner += ["", *_section(below, kind)]
            continue
        if name == "own":  # stands for the options of single methods and kinds of units
            continue
        if section is Build and name in _TABLES:
            inner += ["", *_section(below, _TABLES[name])]
        help_ = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_default(field)} | {help_} |")
    return lines + inner


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`' if len(value) <= _LONGEST else "*a text*"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, list) and sum(map(len, map(str, value))) > _LONGEST:
        return "*a text*"
    if isinstance(value, list):
        return "`[" + ", ".join(f'"{v}"' for v in value) + "]`"
    return f"`{value}`"


if __name__ == "__main__":
    print(render_study() if "study" in sys.argv[1:] else render(), end="")
