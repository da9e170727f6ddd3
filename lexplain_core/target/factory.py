"""Networks of one's own: a function in a Python file that returns a module."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from torch import nn

from ..errors import UserError, did_you_mean, quote


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """Random weights are always the same ones, and the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def call_factory(path: Path, function: str) -> nn.Module:
    """Load a Python file as a module and return what `function()` of it makes, a `torch.nn.Module`.

    Runs seeded, so that a network without trained weights is the same one each time. Raises
    `UserError` for a file or function that is missing or fails, and for anything but a module.
    """
    where = f"{path}:{function}"
    if not path.is_file():
        raise UserError(f"There is no file {path} (target.model {quote(where)}).")
    name = f"lexplain_factory_{path.stem}"
    spec = spec_from_file_location(name, path)
    code = module_from_spec(spec)
    sys.modules[name] = code
    sys.path.insert(0, str(path.resolve().parent))  # so that the file can import its neighbours
    try:
        try:
            spec.loader.exec_module(code)
        except Exception as error:
            reason = said(error, path)
            raise UserError(f"The file {path} (target.model) fails when it is loaded: {reason}.") from error
        make = getattr(code, function, None)
        if not callable(make):
            known = [n for n, v in vars(code).items() if callable(v) and not n.startswith("_")]
            raise UserError(
                f"There is no function {quote(function)} in {path} (target.model)."
                + did_you_mean(function, known)
            )
        try:
            with seeded():
                module = make()
        except Exception as error:
            raise UserError(f"The function {where} fails: {said(error, path)}.") from error
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(path.resolve().parent))
    if not isinstance(module, nn.Module):
        raise UserError(f"The function {where} returned a {type(module).__name__}, not a torch.nn.Module.")
    return module


def said(error: Exception, path: Path | None = None) -> str:
    """An error in one line, with the line of `path`, a file of the user's, where it arose."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if path and Path(f.filename) == path]
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {text}"
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")
