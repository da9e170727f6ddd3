"""Networks of one's own: a function in a Python file that returns a module."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from importlib import machinery
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import CodeType, ModuleType

import torch
from torch import nn

from ..base.errors import UserError, did_you_mean, quote
from ..trust import Code, running

_TURNS = RLock()  # what one network imports must not come in between another's
_RUNNING: ContextVar[Code | None] = ContextVar("running", default=None)


@contextlib.contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Random weights are always the same ones, and the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def call_factory(path: Path, function: str, ours: bool = False) -> nn.Module:
    """Load a Python file as a module and return what `function()` of it makes, a `torch.nn.Module`.

    Runs seeded, so that a network without trained weights is the same one each time. What the file imports from its own
    folder is loaded anew, too. ours: the file comes with lexplain. Raises `UserError` for a file or function that is missing
    or fails, for anything but a module, and for code that a store names and this machine doesn't trust.
    """
    where = f"{path}:{function}"
    file, code = running(path, function) if not ours else (path, Code(path.parent))
    if not file.is_file():
        raise UserError(f"There is no file {path} (target.model {quote(where)}).")
    with _TURNS, _beside(code):
        try:
            module = _made(file, function, path, code)
        finally:
            if code.refused:  # also where the file goes on without what it wanted to import
                raise code.refused from None
    if not isinstance(module, nn.Module):
        raise UserError(f"The function {where} returned a {type(module).__name__}, not a torch.nn.Module.")
    return module


def _made(file: Path, function: str, path: Path, code: Code) -> object:
    name = f"lexplain_factory_{file.stem}"
    loader = _Source(name, str(file))
    loader.code = code
    spec = spec_from_file_location(name, file, loader=loader)
    assert spec is not None, "there is a loader"
    loaded = module_from_spec(spec)
    sys.modules[name] = loaded
    try:
        loader.exec_module(loaded)
    except Exception as error:
        raise UserError(
            f"The file {path} (target.model) fails when it is loaded: {said(error, file)}."
        ) from error
    make = getattr(loaded, function, None)
    if not callable(make):
        known = [n for n, v in vars(loaded).items() if callable(v) and not n.startswith("_")]
        raise UserError(
            f"There is no function {quote(function)} in {path} (target.model)."
            + did_you_mean(function, known)
        )
    try:
        with seeded():
            return make()
    except Exception as error:
        raise UserError(f"The function {path}:{function} fails: {said(error, file)}.") from error


def said(error: Exception, path: Path | None = None) -> str:
    """An error in one line, with the line of `path`, a file of the user's, where it arose."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if path and Path(f.filename) == path]
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {text}"
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")


# -- what a file imports from its folder ---------------------------------------------------------


class _Source(machinery.SourceFileLoader):
    """Runs the very bytes which were looked at: no bytecode from `__pycache__`, which anybody may have put there."""

    code: Code

    def get_code(self, name: str) -> CodeType | None:  # noqa: ARG002 - importlib's
        data = self.get_data(self.path)
        self.code.take(self.path, data)
        return self.source_to_code(data, self.path)


class _Compiled(machinery.ExtensionFileLoader):
    code: Code

    def create_module(self, spec: machinery.ModuleSpec) -> ModuleType:
        self.code.take(self.path, Path(self.path).read_bytes())
        return super().create_module(spec)


class _Neighbours:
    """Finds the modules that lie beside network code while it runs, and those inside their packages at any time."""

    def __init__(self) -> None:
        self._spaces: dict[str, Code] = {}  # packages that are mere folders, which have no loader

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - importlib's
    ) -> machinery.ModuleSpec | None:
        code = _RUNNING.get() if path is None else self._of(name.rpartition(".")[0])
        if code is None:
            return None
        for place in [str(code.folder)] if path is None else path:
            finder = machinery.FileFinder(
                place, (_Compiled, machinery.EXTENSION_SUFFIXES), (_Source, machinery.SOURCE_SUFFIXES)
            )
            spec = finder.find_spec(name)
            if spec and isinstance(spec.loader, _Source | _Compiled):
                spec.loader.code = code
                return spec
            # a mere folder gives way to what is installed
            if spec and not (path is None and machinery.PathFinder.find_spec(name)):
                self._spaces[name] = code
                return spec
        return None

    def forget(self) -> None:
        """Forget all that came from such folders: another network's modules may have the same names."""
        for name in [name for name in list(sys.modules) if self._of(name)]:
            del sys.modules[name]
        self._spaces.clear()

    def _of(self, name: str) -> Code | None:
        """The code that a module was loaded for; None for all others."""
        loader = getattr(getattr(sys.modules.get(name), "__spec__", None), "loader", None)
        return loader.code if isinstance(loader, _Source | _Compiled) else self._spaces.get(name)


_NEIGHBOURS = _Neighbours()


@contextlib.contextmanager
def _beside(code: Code) -> Iterator[None]:
    """Let code import its neighbours, before all that have their names."""
    _NEIGHBOURS.forget()
    if _NEIGHBOURS not in sys.meta_path:
        sys.meta_path.insert(0, _NEIGHBOURS)
    token = _RUNNING.set(code)
    try:
        yield
    finally:
        _RUNNING.reset(token)
