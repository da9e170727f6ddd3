"""docs/reference/command-line.md, written from the commands themselves.

    python -m lexplain_core.cli.reference > docs/reference/command-line.md

A test fails when the file and the commands differ.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from .main import app

Parameter = Any  # `TyperArgument` or `TyperOption`: what a command lists of them has a wider type

_HEAD = """# Command line

`python -m lexplain_core COMMAND --help` says the same. Where lexplain is [installed](../how-to/install.md),
`lexplain COMMAND` is the same command. This page is written by `python -m lexplain_core.cli.reference`.

- A `MODEL` is a torchvision name (`resnet50`), `timm/NAME`, `open_clip/NAME` (its image tower), a [preset](presets.md),
  a function of your own, `path/to/file.py:function`, or `demo`.
- The `NAME` of a study is that of its file in `data/studies`, or the path of a `.sqlite` file.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | a bug, with its traceback; of `check`: something is wrong with the store |
| 2 | something in the call, the config or the data is wrong; one sentence says what, where and what to do |
| 130, 143 | stopped by Ctrl-C or SIGTERM; a build goes on where it was |
"""

_FOOT = """
## Environment variables

| variable | what it does |
| --- | --- |
| `LEXPLAIN_STORES` | folder of the stores that the dashboard shows; `data/stores` without |
| `LEXPLAIN_STUDIES` | folder of the studies; `data/studies` without |
| `LEXPLAIN_CACHE` | folder of the encoders' embeddings; `~/.cache/lexplain` without |
| `LEXPLAIN_IMAGES` | folder of a store's images on this machine, where its own is not trusted |
| `LEXPLAIN_TRUST` | file that notes [what is trusted](../how-to/trust.md); `~/.config/lexplain/trust.json` without |
| `LEXPLAIN_PLUGINS` | files of [plugins](../how-to/methods.md#plugins), divided by colons (by semicolons on Windows) |
| `LEXPLAIN_READONLY` | `1`: the dashboard only shows; `0`: it also writes where [others reach it](../how-to/deploy.md) |
| `LEXPLAIN_LIVE` | `0`: visitors can't send pictures or run the network |
| `LEXPLAIN_FRAME_ANCESTORS` | addresses of sites that may show the pages in a frame, with blanks between them |
| `LEXPLAIN_QUERY_SECONDS` | seconds after which a question to a store is stopped; 60 without |
| `LEXPLAIN_QUERY_MEMORY` | memory that a question may take; `4GB` without |
"""


def render() -> str:
    """The page as Markdown."""
    sections = [_section(words, command) for words, command in sorted(commands(get_command(app)))]
    return "\n".join([_HEAD, *sections]) + _FOOT


def commands(group: Any, *words: str) -> Iterator[tuple[str, TyperCommand]]:
    """(words, command) of all commands of a group."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *words, name)
        else:
            yield " ".join((*words, name)), command


def _section(words: str, command: TyperCommand) -> str:
    shown = [parameter for parameter in command.params if parameter.name != "help"]
    usage = " ".join(["lexplain", words, *filter(None, map(_in_usage, shown))])
    if any(not parameter.required for parameter in shown if _is_option(parameter)):
        usage += " [OPTIONS]"
    lines = [f"## {words}", "", "```text", usage, "```", "", _linked(inspect.cleandoc(command.help or ""))]
    if shown:
        lines += ["", "| argument or option | what it is |", "| --- | --- |"]
        lines += [f"| {_called(parameter)} | {_about(parameter)} |" for parameter in shown]
    return "\n".join(lines) + "\n"


def _is_option(parameter: Parameter) -> bool:
    return isinstance(parameter, TyperOption)


def _in_usage(parameter: Parameter) -> str:
    """An argument, or an option that is needed; '' for another option."""
    value = _value(parameter) + (" …" if parameter.nargs == -1 else "")
    if _is_option(parameter):
        return f"{parameter.opts[0]} {value}" if parameter.required else ""
    return value if parameter.required else f"[{value}]"


def _value(parameter: Parameter) -> str:
    """What stands for a parameter's value."""
    if parameter.metavar or not _is_option(parameter):
        return parameter.metavar or parameter.name.upper()
    return (
        "N" if parameter.type_descriptor.annotation in (int, float) else parameter.opts[0].strip("-").upper()
    )


def _called(parameter: Parameter) -> str:
    if not _is_option(parameter):
        return f"`{_value(parameter)}`"
    if parameter.is_flag:
        return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    return f"`{parameter.opts[0]} {_value(parameter)}`"


def _about(parameter: Parameter) -> str:
    text = _linked(parameter.help or "").replace("|", "\\|")
    if parameter.multiple and "repeated" not in text:
        text += " May be repeated."
    if parameter.required and _is_option(parameter):
        text += " Needed."
    if parameter.default not in (None, "", False) and not parameter.is_flag:
        text += f" Default: `{parameter.default}`."
    return text


def _linked(text: str) -> str:
    """A page of docs/ that a text names as a link to it."""
    return re.sub(r"docs/(?:reference/)?+([a-z-]++(?:/[a-z-]++)?+)\.md", _link, text)


def _link(found: re.Match) -> str:
    page = found[1] if "/" not in found[1] else f"../{found[1]}"
    return f"[{page.rpartition('/')[2]}]({page}.md)"


if __name__ == "__main__":
    print(render(), end="")
