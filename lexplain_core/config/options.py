"""A build's configuration: one TOML file, typed, every option with a default and a sentence of help."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator, model_validator

from ..base.errors import UserError, did_you_mean, quote, repeated
from ..base.files import exists
from ..base.memory import parse_size
from ..base.plugins import load_plugins
from ..base.toml import DEEPEST, check_values, parse_toml, read_toml
from .explaining import Explain
from .paths import anchor
from .section import Section
from .units import UnitSpec


class Probe(Section):
    """What the network is shown."""

    set: str = Field(
        "folder",
        description="Probing set by name: `folder`, `demo`, or a torchvision set (`cifar10`, `cifar100`, `places365`, `imagenette`, `imagenet`).",
    )
    root: Path | None = Field(
        None,
        description="Folder of the images: a folder a class for `folder` (one part of a set, such as its `val`), torchvision's `root` for its sets.",
    )
    partition: str | None = Field(
        None,
        description="Which part of a torchvision set to show, as the set names it (`train`, `val`, `test`); its held-out part when not set.",
    )
    download: bool = Field(False, description="Let torchvision download the set into `root` where it can.")
    names: Path | None = Field(
        None,
        description="File that maps class folders to names, a line each: id, a tab or space, name (of `a, b, c` the first is taken).",
    )
    superclasses: str | None = Field(
        None,
        description="JSON file (superclass → list of class names or folders), or `wordnet` to derive them from WordNet ids.",
    )
    limit: int | None = Field(
        None,
        ge=50,
        description="Show only this many images, drawn by the build's seed and balanced over classes.",
    )
    max_pixels: int = Field(
        50_000_000, ge=1, description="Images with more pixels are skipped as absurdly large."
    )


class Preprocess(Section):
    """How an image becomes the network's input; what is not set comes with the weights."""

    resize: int | None = Field(None, ge=1, description="Resize the shorter side to this many pixels.")
    crop: int | None = Field(None, ge=1, description="Cut a centred square of this many pixels.")
    squash: bool | None = Field(
        None, description="Resize to a `crop` × `crop` square without keeping the proportions."
    )
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] | None = Field(
        None, description="Interpolation of the resize."
    )
    mean: tuple[float, float, float] | None = Field(
        None,
        description="Per-channel mean subtracted from values in [0, 1]; one number stands for all channels.",
    )
    std: tuple[float, float, float] | None = Field(
        None, description="Per-channel standard deviation divided by; one number stands for all channels."
    )

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _for_all_channels(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return (given,) * 3
        return given * 3 if isinstance(given, list | tuple) and len(given) == 1 else given


class Target(Section):
    """The network under study."""

    model: str = Field(
        "resnet50",
        description="torchvision name, `timm/NAME`, `open_clip/NAME` (its image tower), `path/to/file.py:function` for one's own, a preset (`le/resnet50-imagenet`; `python -m lexplain_core presets` lists them), or `demo`.",
    )
    weights: str = Field(
        "default",
        description="A checkpoint file (`.pth`, `.pt`, `.th`, `.safetensors`), torchvision's, timm's or open_clip's tag, `default` (a preset's own, or the library's; downloaded), or `random`.",
    )
    weights_key: str | None = Field(
        None,
        description="Which copy of the weights, where a checkpoint file holds several: the name under which it lies there, such as `state_dict_ema`. The raw weights when not set; the build says which were taken.",
    )
    transform_input: bool | None = Field(
        None,
        description="GoogLeNet and Inception of torchvision: whether the network normalises its input once more, which weights don't show. Not set: as torchvision has it for its own weights, and so for a file too; `false` for a file of weights that were trained without.",
    )
    outputs: str | list[str] | None = Field(
        None,
        description="Names of the model's outputs, in order: a list, a text file with a name a line, `imagenet`, or `classes` (the probing set's classes, sorted as text or, where more images are right so, by their numbers). Where it can be told from the weights it need not be said.",
    )
    preprocess: Preprocess = Field(
        default_factory=Preprocess, description="How an image becomes the network's input."
    )


class LayerSpec(Section):
    """A layer to record."""

    name: str = Field(
        description="Name of the module, as `python -m lexplain_core layers MODEL` prints it; `NAME#2` is its second call."
    )
    pooling: Literal["auto", "mean", "max", "cls", "none"] = Field(
        "auto",
        description="How a unit's map becomes one number: `mean`, `max`, `cls` (first token) or `none`; `auto` takes `mean` where there is a map.",
    )


class Record(Section):
    """The recording pass."""

    device: str = Field(
        "auto", description="`auto` (CUDA, else MPS, else CPU), or a device as torch names it."
    )
    batch_size: int | None = Field(None, ge=1, description="Images per batch; sized to memory when not set.")
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "float32", description="Precision of the forward pass; half precision runs on CUDA only."
    )
    random: Literal["refuse", "note"] = Field(
        "refuse",
        description="What becomes of a network that doesn't give the same numbers again, such as one with dropout at work: `refuse` it, or `note` it in the store.",
    )
    workers: int | None = Field(
        None, ge=0, description="Threads that decode images; chosen by the number of cores when not set."
    )


