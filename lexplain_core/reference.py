"""docs/configuration.md, written from the config's own fields.

    python -m lexplain_core.reference > docs/configuration.md

A test fails when the file and the fields differ.
"""

from __future__ import annotations

from pydantic import BaseModel

from .config import Build

_HEAD = """# Configuration

A build is described by one TOML file; `python -m lexplain_core build CONFIG.toml` runs it.
Every option can be changed on the command line, `--set explain.epsilon=0.01`. Paths in the file
are relative to the file; paths given with `--set` to where you stand. Two whole examples are in
[examples/](examples/). This page is written by `python -m lexplain_core.reference`.
"""

_TITLES = {
    "": "Top level",
    "layers": '`[[layers]]`, or `layers = ["name", …]`',
}


def render() -> str:
    """The page as Markdown."""
    parts = [_HEAD, *_section("", Build)]
    return "\n".join(parts) + "\n"


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
        if name == "layers":
            from .config import LayerSpec

            inner += ["", *_section(below, LayerSpec)]
        help_ = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_default(field)} | {help_} |")
    return lines + inner


def _default(field) -> str:
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, list):
        return "`[" + ", ".join(f'"{v}"' for v in value) + "]`"
    return f"`{value}`"


if __name__ == "__main__":
    print(render(), end="")
