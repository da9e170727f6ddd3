"""Plugins: code of one's own that registers methods, probing sets and the like.

They are found as installed packages with an entry point `lexplain.plugins`, as files in the environment variable
LEXPLAIN_PLUGINS (divided as PATH is), and as files that a command or a build's config names. What a store names is never
run.
"""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from collections.abc import Iterable
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from .errors import UserError

GROUP = "lexplain.plugins"
VARIABLE = "LEXPLAIN_PLUGINS"
_LOADED: dict[str, object] = {}


def load_all() -> None:
    """Load what is installed, and what LEXPLAIN_PLUGINS names. Raises `UserError` for a plugin that fails."""
    for point in metadata.entry_points(group=GROUP):
        try:
            _LOADED[point.name] = point.load()
        except Exception as error:
            raise UserError(
                f"The plugin {point.name} ({point.value}) fails when it is loaded: {_said(error)}."
            ) from error
    load_plugins(Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name)


def loaded() -> list[object]:
    """The modules of plugins that were loaded, and what else an entry point names."""
    return list(_LOADED.values())


def load_plugins(files: Iterable[Path]) -> None:
    """Run files as modules, each once. Raises `UserError` for one that is missing or fails."""
    for file in files:
        path = file.expanduser().resolve()
        name = f"lexplain_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        if name in sys.modules:
            continue
        if not path.is_file():
            raise UserError(f"There is no plugin file {file}.")
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UserError(f"The plugin {file} is no Python file; its name must end in .py.")
        module = module_from_spec(spec)
        sys.modules[name] = _LOADED[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name], _LOADED[name]
            raise UserError(f"The plugin {file} fails when it is loaded: {_said(error, path)}.") from error


def _said(error: Exception, path: Path | None = None) -> str:
    """An error in one line, with the line of the plugin where it arose."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if path and f.filename == str(path)]
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")