class Concepts(Section):
    """What encoders are asked about; the label matrix always has all labels of the probing set."""

    sets: list[str] = Field(
        ["labels"],
        description="Concept sets, joined without duplicates: `labels` (classes, superclasses, attributes), `nouns` (common English nouns), or text files with a concept a line.",
    )
    embeddings: bool = Field(
        True,
        description="Keep the encoders' embeddings of all images and concepts in the store, so that pages can score any words; 2 bytes a number.",
    )


class Encoder(Section):
    """An open_clip dual encoder."""

    model: str | None = Field(
        None,
        description="open_clip's name of the model, a JSON file with its configuration, a folder with `open_clip_config.json` and weights, or `demo/explainer`, `demo/simulator`; none when not set.",
    )
    pretrained: str | None = Field(
        None,
        description="open_clip's tag of the weights (downloaded), a weights file, or a folder with them; not needed where `model` is a folder.",
    )
    tokenizer: Path | None = Field(
        None,
        description="Folder of the Hugging Face tokenizer, or merges file of open_clip's own; comes with the model when not set.",
    )
    name: str | None = Field(
        None, description="What pages call it; the model's or the folder's name when not set."
    )
    mean: tuple[float, float, float] | None = Field(
        None, description="Per-channel mean subtracted from values in [0, 1]; comes with the weights."
    )
    std: tuple[float, float, float] | None = Field(
        None, description="Per-channel standard deviation divided by; comes with the weights."
    )
    squash: bool | None = Field(
        None,
        description="Resize without keeping the proportions (SigLIP) or the shorter side and crop (CLIP); comes with the weights.",
    )
    a: float | None = Field(
        None,
        gt=0,
        description="Scale in P = sigmoid(a·(cos + b)); the published value where there is one, else calibrated.",
    )
    b: float | None = Field(None, description="Shift in P = sigmoid(a·(cos + b)); given together with `a`.")
    batch_size: int = Field(64, ge=1, description="Images per batch.")


class Simulate(Section):
    """How explanations are scored."""

    labels: bool = Field(
        True, description="Also simulate with the labels, where every concept of an explanation is a label."
    )
    same_encoder: bool = Field(
        False,
        description="Allow the same model as explainer and simulator; scores then flatter, and the store says so.",
    )


class Ablation(Section):
    """Scores by ablation: how little the network notices when the words' prediction replaces the unit."""

    run: bool = Field(True, description="Compute ablation scores.")
    optim: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Also score with c and d found by gradient descent on the val split, begun at those of `norm`: `auto` where only pooling and a linear head follow the layer.",
    )
    runs: int = Field(
        50_000,
        ge=1_000,
        description="Most runs of the network, or of what follows a layer, per layer, shared by the methods; beyond them a sample of images is scored.",
    )


class Importance(Section):
    """Impact: what the network loses without a unit, and on which images."""

    run: bool = Field(True, description="Compute impacts and what units push towards.")
    to: list[Literal["zero", "mean"]] = Field(
        ["zero"], min_length=1, description="What a unit is set to: `zero`, its `mean`, or both."
    )
    runs: int = Field(
        50_000,
        ge=1_000,
        description="Most runs of the network, or of what follows a layer, per layer; a quarter for what units push the outputs towards, the rest for impacts. Beyond them they are estimated from a sample of images.",
    )

    outputs: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Measure what units push the outputs towards: `auto` where the outputs have names. All runs are for the impacts where it is not.",
    )

    @field_validator("to")
    @classmethod
    def _once(cls, to: list[str]) -> list[str]:
        if len(set(to)) < len(to):
            raise ValueError("a value is listed twice")
        return to


