"""What a network's outputs are called, and which probing class each stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from torch import nn

from ..base.errors import UserError, quote
from ..base.files import read_text
from ..base.text import composed, folded, lines, trimmed
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


def timm_outputs(model: nn.Module) -> Names:
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
        chosen = lines(read_text(path, "The file of output names"))
        while chosen and not chosen[-1]:
            chosen.pop()
    if not chosen or not all(map(trimmed, chosen)):
        raise UserError("target.outputs must name every output, in order: there is an empty name in it.")
    names = tuple(chosen)
    return names, known[1] if names == known[0] else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", folded(name))


def in_order(
    classes: Sequence[ClassInfo], labels: np.ndarray, predicted: np.ndarray | None
) -> tuple[list[int], str | None]:
    """Which class each output stands for where outputs are the classes in their order, and a sentence where
    that can be doubted.

    Folders are sorted as text, as torchvision's ImageFolder does: 0, 1, 10, 11, 2, … A network may have them in
    another order: by their numbers, or without regard to case. Of orders that differ, that is taken with which
    clearly more images are right. labels: class of each image, (N,). predicted: the largest output, (N,).
    """
    keys = [c.key for c in classes]
    orders = {"as text": list(range(len(keys)))}
    for how, sort in (("by their numbers", _natural), ("without regard to case", str.casefold)):
        order = sorted(range(len(keys)), key=lambda i: (sort(keys[i]), i))
        if order not in orders.values():
            orders[how] = order
    if len(orders) == 1:
        return orders["as text"], None
    if predicted is None:
        return orders["as text"], _unsure(keys, orders)
    # an answer beyond the classes is wrong in any order
    right = {
        how: np.append(order, -1)[np.minimum(predicted, len(order))] == labels
        for how, order in orders.items()
    }
    best, plain = max(right, key=lambda how: right[how].sum()), right["as text"]
    others = [how for how in orders if how != best]
    if any(not _clearly(right[best], right[how]) for how in others):
        return orders["as text"], _unsure(keys, orders)
    if best == "as text":
        return orders[best], None
    return orders[best], (
        f"the network's outputs are the class folders sorted {best} ({_first(keys, orders[best])}): so "
        f"{right[best].mean():.0%} of the images are right, and {plain.mean():.0%} with the folders sorted as text"
    )


def _natural(key: str) -> list[tuple[int, int, str]]:
    """A sort key in which the numbers in a text count as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", key)
    return [
        (0, int(part), part) if part[0] in "0123456789" and len(part) < 40 else (1, 0, part) for part in parts
    ]


def _clearly(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether more images are right by `one` than chance would explain."""
    wins, losses = int((one & ~other).sum()), int((other & ~one).sum())
    return wins - losses > max(4 * (wins + losses) ** 0.5, 0.02 * len(one))


def _unsure(keys: Sequence[str], orders: dict[str, list[int]]) -> str:
    how, order = next((how, order) for how, order in orders.items() if how != "as text")
    return (
        f"class folders are sorted as text ({_first(keys, orders['as text'])}), and not {how} "
        f"({_first(keys, order)}): if that is the order of the network's outputs, list them in target.outputs"
    )


def _first(keys: Sequence[str], order: Sequence[int]) -> str:
    return ", ".join(keys[i] for i in order[:4]) + (", …" if len(keys) > 4 else "")


def map_classes_to_outputs(
    classes: Sequence[ClassInfo],
    outputs: Sequence[str] | None,
    output_keys: Sequence[str] | None = None,
) -> list[int | None]:
    """For each probing class the index of the model's output for it, or None where there is none.

    Matches by key (WordNet id) first, then by name and at last by the class's key as a name,
    ignoring case, the form of accents, spaces, underscores and hyphens. One to one: an output stands for at most one
    class, and a name that several classes or several outputs share matches nothing, unless
    classes and outputs are the same names in the same order.
    """
    if outputs is None:
        return [None] * len(classes)
    names = [composed(c.name) for c in classes], [composed(o) for o in outputs]
    plain = [_plain(c.name) for c in classes], [_plain(o) for o in outputs]
    same = sorted(names[0]) == sorted(names[1])
    if names[0] == names[1] or (plain[0] == plain[1] and not same):
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
    if same:  # where names differ in nothing but case, the case counts
        match(*names)
    match(*plain)
    match([_plain(c.key) for c in classes], [_plain(o) for o in outputs])
    return found
