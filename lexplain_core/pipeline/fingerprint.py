"""What a stage's work depends on, in short: its inputs, the code that it runs, and the packages below."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_OURS = __package__.partition(".")[0]
# Packages that compute something; another version of one may compute it in another way.
PACKAGES = (
    "torch", "torchvision", "numpy", "pandas", "pyarrow", "scipy", "pillow", "timm", "open_clip_torch",
    "transformers", "sentencepiece", "safetensors", "glm-saga",
)  # fmt: skip
# Options that say how fast something is computed, and where it lies, but not what comes out.
_WITHOUT_EFFECT = {"workers", "memory"}


def digest(*facts: Any) -> str:
    """16 hexadecimal digits that stand for facts: bytes, and what JSON holds."""
    found = hashlib.sha256()
    for fact in facts:
        data = fact if isinstance(fact, bytes) else json.dumps(fact, sort_keys=True, default=str).encode()
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()[:16]


def of_option(value: Any) -> str:
    """The fingerprint of an option, or of a section of options."""
    if isinstance(value, BaseModel):
        return digest(json.loads(value.model_dump_json(exclude=_WITHOUT_EFFECT)))
    if isinstance(value, list | tuple):
        return digest([of_option(item) for item in value])
    return digest(value)


@cache
def of_packages() -> str:
    """The fingerprint of Python and the packages that compute."""
    return digest(
        platform.python_version_tuple()[:2], platform.machine(), [metadata.version(p) for p in PACKAGES]
    )


def of_code(function: Callable) -> str:
    """The fingerprint of the sources of a function's module and of all that it imports of this package."""
    while isinstance(function, partial):
        function = function.func
    return _of_module(function.__module__)


@cache
def _of_module(name: str) -> str:
    seen: dict[str, bytes] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in seen or (path := _source(module)) is None:
            continue
        seen[module] = path.read_bytes()
        waiting += [".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 1)]
        waiting += [found for found in _imports(module, path) if found.partition(".")[0] == _OURS]
    return digest(*(part for module in sorted(seen) for part in (module, seen[module])))


@cache
def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imports(module: str, path: Path) -> Iterator[str]:
    """Modules that a module names in its imports, whether at its top or inside functions."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
