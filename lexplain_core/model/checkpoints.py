"""Weights from a file: read without ever unpickling an object, and fitted to a module or refused."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ..base.errors import UserError, refuse_shortage
from ..trust import opening

# Where training scripts keep the weights inside their checkpoint, the likeliest first.
_NESTS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module")
# What stands beside them and holds tensors, too.
_OTHERS = re.compile(r"(grad_)?scaler|optim|(lr_)?sched|rng|loops|hyper")
# Names of a second copy: a running average of the weights, or the teacher that one is.
_AVERAGED = re.compile(
    r"(^|[._])(ema|swa|averaged|average|avg|shadow|teacher|momentum|encoder_k|target_(encoder|network))([._]|$)"
)
# What wrappers (DataParallel, torch.compile, FSDP) put into keys, at the front or at a submodule.
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# Numbers that training keeps among the weights: of averaging, of counting operations.
_COUNTERS = re.compile(
    r"(^|[._])(n_averaged|num_batches_tracked|total_ops|total_params|num_updates|updates|decay|global_step|step|epoch|initted)$"
)
# Heads that serve training alone: evaluation doesn't run them.
_AUXILIARY = re.compile(r"(^|\.)(aux1|aux2|AuxLogits|aux_classifier)\.")
_REST = "weights"  # the name of what is left when averages among the weights are taken out
# Keys of torchvision's densenet files from before PyTorch 0.4.1: `norm.1.weight` is `norm1.weight` now.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$")


Copies = dict[str, dict[str, Tensor]]  # state dicts by where they lie in a file


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
        if any(given[:1] == wanted[:1] for _, given, wanted in self.reshaped):
            return None  # an image size, say
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


@dataclass(frozen=True)
class Chosen:
    """One of a file's copies of the weights, fitted to a module.

    name: where it lies in the file (`state_dict_ema`), "" where it is the file itself. others: names of further
    copies that would fit.
    """

    name: str
    state: dict[str, Tensor]
    difference: Difference
    others: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Which copy was taken, where there are several; else ""."""
        if not self.others:
            return ""
        which = f"those under {self.name!r}" if self.name else "those at its top"
        return f" ({which}; it also holds {_listed(self.others)}, which target.weights_key can choose)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in list(names)[:5]) + (", …" if len(names) > 5 else "")


def read_copies(path: str | Path, named: bool = True) -> Copies:
    """The state dicts in a checkpoint, on the CPU, by where they lie in the file, the likeliest first.

    Averages of the weights (EMA, SWA) come last. `.safetensors` is read as such, all else by
    `torch.load(weights_only=True)`, which refuses Python objects instead of running them. named: a config names the
    file, and so it may be a store that does; else it lies where a library or lexplain keeps its own, or in a folder that
    has been asked for. Raises `UserError` for a file that is missing, unreadable, holds objects or no weights, or that a
    store names and this machine doesn't trust.
    """
    path = opening("weights", Path(path)) if named else Path(path)
    if not path.is_file():
        raise UserError(f"There is no weights file {path}.")
    data = _read(path)
    if not isinstance(data, Mapping):
        kind = type(data).__name__
        raise UserError(f"The weights file {path} holds a {kind}, not a dict of weights (a state dict).")
    found: Copies = {}
    _collect(data, "", found)
    if not found:
        keys = ", ".join(repr(k) for k in list(data)[:5]) or "no entries"
        raise UserError(
            f"The weights file {path} holds no weights: there is no state dict in it, but {keys}."
        )
    return dict(sorted(found.items(), key=lambda item: _rank(item[0])))


def read_checkpoint(path: str | Path, named: bool = True) -> dict[str, Tensor]:
    """The likeliest state dict of a checkpoint. named, and `UserError`: as for `read_copies`."""
    return next(iter(read_copies(path, named).values()))


def choose(
    copies: Copies,
    path: str | Path,
    fitted: Callable[[dict[str, Tensor]], tuple[dict[str, Tensor], Difference]],
    key: str | None,
) -> Chosen:
    """The best fitting of the copies in a file (`read_copies`); the raw weights before averages of them.

    fitted: fits a state dict to the module (`fit`). key: the name of the copy that is wanted. Raises `UserError`
    for a key that isn't there.
    """
    if key is not None:
        named = {n: s for n, s in copies.items() if n == key or n.rpartition(".")[2] == key}
        if not named:
            raise UserError(
                f"target.weights_key is {key!r}, but the weights file {path} holds {_listed([n or 'weights' for n in copies])}."
            )
        copies = named
    tried = [Chosen(name, *fitted(state)) for name, state in copies.items()]
    best = min(tried, key=_misfit)  # the first of those that are alike
    others = [
        one.name for one in tried if one is not best and one.name and _misfit(one) <= min(_misfit(best), 1)
    ]
    return replace(best, others=tuple(others))


