"""Load the network under study by what a config says: its name, its weights, its preprocessing."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import config
from ..base.errors import UserError, did_you_mean, quote, refuse_shortage
from ..base.files import expanded
from ..base.offline import is_offline, not_in_cache
from ..config import paths
from ..config.paths import names_file
from . import checkpoints, open_clip_tower, outputs, preprocess, presets
from .base import TargetModel
from .factory import call_factory, said, seeded
from .kinds import check_kind, take_grey, unwrapped
from .preprocess import Preprocessing
from .registry import registered, target_models

# Tried, in this order, to find a size that a factory's network accepts, where nothing says one.
_SIZES = (224, 32, 64, 96, 128, 256, 28, 384, 512)
# torchvision's that normalise their input once more, where they were trained so.
_TRANSFORMING = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class _Loaded:
    """A network before a config's own wishes are applied to it."""

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    source: str
    names: outputs.Names = (None, None)


def load_target(
    target: config.Target,
    class_names: Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
) -> TargetModel:
    """Load a target model, in eval mode and on the CPU.

    `target.model` is a registered name (`demo`), a preset (`le/resnet50-imagenet`),
    `path/to/file.py:function`, `timm/NAME`, `open_clip/NAME` (its image tower), `torchvision/NAME`,
    or a bare torchvision (else timm) name. class_names: names of the
    probing set's classes, for `outputs = "classes"`. image_size: (height, width) of the first
    image, the input's size where neither weights nor config resize or cut.
    Raises `UserError` for whatever is not there or doesn't fit.
    """
    if make := registered(target.model):
        return make(target)
    preset = presets.presets[target.model] if target.model in presets.presets else None
    target = presets.filled(target)
    loaded = _load(target, preset)
    preprocessing = preprocess.with_settings(loaded.preprocessing, target.preprocess)
    names = loaded.names
    if target.outputs is not None:
        names = outputs.chosen_outputs(target.outputs, names, class_names)
    module = loaded.module.float().eval().requires_grad_(False)
    take_grey(module, preprocessing.crop or image_size)
    return TargetModel(
        name=loaded.name,
        module=module,
        preprocess=preprocessing,
        crop=preprocessing.cut,
        input_size=preprocessing.crop or _working_size(module, image_size, loaded.name),
        source=loaded.source,
        outputs=names[0],
        output_keys=names[1],
        interest=preset.layers if preset else (),
    )


def _load(target: config.Target, preset: presets.Preset | None) -> _Loaded:
    """preset: which one names the model. A file of code then comes with lexplain, and a file's weights are like its tag's."""
    recipe = preset.weights if preset else None
    if factory := paths.factory_of(target.model):
        return _from_factory(*factory, target.weights, target.weights_key, ours=preset is not None)
    if target.model.endswith(".py"):
        raise UserError(
            f"target.model {quote(target.model)} doesn't say which function makes the model: write "
            f"{target.model}:FUNCTION."
        )
    library, _, name = target.model.rpartition("/")
    if target.transform_input is not None and (library == "timm" or name not in _TRANSFORMING):
        raise UserError(
            f"target.transform_input is for torchvision's {' and '.join(_TRANSFORMING)}, not for {quote(target.model)}; remove it."
        )
    if library == "open_clip":
        tower, given, source = open_clip_tower.load(
            name, target.weights, _file(target.weights), target.preprocess, target.weights_key, recipe
        )
        return _Loaded(name, tower, given, source)
    if library not in ("", "timm", "torchvision"):
        raise UserError(
            f"There is no target model {quote(target.model)}: write a torchvision name, timm/NAME, open_clip/NAME, a preset "
            "or path/to/file.py:function."
        )
    if library != "timm" and name in _torchvision_names():
        return _from_torchvision(name, target, recipe)
    if library != "torchvision" and _is_timm(name):
        return _from_timm(name, target.weights, target.weights_key, recipe)
    known = [f"timm/{n}" for n in _timm_names()] if library == "timm" else _torchvision_names()
    if not library:
        known = [*target_models, *known, *_timm_names()]
    elif library == "torchvision":
        known = [f"torchvision/{n}" for n in known]
    raise UserError(
        f"There is no target model {quote(target.model)} in {library or 'torchvision or timm'}."
        + did_you_mean(target.model, known)
    )