class Maps(Section):
    """Activation maps of the example images."""

    run: bool = Field(True, description="Keep activation maps for pages to lay over the example images.")
    side: int = Field(14, ge=2, le=32, description="Longest side of a kept map; larger ones are averaged.")
    occlusion: int = Field(
        0,
        ge=0,
        le=32,
        description="Side of the grid of occlusion maps for units without a spatial map; 0 keeps none (the page computes them when asked).",
    )


class Observer(Section):
    """A machine observer: answers 2AFC trials about each unit in the place of people."""

    run: bool = Field(True, description="Compute the machine observer's scores.")
    trials: int = Field(20, ge=20, description="Trials that it answers for each unit.")
    embeddings: list[Literal["simulator", "explainer", "target"]] = Field(
        default_factory=list,
        description="What it sees images with, the main one first: the encoder `simulator` or `explainer`, or `target`, the network's own last recorded layer. All that the build has, in this order, when empty.",
    )
    slope: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Also give the soft score, the mean of sigmoid(slope · margin); margins are differences of cosine similarities, so slopes of some tens are steep.",
    )

    @field_validator("embeddings")
    @classmethod
    def _once(cls, embeddings: list[str]) -> list[str]:
        if len(set(embeddings)) < len(embeddings):
            raise ValueError("an embedding is listed twice")
        return embeddings