def _misfit(one: Chosen) -> int:
    """0 for weights that fit, 1 where the classifier alone has another size, 2 else."""
    return 0 if not one.difference else 1 if one.difference.head_size() is not None else 2


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


def _collect(data: Mapping, name: str, found: Copies, depth: int = 0) -> None:
    """Put all state dicts below `data` into `found`; other entries (epoch, optimiser) are left behind."""
    if tensors := _tensors(data):
        found[name] = tensors
        averaged = [
            first for first in dict.fromkeys(k.partition(".")[0] for k in tensors) if _AVERAGED.search(first)
        ]
        for first in averaged:  # a second copy among the weights, under a name of its own
            copy = {k.partition(".")[2]: v for k, v in tensors.items() if k.startswith(f"{first}.")}
            if copy:
                found[f"{name}.{first}" if name else first] = copy
        rest = {k: v for k, v in tensors.items() if k.partition(".")[0] not in averaged}
        if averaged and rest:
            found[f"{name}.{_REST}" if name else _REST] = rest
    for key, value in data.items():
        if depth < 4 and isinstance(key, str) and isinstance(value, Mapping) and not _OTHERS.match(key):
            _collect(value, f"{name}.{key}" if name else key, found, depth + 1)


def _rank(name: str) -> tuple[bool, int]:
    """The likelier copies first: raw weights, then those under a usual name."""
    last = name.rpartition(".")[2]
    return bool(_AVERAGED.search(name)), _NESTS.index(last) if last in _NESTS else len(_NESTS)


def _renamed(state: dict[str, Tensor], expected: Sequence[str]) -> dict[str, Tensor]:
    """Strip wrappers' prefixes where that makes more of the keys ones that are expected."""
    wanted = set(expected)
    state = {_OLD_DENSENET.sub(r"\1\2", k): v for k, v in state.items()}
    variants = [state, {_WRAPPERS.sub("", k): v for k, v in state.items()}]
    for variant in variants[:]:
        variants += [{k.removeprefix(p): v for k, v in variant.items()} for p in _prefixes(variant, expected)]
    whole = [variant for variant in variants if len(variant) == len(state)]  # no two keys have become one
    return max(whole, key=lambda variant: len(wanted.intersection(variant)))


def _prefixes(state: dict[str, Tensor], expected: Sequence[str]) -> list[str]:
    """What stands before some expected keys (`model.`, `backbone.encoder.`)."""
    some = [*expected[:2], *expected[-2:]]
    return list(dict.fromkeys(k[: -len(key)] for key in some for k in state if k.endswith(f".{key}")))[:16]


def fit(state: dict[str, Tensor], module: nn.Module) -> tuple[dict[str, Tensor], Difference]:
    """Rename a state dict's keys to the module's and say what still differs.

    Counters (`n_averaged`, `total_ops`) and auxiliary heads that the module doesn't have are no difference, nor is
    a missing `num_batches_tracked`: evaluation uses none of them.
    """
    expected = {k: v for k, v in module.state_dict().items() if isinstance(v, Tensor)}
    state = _renamed(state, list(expected))
    shared = [k for k in expected if k in state]
    return state, Difference(
        missing=tuple(
            (k, tuple(v.shape))
            for k, v in expected.items()
            if k not in state and not k.endswith("num_batches_tracked")
        ),
        unexpected=tuple(
            (k, tuple(v.shape)) for k, v in state.items() if k not in expected and not _idle(k, v)
        ),
        reshaped=tuple(
            (k, tuple(state[k].shape), tuple(expected[k].shape))
            for k in shared
            if state[k].shape != expected[k].shape
        ),
    )


def _idle(key: str, value: Tensor) -> bool:
    """Whether a tensor serves training alone: a counter, or an auxiliary head's."""
    return bool(_AUXILIARY.search(key)) or (value.numel() == 1 and bool(_COUNTERS.search(key)))


def load_weights(
    module: nn.Module, path: str | Path, name: str, key: str | None = None, named: bool = True
) -> str:
    """Load a checkpoint file into `module` (called `name` in errors), in the module's precision.

    key: which copy of the weights, where the file holds several. named: as for `read_copies`. Gives the sentence that says which was taken.
    Raises `UserError` for a file that can't be read, or whose weights don't fit, naming the
    first keys that are missing, unexpected or of another shape.
    """
    chosen = choose(read_copies(path, named), path, lambda state: fit(state, module), key)
    put(module, chosen, path, name)
    return chosen.sentence()


def put(module: nn.Module, chosen: Chosen, path: str | Path, name: str) -> None:
    """Load weights that were chosen, or raise `UserError` if they don't fit."""
    if chosen.difference:
        raise UserError(f"The weights in {path} don't fit {name}: {chosen.difference.sentence()}.")
    state = module.state_dict()  # for the versions of the modules with it, which some (MNASNet) ask for
    state.clear()
    state.update(chosen.state)
    # copies into the module's own tensors, so half-precision files become float32
    module.load_state_dict(state, strict=False)
