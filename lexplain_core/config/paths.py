"""The paths in a build's configuration: relative ones are meant from the file that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Every path option, with its section: relative ones are meant from the config file's folder.
_PATHS = [
    ((), "store"),
    ((), "cache"),
    (("probe",), "root"),
    (("probe",), "names"),
    (("explainer",), "tokenizer"),
    (("simulator",), "tokenizer"),
]
# Endings that make `target.weights` a file.
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".th", ".safetensors", ".bin", ".ckpt", ".tar")
# Names in `concepts.sets` that are no files.
CONCEPT_SETS = ("labels", "nouns")


def factory_of(model: str) -> tuple[Path, str] | None:
    """The file and the function of `target.model = "FILE.py:function"`; None for any other model."""
    path, _, function = model.rpartition(":")
    return (Path(path), function) if path.endswith(".py") and function.isidentifier() else None


def names_file(weights: str) -> bool:
    """Whether `target.weights` is a checkpoint file, and not a tag such as `IMAGENET1K_V1`."""
    path = Path(weights)
    return path.suffix.lower() in CHECKPOINT_SUFFIXES or len(path.parts) > 1


def is_path(text: str, base: Path) -> bool:
    """Whether an encoder's `model` or `pretrained` is a file or folder, and not open_clip's name or tag."""
    if not text or "://" in text or text.startswith("hf-hub:"):
        return False
    looks = text.startswith((".", "~", "/")) or Path(text).suffix.lower() in (*CHECKPOINT_SUFFIXES, ".json")
    return looks or (base / text).exists()


def _resolve(path: str, base: Path) -> str:
    expanded = Path(path).expanduser()
    return str(expanded if expanded.is_absolute() else (base / expanded))


def anchor(data: dict, base: Path) -> None:
    """Make the paths of a config file relative to the file, not to where one happens to stand."""
    for section, key in _PATHS:
        table: Any = data
        for part in section:
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(table.get(key), str):
            table[key] = _resolve(table[key], base)
    probe, target = data.get("probe"), data.get("target")
    if isinstance(probe, dict) and isinstance(probe.get("superclasses"), str):
        if probe["superclasses"] != "wordnet":
            probe["superclasses"] = _resolve(probe["superclasses"], base)
    if isinstance(target, dict):
        if isinstance(target.get("weights"), str) and names_file(target["weights"]):
            target["weights"] = _resolve(target["weights"], base)
        if isinstance(target.get("outputs"), str) and target["outputs"] not in ("imagenet", "classes"):
            target["outputs"] = _resolve(target["outputs"], base)
        if ".py:" in str(target.get("model", "")):
            target["model"] = _resolve(target["model"], base)
    for role in ("explainer", "simulator"):
        if isinstance(encoder := data.get(role), dict):
            for key in ("model", "pretrained"):
                if isinstance(encoder.get(key), str) and is_path(encoder[key], base):
                    encoder[key] = _resolve(encoder[key], base)
    if isinstance(plugins := data.get("plugins"), list):
        data["plugins"] = [_resolve(file, base) if isinstance(file, str) else file for file in plugins]
    concepts = data.get("concepts")
    if isinstance(concepts, dict) and isinstance(concepts.get("sets"), list):
        concepts["sets"] = [
            _resolve(s, base) if isinstance(s, str) and s not in CONCEPT_SETS else s for s in concepts["sets"]
        ]
