"""Weights from a file: read without ever unpickling an object, and fitted to a module or refused."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import UserError, refuse_shortage
from ..trust import opening

# Where training scripts keep the weights inside their checkpoint, the likeliest first.
_NESTS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module")
# What wrappers (DataParallel, torch.compile, Lightning, …) put before each key.
_PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.", "encoder.", "backbone.")
# Keys of torchvision's densenet files from before PyTorch 0.4.1: `norm.1.weight` is `norm1.weight` now.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$")


@dataclass(frozen=True)
class Difference:
    """How a state dict differs from what a module expects; empty if it fits.

    missing, unexpected: (key, shape). reshaped: (key, shape in the file, shape expected).
    """

    missing: tuple[tuple[str, tuple[int, ...]], ...]
    unexpected: tuple[tuple[str, tuple[int, ...]], ...]
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.reshaped)

    def head_size(self) -> int | None:
        """Number of outputs in the file, if a classifier of another size is all that differs."""
        if self.missing or self.unexpected or not self.reshaped:
            return None
        firsts = {(given[:1], wanted[:1]) for _, given, wanted in self.reshaped}
        same_rest = all(given[1:] == wanted[1:] for _, given, wanted in self.reshaped)
        (given, _), *others = firsts
        return given[0] if same_rest and not others and given else None

    def sentence(self) -> str:
        """What differs, naming the first three keys of each sort with their shapes."""
        parts = [
            _first_three(f"{len(keys)} {what}", [f"{k} {shape}" for k, shape in keys])
            for what, keys in (("missing", self.missing), ("unexpected", self.unexpected))
            if keys
        ]
        if self.reshaped:
            items = [f"{k} {given} where {wanted} is expected" for k, given, wanted in self.reshaped]
            parts.append(_first_three(f"{len(items)} of another shape", items))
        return "; ".join(parts)


def _first_three(what: str, items: list[str]) -> str:
    return f"{what}: {', '.join(items[:3])}{', …' if len(items) > 3 else ''}"


def read_checkpoint(path: str | Path, named: bool = True) -> dict[str, Tensor]:
    """Read a checkpoint's state dict, on the CPU, from wherever it is nested in the file.

    `.safetensors` is read as such, all else by `torch.load(weights_only=True)`, which refuses
    Python objects instead of running them. named: a config names the file, and so it may be a store that does; else it
    lies where a library or lexplain keeps its own, or in a folder that has been asked for. Raises `UserError` for a file
    that is missing, unreadable, holds objects or no weights, or that a store names and this machine doesn't trust.
    """
    path = opening("weights", Path(path)) if named else Path(path)
    if not path.is_file():
        raise UserError(f"There is no weights file {path}.")
    return _state_dict(_read(path), path)


def _read(path: Path) -> object:
    damaged = f"The weights file {path} can't be read: it is damaged or not a checkpoint"
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError, MemoryError) as error:
            refuse_shortage(error, f"The weights file {path} can't be read")
            raise UserError(f"{damaged} ({error}).") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "Unsupported class" in str(error):
            raise UserError(
                f"The weights file {path} holds Python objects, which lexplain never loads, since that could "
                "run code; save the weights alone with torch.save(model.state_dict(), …)."
            ) from None
        raise UserError(f"{damaged}.") from None
    except RuntimeError as error:
        refuse_shortage(error, f"The weights file {path} can't be read")
        if "TorchScript" in str(error):
            raise UserError(
                f"The weights file {path} is a TorchScript archive; save the weights alone with "
                "torch.save(model.state_dict(), …)."
            ) from None
        raise UserError(f"{damaged}.") from None
    except (
        Exception
    ) as error:  # a foreign file can fail anywhere in the unpickler: KeyError, EOFError, IndexError, …
        refuse_shortage(error, f"The weights file {path} can't be read")
        raise UserError(f"{damaged}.") from None


def _tensors(data: Mapping) -> dict[str, Tensor]:
    return {k: v for k, v in data.items() if isinstance(k, str) and isinstance(v, Tensor)}


def _state_dict(data: object, path: Path) -> dict[str, Tensor]:
    """Descend to the dict that holds the tensors; other entries (epoch, optimiser) are left behind."""
    for _ in range(4):
        if not isinstance(data, Mapping):
            kind = type(data).__name__
            raise UserError(f"The weights file {path} holds a {kind}, not a dict of weights (a state dict).")
        inner = next((data[k] for k in _NESTS if isinstance(data.get(k), Mapping)), None)
        if inner is not None:
            data = inner
        elif found := _tensors(data):
            return found
        else:
            break
    keys = ", ".join(repr(k) for k in list(data)[:5]) or "no entries"
    raise UserError(f"The weights file {path} holds no weights: there is no state dict in it, but {keys}.")


def _renamed(state: dict[str, Tensor], expected: set[str]) -> dict[str, Tensor]:
    """Strip wrappers' prefixes as long as that makes more of the keys ones that are expected."""

    def overlap(candidate: dict[str, Tensor]) -> int:
        return len(expected.intersection(candidate))

    state = {_OLD_DENSENET.sub(r"\1\2", k): v for k, v in state.items()}
    # Wrappers nest (`_orig_mod.module.`), so an outer prefix can hide that an inner one helps.
    best, frontier = state, [state]
    for _ in range(3):
        frontier = [
            {k.removeprefix(p): v for k, v in candidate.items()}
            for candidate in frontier
            for p in _PREFIXES
            if any(k.startswith(p) for k in candidate)
        ]
        best = max([best, *frontier], key=overlap)
    return best


def fit(state: dict[str, Tensor], module: nn.Module) -> tuple[dict[str, Tensor], Difference]:
    """Rename a state dict's keys to the module's and say what still differs.

    A missing `num_batches_tracked` is no difference: evaluation doesn't use it, and old
    checkpoints don't have it.
    """
    expected = {k: v for k, v in module.state_dict().items() if isinstance(v, Tensor)}
    state = _renamed(state, set(expected))
    shared = [k for k in expected if k in state]
    return state, Difference(
        missing=tuple(
            (k, tuple(v.shape))
            for k, v in expected.items()
            if k not in state and not k.endswith("num_batches_tracked")
        ),
        unexpected=tuple((k, tuple(v.shape)) for k, v in state.items() if k not in expected),
        reshaped=tuple(
            (k, tuple(state[k].shape), tuple(expected[k].shape))
            for k in shared
            if state[k].shape != expected[k].shape
        ),
    )


def load_weights(module: nn.Module, path: str | Path, name: str, named: bool = True) -> None:
    """Load a checkpoint file into `module` (called `name` in errors), in the module's precision.

    named: as for `read_checkpoint`. Raises `UserError` for a file that can't be read, or whose weights don't fit, naming the
    first keys that are missing, unexpected or of another shape.
    """
    state, difference = fit(read_checkpoint(path, named), module)
    if difference:
        raise UserError(f"The weights in {path} don't fit {name}: {difference.sentence()}.")
    # copies into the module's own tensors, so half-precision files become float32
    module.load_state_dict(state, strict=False)