def _file(weights: str) -> Path | None:
    """The checkpoint file that `weights` names, or None if it is a tag."""
    return expanded(weights) if names_file(weights) else None


def _fill(
    build: Callable[..., nn.Module], copies: checkpoints.Copies, path: Path, name: str, key: str | None
) -> tuple[nn.Module, int | None, str]:
    """Build a model and load a checkpoint into it; the classifier takes the checkpoint's size.

    Returns the module, its number of outputs if it isn't the usual one, and which weights of the file were taken.
    """
    with seeded():
        module = build()
        chosen = checkpoints.choose(copies, path, lambda state: checkpoints.fit(state, module), key)
        size = chosen.difference.head_size()
        if size is not None:
            module = build(num_classes=size)
            state, difference = checkpoints.fit(chosen.state, module)
            chosen = replace(chosen, state=state, difference=difference)
    checkpoints.put(module, chosen, path, name)
    return module, size, chosen.sentence()


# torchvision


def _torchvision_names() -> list[str]:
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def _from_torchvision(name: str, target: config.Target, recipe: str | None) -> _Loaded:
    from torchvision.models import get_model, get_model_weights

    weights = target.weights
    wished = {} if target.transform_input is None else {"transform_input": target.transform_input}

    def build(**arguments: Any) -> nn.Module:
        import warnings

        arguments |= wished

        with warnings.catch_warnings():  # googlenet and inception warn of their slow initialisation
            warnings.simplefilter("ignore")
            return get_model(name, **arguments)

    enum = get_model_weights(name)
    usual = getattr(enum, "IMAGENET1K_V1", None) or enum.DEFAULT
    usual_preset = preprocess.from_torchvision(usual.transforms())
    if path := _file(weights):
        return _from_torchvisions_file(name, build, list(enum), path, target, recipe)
    if weights == "random":
        with seeded():
            return _Loaded(name, build(), usual_preset, f"torchvision {name} with random weights (seed 0)")
    tags = [w.name for w in enum]
    if weights == "default":
        tag = enum.DEFAULT
    elif weights in tags:
        tag = enum[weights]
    else:
        raise UserError(
            f"There are no weights {quote(weights)} for torchvision's {name}; there are {', '.join(tags)}, "
            "`default`, `random`, or a checkpoint file." + did_you_mean(weights, tags)
        )
    file = Path(torch.hub.get_dir()) / "checkpoints" / tag.url.rpartition("/")[2]
    if is_offline() and not file.is_file():
        raise not_in_cache(f"The weights torchvision's {tag} for {name}")
    try:
        with _weights_only():
            module = build(weights=tag)
    except (OSError, RuntimeError) as error:  # no network (URLError is an OSError), or a broken download
        raise _no_download(name, f"torchvision's {tag}", error) from None
    except pickle.UnpicklingError:
        raise UserError(
            f"torchvision's download {file} holds more than weights and is not loaded; remove it and build again."
        ) from None
    categories = tuple(tag.meta["categories"])
    imagenet_names, wnids = outputs.imagenet()
    return _Loaded(
        name,
        module,
        preprocess.from_torchvision(tag.transforms()),
        f"torchvision {name} with weights {tag}",
        (categories, wnids if categories == imagenet_names else None),
    )