class Build(Section):
    """A build: which images are shown to which network, what is recorded and how it is explained."""

    name: str = Field(description="Name of the store, for people.")
    store: Path = Field(description="Where the store is written, a `.duckdb` file.")
    seed: int = Field(0, ge=0, description="Seed of the split, the draws and the shuffles.")
    dead_threshold: float = Field(
        0.01, allow_inf_nan=False, description="A unit whose largest activation is below this is dead."
    )
    thumbnail: int = Field(
        160, ge=32, le=320, description="Longest side of the stored thumbnails, in pixels."
    )
    memory: str | None = Field(
        None,
        description="Most memory that the build may take, such as `4GiB`: arrays that don't fit into it lie in files beside the store. Half of what is free when not set.",
    )
    probe: Probe = Field(default_factory=Probe, description="What the network is shown.")
    target: Target = Field(default_factory=Target, description="The network under study.")
    layers: list[LayerSpec | str] = Field(
        min_length=1,
        description="Layers to record: names, or tables with `name` and `pooling`; `preset` stands for the layers of interest of a preset (`target.model`).",
    )
    units: list[UnitSpec] = Field(
        default_factory=list,
        exclude_if=lambda units: not units,  # stores of before keep their id
        description="Units of other kinds, read from the outputs of layers: tables, whose further keys are options of the kind.",
    )
    record: Record = Field(default_factory=Record, description="The recording pass.")
    concepts: Concepts = Field(default_factory=Concepts, description="What encoders are asked about.")
    explainer: Encoder = Field(
        default_factory=Encoder, description="The encoder that explanations are found with (`le-siglip`)."
    )
    simulator: Encoder = Field(
        default_factory=Encoder,
        description="The encoder that explanations are scored with; another one than the explainer.",
    )
    explain: Explain = Field(default_factory=Explain, description="How units are put in words.")
    simulate: Simulate = Field(default_factory=Simulate, description="How explanations are scored.")
    ablation: Ablation = Field(
        default_factory=Ablation,
        description="Scores by ablation: the unit is replaced by what its words predict.",
    )
    importance: Importance = Field(
        default_factory=Importance, description="Impact: what the network loses without a unit."
    )
    maps: Maps = Field(default_factory=Maps, description="Activation maps of the example images.")
    observer: Observer = Field(
        default_factory=Observer, description="A machine that answers 2AFC trials in the place of people."
    )
    plugins: list[Path] = Field(
        default_factory=list,
        description="Python files that are run before the build, for methods and the like of one's own.",
    )
    cache: Path = Field(
        Path("~/.cache/lexplain"),
        description="Folder where image embeddings are kept, by content; `LEXPLAIN_CACHE` overrides the default.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_the_explainer(cls, data: Any) -> Any:
        """An explainer that is given is used, unless `methods` says otherwise."""
        if isinstance(data, dict) and isinstance(data.get("explainer"), dict):
            explain = data.get("explain", {})
            if data["explainer"].get("model") and isinstance(explain, dict) and "methods" not in explain:
                return data | {"explain": explain | {"methods": ["le-label", "le-siglip"]}}
        return data

    @field_validator("memory")
    @classmethod
    def _a_size(cls, memory: str | None) -> str | None:
        try:
            parse_size("0" if memory is None else memory)
        except UserError:
            raise ValueError("it must be a size such as 4GiB or 500MB") from None
        return memory

    @field_validator("layers")
    @classmethod
    def _as_specs(cls, layers: list[LayerSpec | str]) -> list[LayerSpec]:
        specs = [LayerSpec(name=s) if isinstance(s, str) else s for s in layers]
        if (twice := repeated([s.name for s in specs])) is not None:
            raise ValueError(f"layer {quote(twice)} is listed twice")
        return specs

    @field_validator("units")
    @classmethod
    def _other_names(cls, units: list[UnitSpec], info: ValidationInfo) -> list[UnitSpec]:
        layers = [spec.name for spec in info.data.get("layers", [])]
        if (twice := repeated([*layers, *(spec.name for spec in units)])) is not None:
            raise ValueError(
                f"two layers of the store would be called {quote(twice)}; give one of them a `name`"
            )
        return units


def _unknown_key(path: tuple, section: type[BaseModel]) -> str:
    """Suggest the key that was meant, by walking the models along an error's location."""
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        if part == "layers":
            section = LayerSpec
            continue
        annotation = section.model_fields.get(str(part))
        kind = annotation.annotation if annotation else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return ""
        section = kind
    return did_you_mean(str(path[-1]), list(section.model_fields))


def _set(data: dict, assignment: str) -> None:
    """Apply one `--set a.b=value`; the value is read as TOML, else taken as text."""
    key, sep, value = assignment.partition("=")
    if not sep or not key or key.count(".") > DEEPEST:
        raise UserError(f"--set takes key=value, such as explain.epsilon=0.01; got {quote(assignment)}.")
    try:
        try:
            parsed = parse_toml(f"v = {value}")["v"]
        except TOMLDecodeError:
            parsed = value
        check_values([key, parsed])
    except ValueError as error:
        raise UserError(f"--set {quote(assignment)} can't be used: {error}.") from None
    *parents, last = key.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise UserError(f"--set {quote(assignment)}: {quote(parent)} is a value, not a section.")
    data[last] = parsed


# What pydantic adds to an error's location for the members of a union.
_MEMBERS = {"LayerSpec", "str", "list[str]"}


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Build:
    """Read a build's TOML file and apply `key=value` overrides.

    Paths in the file are relative to the file; paths in overrides to the working directory.
    Raises `UserError` naming file, key and reason.
    """
    path = Path(path)
    if not exists(path):
        raise UserError(f"There is no config file {path}.")
    data = read_toml(path, "The config")
    anchor(data, path.resolve().parent)
    data = apply_overrides(data, overrides)
    anchor(data, Path.cwd())  # what came with the overrides
    if isinstance(files := data.get("plugins"), list):  # they may register what the config names
        load_plugins([Path(file) for file in files if isinstance(file, str)])
    return parse_config(data, str(path))


def apply_overrides(data: dict, overrides: Sequence[str]) -> dict:
    """A copy of a config's dict with `key=value` overrides applied, such as `explain.epsilon=0.01`."""
    data = deepcopy(data)
    for assignment in overrides:
        _set(data, assignment)
    return data


_RENAMED = {  # options as 0.1 called them
    "record.memory": "memory",
    "dead_below": "dead_threshold",
    "explain.concept_mean5": "explain.min_top5_mean",
    "explain.concept_std": "explain.min_std",
}


def parse_config(data: dict, source: str) -> Build:
    """Check a config given as a dict; `source` is named in the error."""
    try:
        return Build.model_validate(data)
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key explains a missing one, so it is named first.
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        path = tuple(p for p in first["loc"] if p not in _MEMBERS)
        key = ".".join(str(p) for p in path)
        if first["type"] == "extra_forbidden":
            renamed = _RENAMED.get(key)
            reason = (
                f"it is called {renamed} now."
                if renamed
                else "there is no such option." + _unknown_key(path, Build)
            )
        elif first["type"] == "missing":
            reason = "it is needed but not there."
        elif first["type"] == "model_type":
            what = (
                "a layer's name, or a table with `name` and `pooling`" if path[0] == "layers" else "a table"
            )
            reason = f"it must be {what} (got {quote(first['input'])})."
        else:
            reason = f"{first['msg'].removeprefix('Value error, ')} (got {quote(first['input'])})."
        raise UserError(f"The config {source} has a wrong {quote(key)}: {reason}") from None
