"""Facts about a build into the store: its id, accuracy, versions."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..config import Build
from ..model import RecordingRun, TargetModel
from ..probe import ProbingSet
from ..store import StoreWriter
from .fingerprint import PACKAGES
from .stage import Desk
from .stages.concepts import Vocabulary
from .stages.recording import Outputs

TOP = 5  # outputs, of the accuracy beside that of the largest one
_LOGITS_AT_ONCE = 4096  # images
_IMAGES_IN_ID = 32  # whose pixels go into the store's id


def write_meta(
    desk: Desk,
    config: Build,
    rebuild: str,
    probing: ProbingSet,
    model: TargetModel,
    run: RecordingRun,
    outputs: Outputs,
    vocabulary: Vocabulary,
    same_encoder: bool,
    temperature: float | None,
    store: StoreWriter,
) -> None:
    accuracy, counted, unknown = _accuracy(probing, run, outputs)
    top5, no_top5 = _top5(probing, run, outputs, accuracy)
    if accuracy is not None:
        among = "" if top5 is None else f", top-5 {top5:.1%}"
        desk.progress.note(f"the network names {accuracy:.1%} of {counted:,} images right{among}")
    store.meta(
        id=store_id(config, probing, replace(model, outputs=outputs.names), _encoder_facts(vocabulary)),
        name=config.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        probing_set={"name": probing.name, "source": probing.source},
        target={
            "name": model.name, "source": model.source, "outputs": run.n_outputs,
            "accuracy": accuracy, "accuracy_images": counted, "accuracy_reason": unknown,
            "notes": list(run.notes),
            "top5": top5, "top5_reason": no_top5,
        },
        outputs=list(outputs.names) if outputs.names else None,
        build={
            "seconds": desk.seconds, "device": run.device,
            "images_per_second": round(run.images_per_second, 1), "python": platform.python_version(),
        },
        same_encoder=same_encoder,
        unsteady=run.unsteady,
        temperature=temperature,
        rebuild=rebuild,
        config=json.loads(config.model_dump_json()),
        versions={"lexplain": __version__} | {name: metadata.version(name) for name in ("duckdb", *PACKAGES)},
    )  # fmt: skip


def _accuracy(
    probing: ProbingSet, run: RecordingRun, outputs: Outputs
) -> tuple[float | None, int, str | None]:
    """Share of images whose largest output is their class's, over images whose class has one, how many these
    are, and why there is none."""
    predicted = run.predicted
    if predicted is None:
        return None, 0, run.reason
    if (predicted < 0).any():
        where = probing.keys[int(np.argmin(predicted))]
        count = f"{(predicted < 0).sum():,} of {len(predicted):,} images"
        return (
            None,
            0,
            f"The network's outputs are NaN on {count}, such as {where}, so its answers are not counted.",
        )
    answers = _answers(probing, outputs)
    known = answers >= 0
    if not known.any():
        return None, 0, outputs.reason
    return float((predicted[known] == answers[known]).mean()), int(known.sum()), None


def _answers(probing: ProbingSet, outputs: Outputs) -> np.ndarray:
    """The output of each image's class, (N,); -1 where it isn't known."""
    return np.array([-1 if output is None else output for output in outputs.of_class])[probing.labels]


def _top5(
    probing: ProbingSet, run: RecordingRun, outputs: Outputs, accuracy: float | None
) -> tuple[float | None, str | None]:
    """Share of images whose class is among the 5 largest outputs, over those of `_accuracy`; or why there is none."""
    if accuracy is None:
        return None, "It is not known which output is which class."
    if run.n_outputs is not None and run.n_outputs <= TOP:
        return None, f"The network has no more than {TOP} outputs."
    if run.outputs is None:
        return None, "This build kept no outputs of the network: importance.run and ablation.run are off."
    answers = _answers(probing, outputs)
    known = np.flatnonzero(answers >= 0)
    return float(np.mean(_among_top(run.outputs, known, answers[known]))), None


def _among_top(logits: np.ndarray, images: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Whether an image's answer is among its 5 largest outputs; of equal ones the first counts as the larger.

    logits: (C, N). images: (n,), and the output of each one's class, (n,).
    """
    inside = []
    for start in range(0, len(images), _LOGITS_AT_ONCE):
        part = slice(start, start + _LOGITS_AT_ONCE)
        values, answer = logits[:, images[part]], answers[part]
        own = values[answer, np.arange(len(answer))]
        before = (values > own) | ((values == own) & (np.arange(len(values))[:, None] < answer))
        inside.append((before.sum(axis=0) < TOP) & np.isfinite(own))
    return np.concatenate(inside)


def _encoder_facts(vocabulary: Vocabulary) -> dict[str, Any]:
    """What encoders and concept sets are, wherever their files lie."""
    views = vocabulary.views
    asked = [vocabulary.matrices[view.name] for view in views.values() if view.name in vocabulary.matrices]
    return {
        "encoders": {role: view.fingerprint for role, view in sorted(views.items())},
        "concepts": [[concept.key, concept.name] for matrix in asked for concept in matrix.concepts],
    }


def store_id(
    config: Build, probing: ProbingSet, model: TargetModel, encoders: dict[str, Any] | None = None
) -> str:
    """The same for the same images, labels, networks, concepts and options wherever they lie.

    No path goes into it, but what the paths lead to does: labels and names, the network's
    weights, the pixels of images spread over the set, and `encoders`: fingerprints and concepts.
    """
    files = {"model", "pretrained", "tokenizer", "batch_size"}
    placeless: dict[str, Any] = {
        "store": True,
        "cache": True,
        "memory": True,
        "record": True,
        "plugins": True,
        "probe": {"root", "names", "superclasses"},
        "target": {"weights", "weights_key"},
        "concepts": {"sets", "embeddings"},
        "explainer": files,
        "simulator": files,
    }
    options = json.loads(config.model_dump_json(exclude=placeless))
    if ".py:" in options["target"]["model"]:  # timm/NAME is no path
        options["target"]["model"] = Path(options["target"]["model"]).name
    for section, name, old in (
        (options, "dead_threshold", "dead_below"),
        (options["explain"], "min_top5_mean", "concept_mean5"),
        (options["explain"], "min_std", "concept_std"),
    ):
        section[old] = section.pop(name)  # builds of before keep their id
    options["target"]["outputs"] = model.outputs
    if not options["explain"]["own"]:  # stores of before keep their id
        del options["explain"]["own"]
    labels = [probing.keys, probing.labels.tolist(), [(c.key, c.name) for c in probing.classes]]
    groups = [(g.key, g.name, [int(c) for c in g.classes]) for g in probing.superclasses]
    facts = [options, labels, groups, model.fingerprint(), encoders or {}]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for i in np.linspace(0, len(probing) - 1, _IMAGES_IN_ID).astype(int):
        image = probing.load(int(i))
        digest.update(repr(image.size).encode() + image.tobytes())
    return digest.hexdigest()[:12]