def _from_torchvisions_file(
    name: str,
    build: Callable[..., nn.Module],
    tags: list,
    path: Path,
    target: config.Target,
    recipe: str | None,
) -> _Loaded:
    """As by the tag whose weights the file has: its preprocessing, and what torchvision builds with for it."""
    copies = checkpoints.read_copies(path)
    keys = {key for state in copies.values() for key in state}
    known = _tag_of(path, tags, recipe)
    # A file of one's own doesn't say which recipe it is from; most are torchvision's first.
    order = sorted(
        tags, key=lambda tag: (tag is not known, tag.name != "IMAGENET1K_V1", tag != type(tag).DEFAULT)
    )
    tried: list[dict] = []
    failures: list[UserError] = []
    for tag in order:
        arguments = _as_by_tag(name, tag, keys)
        if arguments in tried:
            continue
        tried.append(arguments)
        try:
            module, size, which = _fill(partial(build, **arguments), copies, path, name, target.weights_key)
        except UserError as error:
            failures.append(error)
            continue
        given = preprocess.from_torchvision(tag.transforms())
        others = (
            [] if tag is known else [other for other in tags if _as_by_tag(name, other, keys) == arguments]
        )
        alike = [t.name for t in others if preprocess.from_torchvision(t.transforms()) != given]
        doubts = [f"for {' or '.join(alike)} set target.preprocess"] if alike else []
        if tag is not known and "transform_input" in arguments and target.transform_input is None:
            doubts.append(
                "so it normalises its input once more, which the file doesn't show; if it was trained without, set "
                "target.transform_input = false"
            )
        doubt = f", taken for {tag.name} ({'; '.join(doubts)})" if doubts else ""
        source = f"torchvision {name} with weights from {path.name}{which}{doubt}"
        return _Loaded(name, module, given, source, outputs.imagenet() if size is None else (None, None))
    raise failures[0]


def _tag_of(path: Path, tags: list, recipe: str | None) -> Any:
    """The tag whose weights a file has: a preset's own, or the one whose download has its name or its digest."""
    for tag in tags:
        if tag.name == recipe or tag.url.rpartition("/")[2] == path.name:
            return tag
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return next((tag for tag in tags if f"-{digest[:8]}." in tag.url), None)


def _as_by_tag(name: str, tag: Any, keys: set[str]) -> dict:
    """What torchvision's own function changes in its network where it is given a tag."""
    if name in _TRANSFORMING:
        kept = name == "inception_v3" and any("AuxLogits." in key for key in keys)
        return {"transform_input": True, "aux_logits": kept, "init_weights": False}
    if name.startswith("vit_"):
        return {"image_size": tag.meta["min_size"][0]}
    if name.startswith("maxvit"):
        return {"input_size": tag.meta["min_size"]}
    return {}


@contextmanager
def _weights_only() -> Iterator[None]:
    """Make every `torch.load` refuse what is no tensor: torchvision itself asks for no such care."""
    before = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]
        else:
            os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = before


def _no_download(name: str, what: str, error: Exception) -> UserError:
    if is_offline():
        return not_in_cache(f"The weights {what} for {name}")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UserError(
        f"The weights of {name} ({what}) can't be downloaded ({reason}); get them where there is a network "
        'and set weights = "file.pth", or set weights = "random".'
    )


# timm


def _timm_names() -> list[str]:
    import timm

    return timm.list_models()


def _is_timm(name: str) -> bool:
    import timm

    return ":" not in name and timm.is_model(name)  # `hf-hub:…` and `local-dir:…` are no names of timm's


def _from_timm(name: str, weights: str, key: str | None, recipe: str | None) -> _Loaded:
    import timm

    base, _, tag = name.partition(".")

    def build(full: str = name, **arguments: Any) -> nn.Module:
        try:
            return timm.create_model(full, **arguments)
        except (RuntimeError, ValueError) as error:
            if "Invalid pretrained tag" not in str(error):
                raise
            raise UserError(_wrong_tag(base, full.partition(".")[2])) from None

    if path := _file(weights):
        full = f"{base}.{recipe}" if recipe and not tag else name
        module, size, which = _fill_timm(partial(build, full), path, name, key)
        doubt = _doubt(module, base) if full == base else ""
        source, known = f"timm {name} with weights from {path.name}{which}{doubt}", size is None
    elif weights == "random":
        with seeded():
            module = build()
        source, known = f"timm {name} with random weights (seed 0)", False
    else:
        full = name if weights == "default" else f"{base}.{weights}"
        if full.partition(".")[2] not in ("", *_tags(base)):
            raise UserError(_wrong_tag(base, full.partition(".")[2]))
        if not _tags(base):
            raise UserError(
                f"timm has no pretrained weights for {base}; set weights to a checkpoint file or `random`."
            )
        try:
            module = build(full, pretrained=True)
        except UserError:
            raise
        except Exception as error:  # the hub's client raises errors of many libraries
            raise _no_download(name, f"of timm's {full}", error) from None
        cfg: Any = module.pretrained_cfg
        source, known = f"timm {base} with weights {cfg.get('tag') or 'default'}", True
    names = outputs.timm_outputs(module) if known else (None, None)
    if names[0] is not None and len(names[0]) != module.num_classes:
        names = (None, None)
    return _Loaded(name, module, preprocess.from_timm(module), source, names)


