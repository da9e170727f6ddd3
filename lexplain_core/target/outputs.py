"""What a network's outputs are called, and which probing class each stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..errors import UserError, quote
from ..files import read_text
from ..probe.base import ClassInfo

Names = tuple[tuple[str, ...] | None, tuple[str, ...] | None]


@cache
def imagenet() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, WordNet ids) of ImageNet's 1,000 classes, in the order of the outputs.

    Names are torchvision's, ids timm's (`n01440764`, …, in sorted order).
    """
    from timm.data import ImageNetInfo
    from torchvision.models import ResNet50_Weights

    names = tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
    return names, tuple(ImageNetInfo("imagenet-1k").label_names())


def timm_outputs(model) -> Names:
    """(names, WordNet ids) of a timm model's outputs, as far as its pretraining set is an ImageNet."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(model)
    if not subset:
        return None, None
    if subset == "imagenet-1k":
        return imagenet()
    info = ImageNetInfo(subset)
    names = tuple(info.index_to_description(i).split(",")[0] for i in range(info.num_classes()))
    return names, tuple(info.label_names())


def chosen_outputs(chosen: str | list[str], known: Names, class_names: Sequence[str] | None) -> Names:
    """(names, keys) for `target.outputs`: a list, a `.txt` file, `imagenet` or `classes`.

    `known` is what the weights say; its keys stay if the names are the same. For `classes`
    without a probing set at hand (`class_names` None) the names stay unknown.
    """
    if chosen == "imagenet":
        return imagenet()
    if chosen == "classes":
        return (tuple(class_names) if class_names is not None else None), None
    if isinstance(chosen, str):
        path = Path(chosen)
        if path.suffix != ".txt":
            raise UserError(
                f"target.outputs is {quote(chosen)}, but it can be a list of names, a .txt file, `imagenet` or "
                "`classes`."
            )
        lines = read_text(path, "The file of output names").splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        chosen = [line.strip() for line in lines]
    if not chosen or not all(chosen):
        raise UserError("target.outputs must name every output, in order: there is an empty name in it.")
    names = tuple(chosen)
    return names, known[1] if names == known[0] else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def map_classes_to_outputs(
    classes: Sequence[ClassInfo],
    outputs: Sequence[str] | None,
    output_keys: Sequence[str] | None = None,
) -> list[int | None]:
    """For each probing class the index of the model's output for it, or None where there is none.

    Matches by key (WordNet id) first, then by name and at last by the class's key as a name,
    ignoring case, spaces, underscores and hyphens. One to one: an output stands for at most one
    class, and a name that several classes or several outputs share matches nothing, unless
    classes and outputs are the same names in the same order.
    """
    if outputs is None:
        return [None] * len(classes)
    if [_plain(c.name) for c in classes] == [_plain(o) for o in outputs]:
        return list(range(len(classes)))
    found: list[int | None] = [None] * len(classes)

    def match(class_labels: list[str], output_labels: list[str]) -> None:
        free = set(range(len(outputs))) - set(found)
        open_classes = [i for i, j in enumerate(found) if j is None]
        classes_with = Counter(class_labels[i] for i in open_classes)
        outputs_with = Counter(output_labels[j] for j in free)
        where = {output_labels[j]: j for j in free}
        for i in open_classes:
            label = class_labels[i]
            if label and classes_with[label] == 1 and outputs_with[label] == 1:
                found[i] = where[label]

    if output_keys is not None:
        match([c.key for c in classes], list(output_keys))
    match([_plain(c.name) for c in classes], [_plain(o) for o in outputs])
    match([_plain(c.key) for c in classes], [_plain(o) for o in outputs])
    return found
