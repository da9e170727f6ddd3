"""Where what comes with lexplain lies: in the repository, or in the package as a wheel installs it (pyproject.toml)."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def data(package: Path = _PACKAGE) -> Path:
    """The folder of the data that come along: nouns, tables of superclasses, the demo's network and encoders."""
    return _installed(package / "_data") or package.parent / "data"


def app(package: Path = _PACKAGE) -> Path:
    """The script that Streamlit runs; `pages/` and Streamlit's settings lie beside it."""
    return (_installed(package / "_app") or package.parent) / "app.py"


def _installed(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None
