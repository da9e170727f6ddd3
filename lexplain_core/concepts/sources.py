"""Where a dual encoder comes from: its architecture, weights and preprocessing, or a reason why not."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from .. import config
from ..base.errors import UserError, did_you_mean, quote
from ..base.files import expanded, read_json
from ..base.registry import Registry
from ..model.open_clip_tower import downloaded
from ..trust import opening
from .known import plain, preprocess, published, take_activation

# Name -> folder in open_clip's local form; `demo/explainer` and `demo/simulator` are there.
encoder_folders: Registry[Path] = Registry("encoder")

CONFIG_FILE = "open_clip_config.json"
_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
)


@dataclass(frozen=True)
class Source:
    """All that is needed to load an encoder.

    model_cfg: open_clip's configuration of both towers. preprocess: mean, std, interpolation and
    resize_mode. weights: the file. folders: where tokenizer files may lie. tag: open_clip's, if the
    weights came by one. built_in: the architecture is one that open_clip has by name.
    published: the known (a, b) with a sentence why it holds, or None.
    """

    name: str
    model: str
    model_cfg: dict
    preprocess: dict
    weights: Path
    folders: tuple[Path, ...]
    tag: str | None
    built_in: bool
    published: tuple[float, float, str] | None = None


def find_source(spec: config.Encoder, role: str) -> Source:
    """Find everything that `spec` names; downloads only the weights of a tag.

    role: the section of the config, for errors. Raises `UserError` where anything is missing or
    could be meant in two ways.
    """
    from open_clip import list_models

    if spec.model is None:
        raise UserError(f"There is no encoder: set {role}.model to open_clip's name of one, or to a folder.")
    name = spec.model.replace("/", "-")
    if spec.model in encoder_folders:
        return _from_folder(encoder_folders[spec.model], spec, role)
    if name in list_models():
        return _from_name(name, spec, role)
    path = opening("encoder", expanded(spec.model))
    if path.is_dir():
        source = _from_folder(path, spec, role)
    elif path.suffix == ".json":
        source = _from_json(path, spec, role)
    else:
        hint = did_you_mean(spec.model, [*list_models(), *encoder_folders])
        raise UserError(
            f"{role}.model is {quote(spec.model)}, which is no model of open_clip, no folder, no JSON file and none "
            f"of {', '.join(encoder_folders) or 'the registered encoders'}.{hint}"
        )
    return source


def _from_folder(folder: Path, spec: config.Encoder, role: str) -> Source:
    file = folder / CONFIG_FILE
    if not file.is_file():
        raise UserError(
            f"The folder {folder} of {role}.model has no {CONFIG_FILE}, so its architecture and preprocessing "
            f"are unknown; set {role}.model to open_clip's name and {role}.pretrained to the folder."
        )
    given = _read_json(file)
    weights = _weights(spec.pretrained, role) if spec.pretrained else _weights_in(folder)
    return _described(given, folder, weights, _title(spec, folder), spec, role)


def _from_json(file: Path, spec: config.Encoder, role: str) -> Source:
    if not file.is_file():
        raise UserError(f"There is no file {file}, which {role}.model names.")
    given = _read_json(file)
    if spec.pretrained is None:
        raise UserError(
            f"The encoder of {file} has no weights: set {role}.pretrained to their file or folder."
        )
    weights = _weights(spec.pretrained, role)
    return _described(given, file.parent, weights, file.stem, spec, role)


def _described(given: dict, base: Path, weights: Path, title: str, spec: config.Encoder, role: str) -> Source:
    """A source from a configuration file, which lies in `base`."""
    model_cfg = deepcopy(given.get("model_cfg", given))
    known = given.get("preprocess_cfg") or model_cfg.pop("preprocess_cfg", None) or {}
    model_cfg.pop("preprocess_cfg", None)
    _merges_beside(model_cfg, (base, weights.parent))
    prepared = preprocess(known, spec, role, f"the configuration in {base}")
    found = published(model_cfg, prepared, None)
    return Source(
        spec.name or title, title, model_cfg, prepared, weights, (base, weights.parent), None, False, found
    )


def _from_name(name: str, spec: config.Encoder, role: str) -> Source:
    from open_clip import get_model_config
    from open_clip.pretrained import _PRETRAINED, get_pretrained_cfg

    model_cfg = get_model_config(name)
    tags = _PRETRAINED.get(name, {})
    offered = f"open_clip's tags for it: {', '.join(tags)}" if tags else "open_clip has no weights for it"
    if not spec.pretrained:
        raise UserError(
            f"The encoder {name} would run on random weights: set {role}.pretrained to a tag, or to a file or "
            f"folder of weights ({offered})."
        )
    if entry := get_pretrained_cfg(name, spec.pretrained):
        tag = spec.pretrained.lower().replace("-", "_")
        take_activation(model_cfg, entry)
        prepared = preprocess(entry, spec, role, f"the tag {tag}")
        instead = f": put them in a folder with their {CONFIG_FILE} and tokenizer files, and set {role}.model to the folder"
        weights = downloaded(entry, f"{tag!r} of {name}", instead)
        found = published(model_cfg, prepared, tag)
        return Source(spec.name or name, name, model_cfg, prepared, weights, (), tag, True, found)
    given = opening("encoder", expanded(spec.pretrained))
    if not given.exists():
        raise UserError(
            f"{role}.pretrained is {quote(spec.pretrained)}, which is no file, no folder and no tag of {name}; "
            f"{offered}.{did_you_mean(spec.pretrained, list(tags))}"
        )
    weights = _weights(spec.pretrained, role)
    beside = weights.parent / CONFIG_FILE
    if given.is_dir() and beside.is_file():
        source = _described(_read_json(beside), beside.parent, weights, name, spec, role)
        usual = [plain(model_cfg), plain(model_cfg | {"quick_gelu": True})]
        if plain(source.model_cfg) not in usual:
            raise UserError(
                f"The folder {beside.parent} holds another architecture than {name}: set {role}.model to the "
                "folder, and nothing else."
            )
        return source
    activations = {bool(entry.get("quick_gelu")) for entry in tags.values()}
    if len(activations) > 1:
        raise UserError(
            f"Weights of {name} come with GELU or with QuickGELU and {weights} can't say which: set {role}.model "
            f"to {name}-quickgelu, or to a folder with the weights and an {CONFIG_FILE}."
        )
    for entry in tags.values():
        take_activation(model_cfg, entry)
    agreed = {
        key: entry[key]
        for entry in tags.values()
        for key in ("mean", "std", "interpolation", "resize_mode")
        if all(other[key] == entry[key] for other in tags.values())
    }
    prepared = preprocess(agreed, spec, role, f"the file {weights}, whose tag is unknown,")
    found = published(model_cfg, prepared, None)
    return Source(spec.name or name, name, model_cfg, prepared, weights, (weights.parent,), None, True, found)


def _weights(given: str, role: str) -> Path:
    path = opening("encoder", expanded(given))
    if path.is_dir():
        return _weights_in(path)
    if not path.is_file():
        raise UserError(f"There is no file or folder {path} with weights, which {role}.pretrained names.")
    if path.suffix in (".npz", ".npy"):
        raise UserError(
            f"The weights {path} are in the NumPy form of big_vision, which is not read; use the .safetensors "
            "that open_clip has of the same model."
        )
    return path


def _weights_in(folder: Path) -> Path:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    found = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin", ".pt", ".pth"))
    if len(found) == 1:
        return found[0]
    several = (
        f"several weights files ({', '.join(p.name for p in found[:4])})" if found else "no weights file"
    )
    raise UserError(f"The folder {folder} has {several}: it needs one named {_WEIGHTS[0]}.")


def _read_json(file: Path) -> dict:
    given = read_json(file, "The encoder's configuration")
    model = given.get("model_cfg", given) if isinstance(given, dict) else None
    towers = ("vision_cfg", "text_cfg")
    if not isinstance(model, dict) or not all(isinstance(model.get(key), dict) for key in towers):
        raise UserError(
            f"The encoder's configuration {file} must have embed_dim, vision_cfg and text_cfg, as open_clip's do."
        )
    if not isinstance(model.get("embed_dim"), int):
        raise UserError(f"The encoder's configuration {file} has no embed_dim, the length of the embeddings.")
    return given


def _merges_beside(model_cfg: dict, folders: tuple[Path, ...]) -> None:
    """Make `bpe_path` absolute: it is meant from the folder of the configuration, else of the weights."""
    given = (model_cfg["text_cfg"].get("tokenizer_kwargs") or {}).get("bpe_path")
    if given is None:
        return
    places = [folder / Path(given).expanduser() for folder in folders]
    path = next((p for p in places if p.is_file()), None)
    if path is None:
        raise UserError(f"There is no merges file {places[0]}, which the encoder's tokenizer needs.")
    model_cfg["text_cfg"]["tokenizer_kwargs"]["bpe_path"] = str(path.resolve())


def _title(spec: config.Encoder, folder: Path) -> str:
    return spec.model if spec.model and spec.model in encoder_folders else folder.resolve().name
