"""Packages that not every installation has, by the extra of pyproject.toml that brings them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from .errors import UserError

_PACKAGES = {
    "dashboard": ("streamlit", "starlette", "plotly", "matplotlib", "scipy", "typer", "rich"),
    "build": (
        "torch", "torchvision", "timm", "open_clip", "transformers", "sentencepiece", "glm_saga", "safetensors",
        "huggingface_hub", "scipy", "typer", "rich",
    ),
}  # fmt: skip


@contextmanager
def needed() -> Iterator[None]:
    """Inside, an import of a package that isn't installed is a `UserError`, which says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        ways = [f'`pip install "lexplain[{extra}]"`' for extra, its in _PACKAGES.items() if package in its]
        if not ways:
            raise
        raise UserError(
            f"This needs the package {package}, which isn't installed: {' or '.join(ways)}."
        ) from error


def require(package: str) -> None:
    """Raise that `UserError` without importing the package."""
    with needed():
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)