def _fill_timm(
    build: Callable[..., nn.Module], path: Path, name: str, key: str | None
) -> tuple[nn.Module, int | None, str]:
    """As `_fill`; weights in the form in which they were published are converted by timm, as it does by tag."""
    copies = checkpoints.read_copies(path)
    try:
        return _fill(build, copies, path, name, key)
    except UserError as failure:
        state = next(iter(copies.values()))
        try:
            given = {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": state}}
            made = []
            for seed in (0, 1):
                with seeded(seed):
                    made.append(build(**given))
        except Exception:  # timm's converters raise all sorts for what they don't know
            raise failure from None
        pairs = zip(*(module.state_dict().values() for module in made), strict=True)
        if not all(torch.equal(one, other) for one, other in pairs):  # some weights are not from the file
            raise failure from None
        return made[0], None, ""


def _doubt(module: nn.Module, base: str) -> str:
    """Which tag's preprocessing a file of one's own was given, where timm has several."""
    import timm

    def prepared(one: dict) -> tuple:
        return tuple(
            one.get(k) for k in ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")
        )

    own: Any = module.pretrained_cfg
    cfgs = {tag: timm.get_pretrained_cfg(f"{base}.{tag}").to_dict() for tag in _tags(base)}
    others = [tag for tag, cfg in cfgs.items() if prepared(cfg) != prepared(own)]
    if not others:
        return ""
    named = " or ".join(others[:3]) + (", …" if len(others) > 3 else "")
    return f", taken for {own.get('tag')} (for {named} set target.model to timm/{base}.TAG)"


def _tags(base: str) -> list[str]:
    import timm

    return [n.partition(".")[2] for n in timm.list_pretrained(f"{base}.*")]


def _wrong_tag(base: str, tag: str) -> str:
    tags = _tags(base)
    there = ", ".join(tags[:8]) + (", …" if len(tags) > 8 else "")
    sentence = f"There are no weights {quote(tag)} for timm's {base}; there are {there or 'none'}."
    return sentence + did_you_mean(tag, tags)


# one's own


def _from_factory(path: Path, function: str, weights: str, key: str | None, ours: bool) -> _Loaded:
    path = expanded(path)
    where = f"{path}:{function}"
    module = unwrapped(call_factory(path, function, ours))
    check_kind(module, where)
    source = f"{function}() of {path.name}"
    if weights not in ("default", "random"):
        file = _file(weights)
        if file is None:
            raise UserError(
                f"target.weights is {quote(weights)}, but a model from one's own file takes a checkpoint file, "
                "or `default` for the weights that the function returned."
            )
        which = checkpoints.load_weights(module, file, where, key)
        source += f" with weights from {file.name}{which}"
    given = getattr(module, "preprocess", None)
    preprocessing = preprocess.from_attribute(given, where) if isinstance(given, dict) else Preprocessing()
    given = getattr(module, "outputs", None) or getattr(module, "categories", None)
    names = None
    if isinstance(given, (list, tuple)) and all(isinstance(n, str) for n in given):
        names = tuple(given)
    return _Loaded(f"{path.stem}:{function}", module, preprocessing, source, (names, None))


def _working_size(module: nn.Module, image_size: tuple[int, int] | None, name: str) -> tuple[int, int]:
    """The size of the images that come, or the first usual size that the network accepts."""
    if image_size is not None:
        return image_size
    parameter = next(module.parameters(), torch.zeros(1))
    for side in _SIZES:
        try:
            with torch.inference_mode():
                module(torch.zeros(1, 3, side, side, dtype=parameter.dtype))
            return side, side
        except Exception as failure:  # whatever a network does with a size that it can't take
            refuse_shortage(failure, f"{name} can't be run")
            error = failure
    raise UserError(
        f"{name} takes no RGB images of {', '.join(map(str, _SIZES))} pixels ({said(error)}); "
        "set target.preprocess.crop to the side of its input."
    )
